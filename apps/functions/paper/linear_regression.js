// LinearRegression of Table 2: a line through n points, and how well it fits them.
import { SimpleLinearRegression } from 'ml-regression-simple-linear';

import { application } from './lib/application.js';

function run(n) {
  const x = Array.from({ length: n }, (_, i) => i);
  const y = x.map((i) => 3 * i + 7 + (i % 11));
  const line = new SimpleLinearRegression(x, y);
  const { r, r2, chi2, rmsd } = line.score(x, y);
  return { slope: line.slope, intercept: line.intercept, r, r2, chi2, rmsd };
}

export default application({
  what: 'simple linear regression and its score',
  size: 1_500_000,
  largest: 1_500_000,
  run,
});
