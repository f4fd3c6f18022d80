// DecisionTree of Table 2: a regression tree learns sin(x) from n samples and predicts them.
import { DecisionTreeRegression } from 'ml-cart';

import { application, digest } from './lib/application.js';

function run(n) {
  const x = Array.from({ length: n }, (_, i) => i / 100);
  const y = x.map(Math.sin);
  const tree = new DecisionTreeRegression();
  tree.train(x, y);
  return digest(tree.predict(x));
}

export default application({ what: 'a regression tree on sin(x)', size: 1500, largest: 5000, run });
