// NaiveBayes of Table 2: a Gaussian classifier learns n samples of n features and predicts them.
import { GaussianNB } from 'ml-naivebayes';

import { application, digest, digest_labels } from './lib/application.js';

const CLASSES = 4;

function run(n) {
  const labels = Array.from({ length: n }, (_, i) => i % CLASSES);
  const samples = labels.map((label, i) =>
    Array.from({ length: n }, (_, j) => 2 * label + ((3 * i * i + 31 * i + i * j + 17 * j) % 97) / 97),
  );
  const model = new GaussianNB();
  model.train(samples, labels);
  return {
    predicted: digest_labels(model.predict(samples)),
    means: model.means.map((of_class) => digest(of_class, 3)),
  };
}

export default application({ what: 'Gaussian naive Bayes', size: 1000, largest: 1000, run });
