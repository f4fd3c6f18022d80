'use strict';
// env.STATE: what the function keeps, asked of the node that keeps it.
const {
  ArrayPrototypePush, Error, JSONParse, JSONStringify, StringPrototypeCharCodeAt, TypeError,
  TypedArrayPrototypeLength, Uint8Array,
} = primordials;

const kDigits = '0123456789abcdef';
/// Times a transaction is tried again because another one was faster.
const kAttemptsMax = 16;

let hex;  // by byte; made when it is first needed: 256 strings
const toHex = (bytes) => {
  if (hex === undefined) {
    hex = [];
    for (let i = 0; i < 256; i++) ArrayPrototypePush(hex, kDigits[i >> 4] + kDigits[i & 15]);
  }
  let out = '';
  for (let i = 0; i < TypedArrayPrototypeLength(bytes); i++)
    out += hex[bytes[i]];
  return out;
};
const digit = (text, at) => {
  const code = StringPrototypeCharCodeAt(text, at);
  return code < 58 ? code - 48 : code - 87;
};
const fromHex = (text) => {
  const out = new Uint8Array(text.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = digit(text, 2 * i) * 16 + digit(text, 2 * i + 1);
  return out;
};

/// A text stays one; bytes travel as hexadecimal.
const encode = (value) => {
  if (typeof value === 'string') return value;
  const bytes = web.asBytes(value);
  if (bytes === undefined)
    throw new TypeError('A value of STATE is a string, an ArrayBuffer or a view of one');
  return { hex: toHex(bytes) };
};
const encodeOrNull = (value) =>
  (value === null || value === undefined ? null : encode(value));
const decode = (value) =>
  (typeof value === 'object' && value !== null ? fromHex(value.hex) : value);

/// What a method answers: `plain`, or with { receipt: true } `named` and the receipt.
const answered = (answer, options, plain, named) => {
  if (!options?.receipt) return plain;
  named.epoch = answer.epoch;
  named.certified = answer.certified;
  named.receipt = answer.receipt;
  return named;
};

class State {
  #space;
  /// `space`: undefined for the function's own.
  constructor(space) { this.#space = space; }
  /// `options`: { receipt: true } for the monitor's receipt, { wait: true } until its epoch is
  /// certified.
  async #ask(call, options) {
    if (options?.receipt) call.receipt = true;
    if (options?.wait) call.wait = true;
    return JSONParse(await native.askState(JSONStringify(call), this.#space));
  }
  async #read(key) { return (await this.#ask({ op: 'get', key: web.toText(key) })).value; }

  /// Another namespace, which the node's configuration has to share: `[workers] shared_state`.
  namespace(name) {
    const space = web.toText(name);
    if (space === '') throw new TypeError('A namespace has a name');
    return new State(space);
  }
  /// The value: a string, or a Uint8Array when it is not UTF-8; null: there is none.
  async get(key, options) {
    const answer = await this.#ask({ op: 'get', key: web.toText(key) }, options);
    const value = decode(answer.value);
    return answered(answer, options, value, { value });
  }
  async put(key, value, options) {
    const call = { op: 'put', key: web.toText(key), value: encode(value) };
    return answered(await this.#ask(call, options), options, undefined, {});
  }
  /// Whether there was a value.
  async delete(key, options) {
    const answer = await this.#ask({ op: 'delete', key: web.toText(key) }, options);
    return answered(answer, options, answer.done, { done: answer.done });
  }
  /// Writes when `expected` (null: nothing) is there; whether it was.
  async cas(key, expected, value, options) {
    const call = { op: 'cas', key: web.toText(key), expected: encodeOrNull(expected),
      value: encode(value) };
    const answer = await this.#ask(call, options);
    return answered(answer, options, answer.done, { done: answer.done });
  }
  /// { entries: [{ key, value }], more }: up to 100, in the order of their keys.
  async list(prefix = '', after = '') {
    const call = { op: 'list', prefix: web.toText(prefix), after: web.toText(after) };
    const answer = await this.#ask(call);
    const entries = [];
    for (let i = 0; i < answer.entries.length; i++) {
      const entry = answer.entries[i];
      ArrayPrototypePush(entries, { key: entry.key, value: decode(entry.value) });
    }
    return { entries, more: answer.more };
  }
  /// `update` gets the values of up to eight keys and answers their new ones: undefined leaves one,
  /// null deletes it. All are written at once, and only if none has changed meanwhile; else
  /// `update` runs again on what is there then. Answers what `update` answered.
  async transaction(keys, update) {
    for (let attempt = 0; attempt < kAttemptsMax; attempt++) {
      const seen = [];
      const values = [];
      for (let i = 0; i < keys.length; i++) {
        ArrayPrototypePush(seen, await this.#read(keys[i]));
        ArrayPrototypePush(values, decode(seen[i]));
      }
      const next = await update(values);
      const changes = [];
      for (let i = 0; i < keys.length; i++) {
        const change = { key: web.toText(keys[i]), expected: seen[i] };
        const value = next?.[i];
        if (value !== undefined) change.value = encodeOrNull(value);
        ArrayPrototypePush(changes, change);
      }
      if ((await this.#ask({ op: 'transaction', changes })).done) return next;
    }
    throw new Error(`The keys of the transaction changed ${kAttemptsMax} times meanwhile`);
  }
}

web.toHex = toHex;
web.fromHex = fromHex;
web.state = new State();
