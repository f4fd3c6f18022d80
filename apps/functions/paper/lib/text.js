// English-like text for NLP: our own words in sentences of one shape, the same for the same length.

const ADJECTIVES = ['quiet', 'old', 'small', 'tall', 'brown', 'young', 'distant', 'narrow', 'empty'];
const NOUNS = [
  'bird', 'nests', 'feather', 'mice', 'goose', 'wolves', 'leaf', 'children', 'fox', 'branches',
  'berry', 'cities', 'tomato', 'knives', 'tooth', 'women', 'river', 'gardens', 'farmer',
  'stories', 'church', 'heroes', 'house', 'windows', 'egg', 'trees', 'lake', 'stones', 'girl',
  'valleys', 'shelf', 'owls', 'eagle', 'sparrows', 'meadow', 'forests', 'bridge', 'boats',
  'basket', 'lanterns', 'horse', 'islands', 'cloud', 'flowers', 'chimney', 'teachers', 'puppy',
  'canaries', 'cherry', 'loaves', 'thief', 'scarves',
];
const VERBS = ['waited', 'slept', 'appeared', 'vanished', 'remained', 'arrived'];
const PREPOSITIONS = ['near', 'behind', 'beside', 'above', 'below'];

/// Whole sentences, as many as have at least `length` characters.
export function make_text(length) {
  let state = 1;
  // Numerical Recipes' generator; the upper bits, as the lower ones repeat soon.
  const pick = (words) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return words[(state >>> 16) % words.length];
  };
  const thing = () => `${pick(ADJECTIVES)} ${pick(NOUNS)}`;
  let text = '';
  while (text.length < length) {
    const sentence = `The ${thing()} ${pick(VERBS)} ${pick(PREPOSITIONS)} the ${thing()}.`;
    text += text === '' ? sentence : ` ${sentence}`;
  }
  return text;
}
