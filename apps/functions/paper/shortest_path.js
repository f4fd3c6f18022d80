// Shortest-Path of Table 2: Dijkstra's algorithm without a heap, O(n * n), over n vertices.
import { application, digest } from './lib/application.js';

/// The original has the loops i -> i of weight i mod 5 alone, which reach nothing; here edges to two
/// other vertices come to them.
function make_graph(n) {
  return Array.from({ length: n }, (_, i) => [
    [i, i % 5],
    [(i * 7 + 1) % n, 1 + (i % 3)],
    [(i + 1) % n, 5 + (i % 4)],
  ]);
}

function distances_from(source, graph) {
  const distance = new Array(graph.length).fill(Infinity);
  const is_done = new Array(graph.length).fill(false);
  distance[source] = 0;
  for (;;) {
    let nearest = -1;
    for (let i = 0; i < graph.length; ++i) {
      if (!is_done[i] && (nearest < 0 || distance[i] < distance[nearest])) nearest = i;
    }
    if (nearest < 0 || distance[nearest] === Infinity) return distance;
    is_done[nearest] = true;
    for (const [to, weight] of graph[nearest]) {
      distance[to] = Math.min(distance[to], distance[nearest] + weight);
    }
  }
}

function run(n) {
  const distance = distances_from(0, make_graph(n));
  return { farthest: distance.reduce((a, b) => Math.max(a, b)), distance: digest(distance) };
}

export default application({ what: 'shortest paths, O(n * n)', size: 5000, largest: 20_000, run });
