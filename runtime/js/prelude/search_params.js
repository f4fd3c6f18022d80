'use strict';
// URLSearchParams: a list of pairs, written back to the URL it belongs to.
const {
  ArrayPrototypePush, ArrayPrototypeSort, ArrayPrototypeSplice,
  ObjectGetOwnPropertyDescriptor, ReflectOwnKeys, StringPrototypeIndexOf, StringPrototypeSlice,
  StringPrototypeSplit, StringPrototypeStartsWith, SymbolIterator, TypeError,
} = primordials;

const decode = (text) => native.formDecode(text);

const parseInto = (pairs, query) => {
  const parts = StringPrototypeSplit(query, '&');
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    if (part === '') continue;
    const equals = StringPrototypeIndexOf(part, '=');
    ArrayPrototypePush(pairs, equals < 0
      ? [decode(part), '']
      : [decode(StringPrototypeSlice(part, 0, equals)),
        decode(StringPrototypeSlice(part, equals + 1))]);
  }
};

const serialize = (pairs) => {
  let out = '';
  for (let i = 0; i < pairs.length; i++) {
    if (i > 0) out += '&';
    out += `${native.formEncode(pairs[i][0])}=${native.formEncode(pairs[i][1])}`;
  }
  return out;
};

const StringPrototypeToWellFormed = primordials.uncurryThis(String.prototype.toWellFormed);
/// A WebIDL USVString: lone surrogates are replaced now.
web.toUSV = (value) => StringPrototypeToWellFormed(web.toText(value));

/// The pairs of a sequence of pairs or of a record, as WebIDL reads them.
web.pairsOf = (init, what, convert = web.toText) => {
  const pairs = [];
  const iterate = init[SymbolIterator];
  if (iterate !== undefined && iterate !== null) {
    for (const pair of init) {
      if ((typeof pair !== 'object' && typeof pair !== 'function') || pair === null)
        throw new TypeError(`${what}: each entry is a pair`);
      const items = [...pair];
      if (items.length !== 2) throw new TypeError(`${what}: each entry is a pair`);
      ArrayPrototypePush(pairs, [convert(items[0]), convert(items[1])]);
    }
    return pairs;
  }
  const keys = ReflectOwnKeys(init);
  const places = { __proto__: null };  // two keys may be one once they are converted
  for (let i = 0; i < keys.length; i++) {
    if (!ObjectGetOwnPropertyDescriptor(init, keys[i])?.enumerable) continue;
    const key = convert(keys[i]);
    const value = convert(init[keys[i]]);
    if (places[key] !== undefined) {
      pairs[places[key]][1] = value;
      continue;
    }
    places[key] = pairs.length;
    ArrayPrototypePush(pairs, [key, value]);
  }
  return pairs;
};

web.parseQuery = parseInto;

let construct;  // set by the class: a URLSearchParams bound to a URL
let reset;

class URLSearchParams {
  #pairs = [];
  #update = undefined;  // writes the query back to a URL

  static {
    construct = (query, update) => {
      const params = new URLSearchParams(query);
      params.#update = update;
      return params;
    };
    web.isSearchParams = (value) => typeof value === 'object' && value !== null && #pairs in value;
    reset = (params, query) => {
      params.#pairs = [];
      parseInto(params.#pairs, StringPrototypeSlice(query, 1));
    };
  }

  constructor(init = '') {
    if ((typeof init === 'object' && init !== null) || typeof init === 'function') {
      this.#pairs = web.pairsOf(init, 'URLSearchParams', web.toUSV);
      return;
    }
    const query = web.toUSV(init);
    parseInto(this.#pairs, StringPrototypeStartsWith(query, '?')
      ? StringPrototypeSlice(query, 1) : query);
  }
  #changed() { this.#update?.(serialize(this.#pairs)); }
  #remove(name, value) {
    for (let i = this.#pairs.length - 1; i >= 0; i--) {
      const pair = this.#pairs[i];
      if (pair[0] === name && (value === undefined || pair[1] === value))
        ArrayPrototypeSplice(this.#pairs, i, 1);
    }
  }

  get size() { return this.#pairs.length; }
  append(name, value) {
    web.needArguments(arguments.length, 2, 'append');
    ArrayPrototypePush(this.#pairs, [web.toText(name), web.toText(value)]);
    this.#changed();
  }
  delete(name, value = undefined) {
    web.needArguments(arguments.length, 1, 'delete');
    this.#remove(web.toText(name), value === undefined ? undefined : web.toText(value));
    this.#changed();
  }
  get(name) {
    web.needArguments(arguments.length, 1, 'get');
    const wanted = web.toText(name);
    for (let i = 0; i < this.#pairs.length; i++)
      if (this.#pairs[i][0] === wanted) return this.#pairs[i][1];
    return null;
  }
  getAll(name) {
    web.needArguments(arguments.length, 1, 'getAll');
    const wanted = web.toText(name);
    const values = [];
    for (let i = 0; i < this.#pairs.length; i++)
      if (this.#pairs[i][0] === wanted) ArrayPrototypePush(values, this.#pairs[i][1]);
    return values;
  }
  has(name, value = undefined) {
    web.needArguments(arguments.length, 1, 'has');
    const wanted = web.toText(name);
    const text = value === undefined ? undefined : web.toText(value);
    for (let i = 0; i < this.#pairs.length; i++) {
      if (this.#pairs[i][0] === wanted && (text === undefined || this.#pairs[i][1] === text))
        return true;
    }
    return false;
  }
  set(name, value) {
    web.needArguments(arguments.length, 2, 'set');
    const wanted = web.toText(name);
    const text = web.toText(value);
    for (let i = 0; i < this.#pairs.length; i++) {
      if (this.#pairs[i][0] !== wanted) continue;
      this.#pairs[i] = [wanted, text];
      for (let k = this.#pairs.length - 1; k > i; k--)
        if (this.#pairs[k][0] === wanted) ArrayPrototypeSplice(this.#pairs, k, 1);
      this.#changed();
      return;
    }
    ArrayPrototypePush(this.#pairs, [wanted, text]);
    this.#changed();
  }
  sort() {  // by UTF-16 units, stable: what < on strings does
    ArrayPrototypeSort(this.#pairs, (a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
    this.#changed();
  }
  forEach(callback, self = undefined) {
    if (typeof callback !== 'function') throw new TypeError('forEach takes a function');
    for (let i = 0; i < this.#pairs.length; i++) {
      const pair = this.#pairs[i];
      primordials.ReflectApply(callback, self, [pair[1], pair[0], this]);
    }
  }
  *entries() {
    for (let i = 0; i < this.#pairs.length; i++) yield [this.#pairs[i][0], this.#pairs[i][1]];
  }
  *keys() { for (let i = 0; i < this.#pairs.length; i++) yield this.#pairs[i][0]; }
  *values() { for (let i = 0; i < this.#pairs.length; i++) yield this.#pairs[i][1]; }
  toString() { return serialize(this.#pairs); }
}

web.exposeClass(URLSearchParams);
web.defineIterator(URLSearchParams);
web.makeSearchParams = construct;
web.resetSearchParams = reset;
