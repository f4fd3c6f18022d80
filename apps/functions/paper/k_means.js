// K-Means of Table 2: n points that are all the same, and n centers that are given.
import { kmeans } from 'ml-kmeans';

import { application, digest } from './lib/application.js';

function run(n) {
  const points = Array.from({ length: n }, () => [1.5, 2.25, 3.125]);
  const centers = Array.from({ length: n }, (_, i) => [i % 50, Math.floor(i / 50), (7 * i) % 11]);
  const result = kmeans(points, n, { initialization: centers });
  const used = [...new Set(result.clusters)];
  return {
    used,
    points: result.clusters.length,
    centroids: used.map((id) => result.centroids[id]),
    coordinates: digest(result.centroids.flat()),
    iterations: result.iterations,
    converged: result.converged,
  };
}

export default application({ what: 'k-means with k = n', size: 2500, largest: 4000, run });
