// RandomForest of Table 2: n regression trees on 50 samples of 3 features, seed 3.
import { RandomForestRegression } from 'ml-random-forest';

import { application, digest } from './lib/application.js';

const SAMPLES = 50;

function run(n) {
  const x = Array.from({ length: SAMPLES }, (_, i) => [i, (i * i) % 53, (i * 7) % 31]);
  const y = x.map(([a, b, c]) => a + 2 * b - c / 4);
  const forest = new RandomForestRegression({ seed: 3, nEstimators: n, maxFeatures: 2 });
  forest.train(x, y);
  return { predicted: digest(forest.predict(x)), out_of_bag: digest(forest.predictOOB()) };
}

export default application({ what: 'a forest of n trees', size: 200, largest: 1000, run });
