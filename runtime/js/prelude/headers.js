'use strict';
// Headers (https://fetch.spec.whatwg.org/#headers-class): a flat list [name, value, name, value].
const {
  ArrayPrototypeJoin, ArrayPrototypePush, ArrayPrototypeSlice, ArrayPrototypeSort, ArrayPrototypeSplice, ReflectApply,
  RegExpPrototypeExec, StringPrototypeSplit, StringPrototypeToLowerCase, TypeError,
} = primordials;

const kToken = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const kForbiddenValue = /[^\x01-\x09\x0b\x0c\x0e-\xff]/;
const kNeedsTrim = /^[\t\n\r ]|[\t\n\r ]$/;

const normalName = (name) => {
  const text = web.toText(name);
  if (RegExpPrototypeExec(kToken, text) === null)
    throw new TypeError(`Invalid header name: '${text}'`);
  return StringPrototypeToLowerCase(text);
};
const normalValue = (value) => {
  let text = web.toText(value);
  if (RegExpPrototypeExec(kNeedsTrim, text) !== null) text = trim(text);
  if (RegExpPrototypeExec(kForbiddenValue, text) !== null)
    throw new TypeError('Invalid header value');
  return text;
};
const isSpace = (text, i) => {
  const unit = primordials.StringPrototypeCharCodeAt(text, i);
  return unit === 9 || unit === 10 || unit === 13 || unit === 32;
};
const trim = (text) => {
  let from = 0;
  let to = text.length;
  while (from < to && isSpace(text, from)) from++;
  while (to > from && isSpace(text, to - 1)) to--;
  return primordials.StringPrototypeSlice(text, from, to);
};

let construct;   // from a flat list that is normal already
let copy;        // as changeable as the other is
let flatten;     // "name\0value\0name\0value", for C++

class Headers {
  #list = [];
  #immutable = false;

  static {
    construct = (list, immutable) => {
      const headers = new Headers();
      headers.#list = list;
      headers.#immutable = immutable;
      return headers;
    };
    copy = (headers) => construct(ArrayPrototypeSlice(headers.#list), headers.#immutable);
    flatten = (headers) => ArrayPrototypeJoin(headers.#list, '\0');
  }

  constructor(init = undefined) {
    if (init === undefined) return;
    if ((typeof init !== 'object' && typeof init !== 'function') || init === null)
      throw new TypeError('Headers takes an object or a sequence of pairs');
    if (#list in init) {
      for (let i = 0; i < init.#list.length; i++) ArrayPrototypePush(this.#list, init.#list[i]);
      return;
    }
    const pairs = web.pairsOf(init, 'Headers');
    for (let i = 0; i < pairs.length; i++)
      ArrayPrototypePush(this.#list, normalName(pairs[i][0]), normalValue(pairs[i][1]));
  }
  #writable() {
    if (this.#immutable) throw new TypeError('These headers are immutable');
  }
  #find(name) {
    for (let i = 0; i < this.#list.length; i += 2) if (this.#list[i] === name) return i;
    return -1;
  }
  #remove(name, from) {
    for (let i = this.#list.length - 2; i >= from; i -= 2)
      if (this.#list[i] === name) ArrayPrototypeSplice(this.#list, i, 2);
  }

  append(name, value) {
    web.needArguments(arguments.length, 2, 'append');
    const key = normalName(name);
    const text = normalValue(value);
    this.#writable();
    ArrayPrototypePush(this.#list, key, text);
  }
  delete(name) {
    web.needArguments(arguments.length, 1, 'delete');
    const key = normalName(name);
    this.#writable();
    this.#remove(key, 0);
  }
  get(name) {
    web.needArguments(arguments.length, 1, 'get');
    const key = normalName(name);
    let out = null;
    for (let i = 0; i < this.#list.length; i += 2) {
      if (this.#list[i] === key)
        out = out === null ? this.#list[i + 1] : `${out}, ${this.#list[i + 1]}`;
    }
    return out;
  }
  getSetCookie() {
    const values = [];
    for (let i = 0; i < this.#list.length; i += 2)
      if (this.#list[i] === 'set-cookie') ArrayPrototypePush(values, this.#list[i + 1]);
    return values;
  }
  has(name) {
    web.needArguments(arguments.length, 1, 'has');
    return this.#find(normalName(name)) >= 0;
  }
  set(name, value) {
    web.needArguments(arguments.length, 2, 'set');
    const key = normalName(name);
    const text = normalValue(value);
    this.#writable();
    const at = this.#find(key);
    if (at < 0) {
      ArrayPrototypePush(this.#list, key, text);
    } else {
      this.#list[at + 1] = text;
      this.#remove(key, at + 2);
    }
  }
  /// Sorted by name; equal names combined, except set-cookie.
  #sorted() {
    const names = [];
    for (let i = 0; i < this.#list.length; i += 2) {
      if (this.#list[i] === 'set-cookie' || this.#find(this.#list[i]) === i)
        ArrayPrototypePush(names, i);
    }
    const list = this.#list;
    ArrayPrototypeSort(names, (a, b) => (list[a] < list[b] ? -1 : list[a] > list[b] ? 1 : a - b));
    const out = [];
    for (let i = 0; i < names.length; i++) {
      const name = list[names[i]];
      ArrayPrototypePush(out, [name,
        name === 'set-cookie' ? list[names[i] + 1] : this.get(name)]);
    }
    return out;
  }
  forEach(callback, self = undefined) {
    if (typeof callback !== 'function') throw new TypeError('forEach takes a function');
    const pairs = this.#sorted();
    for (let i = 0; i < pairs.length; i++)
      ReflectApply(callback, self, [pairs[i][1], pairs[i][0], this]);
  }
  *entries() {
    const pairs = this.#sorted();
    for (let i = 0; i < pairs.length; i++) yield pairs[i];
  }
  *keys() {
    const pairs = this.#sorted();
    for (let i = 0; i < pairs.length; i++) yield pairs[i][0];
  }
  *values() {
    const pairs = this.#sorted();
    for (let i = 0; i < pairs.length; i++) yield pairs[i][1];
  }
}

web.exposeClass(Headers);
web.defineIterator(Headers);
web.Headers = Headers;
web.flattenHeaders = flatten;
web.makeHeaders = construct;
web.copyHeaders = copy;
const get = primordials.uncurryThis(Headers.prototype.get);
/// A header of a Request or Response; null when it has none of that name.
web.headerOf = (message, name) => get(message.headers, name);
/// From the one string C++ gives: names in any case, values checked.
web.splitHeaders = (flat, immutable) => {
  const list = flat === '' ? [] : StringPrototypeSplit(flat, '\0');
  for (let i = 0; i < list.length; i += 2) list[i] = StringPrototypeToLowerCase(list[i]);
  return construct(list, immutable);
};
