// NLP of Table 2: the nouns of a text of n characters, all in the plural and all in the singular.
// The paper's second a call is a 64th of the original's file of 104,262 bytes; so is the size here.
import nlp from 'compromise/three';

import { application } from './lib/application.js';
import { make_text } from './lib/text.js';

function run(n) {
  const text = nlp(make_text(n));
  const change = (how) => {
    const changed = text.clone();
    const nouns = changed.nouns();
    nouns[how]();
    return { nouns: nouns.length, text: changed.text() };
  };
  return { plural: change('toPlural'), singular: change('toSingular') };
}

export default application({ what: 'nouns to plural and singular', size: 1629, largest: 110_000, run });
