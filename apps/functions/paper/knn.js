// Knn of Table 2: k-d tree of n labelled points, k = 2, n predictions. The points lie on a sphere and
// the queries near its center, so that all are nearly as far: the tree can leave out little.
import KNN from 'ml-knn';

import { application, digest_labels } from './lib/application.js';

/// On the unit sphere, by its rational parametrization: the same numbers in every language.
function on_sphere(u, v) {
  const d = 1 + u * u + v * v;
  return [(2 * u) / d, (2 * v) / d, (1 - u * u - v * v) / d];
}

/// 0 to 7.
function octant([x, y, z]) {
  return (x < 0 ? 4 : 0) + (y < 0 ? 2 : 0) + (z < 0 ? 1 : 0);
}

function run(n) {
  const points = [];
  for (let i = 0; i < n; ++i) {
    const u = ((i * 37) % n) / n;
    const v = ((i * 101 + 7) % n) / n;
    const point = on_sphere(0.2 + 1.5 * u, 0.2 + 1.5 * v);
    points.push(point.map((value, axis) => ((i >> axis) & 1 ? -value : value)));
  }
  const queries = Array.from({ length: n }, (_, i) => {
    const away = 0.001 * (1 + (i % 13) / 13);
    return [4, 2, 1].map((bit) => ((i * 5) & bit ? -away : away));
  });
  const knn = new KNN(points, points.map(octant), { k: 2 });
  return digest_labels(knn.predict(queries));
}

export default application({ what: 'k nearest neighbours, k = 2', size: 1500, largest: 3000, run });
