'use strict';
// TextEncoder, TextDecoder, atob, btoa.
const {
  ArrayBufferIsView, ArrayBufferPrototypeByteLength, DataView, DataViewPrototypeBuffer, RangeError,
  StringPrototypeCharCodeAt, StringPrototypeSlice, StringPrototypeToLowerCase,
  StringPrototypeIndexOf, StringPrototypeSplit,
  TypeError, TypedArrayPrototypeBuffer, TypedArrayPrototypeByteLength,
  TypedArrayPrototypeByteOffset, TypedArrayPrototypeLength, TypedArrayPrototypeSet,
  TypedArrayPrototypeSubarray, TypedArrayPrototypeTag, Uint8Array,
} = primordials;
const DataViewPrototypeByteLength = primordials.uncurryThis(
  Object.getOwnPropertyDescriptor(DataView.prototype, 'byteLength').get);
const DataViewPrototypeByteOffset = primordials.uncurryThis(
  Object.getOwnPropertyDescriptor(DataView.prototype, 'byteOffset').get);

const isArrayBuffer = (value) => {
  try {
    ArrayBufferPrototypeByteLength(value);
    return true;
  } catch {
    return false;
  }
};

/// A Uint8Array over the same memory as an ArrayBuffer or a view; undefined for anything else.
web.asBytes = (value) => {
  if (typeof value !== 'object' || value === null) return undefined;
  if (ArrayBufferIsView(value)) {
    if (TypedArrayPrototypeTag(value) !== undefined) {
      return new Uint8Array(TypedArrayPrototypeBuffer(value), TypedArrayPrototypeByteOffset(value),
        TypedArrayPrototypeByteLength(value));
    }
    return new Uint8Array(DataViewPrototypeBuffer(value), DataViewPrototypeByteOffset(value),
      DataViewPrototypeByteLength(value));
  }
  return isArrayBuffer(value) ? new Uint8Array(value) : undefined;
};

class TextEncoder {
  #encoding = 'utf-8';
  get encoding() { return this.#encoding; }
  encode(input = '') {
    this.#encoding;  // throws for another `this`
    return native.utf8Encode(web.toText(input));
  }
  encodeInto(source, destination) {
    this.#encoding;
    web.needArguments(arguments.length, 2, 'encodeInto');
    const text = web.toText(source);
    if (TypedArrayPrototypeTag(destination) !== 'Uint8Array')
      throw new TypeError('encodeInto writes to a Uint8Array');
    const pair = native.utf8EncodeInto(text, destination);
    return { read: pair[0], written: pair[1] };
  }
}

// label -> { name, icu }; icu is undefined for the two that are decoded here.
const kUtf8 = { __proto__: null, name: 'utf-8', icu: undefined };
const kUtf16 = { __proto__: null, name: 'utf-16le', icu: undefined };
const kEncodings = {
  __proto__: null,
  'utf-8': kUtf8, utf8: kUtf8, 'unicode-1-1-utf-8': kUtf8, unicode11utf8: kUtf8,
  unicode20utf8: kUtf8, 'x-unicode20utf8': kUtf8,
  'utf-16le': kUtf16, 'utf-16': kUtf16, 'ucs-2': kUtf16, unicode: kUtf16,
  csunicode: kUtf16, 'iso-10646-ucs-2': kUtf16, unicodefeff: kUtf16,
};
let legacyKnown = false;
const addLegacy = () => {  // when the first of them is asked for
  const entries = web.legacyEncodings();
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i];
    const labels = StringPrototypeSplit(entry[2], ' ');
    for (let k = 0; k < labels.length; k++)
      kEncodings[labels[k]] = { __proto__: null, name: entry[0], icu: entry[1] };
  }
  legacyKnown = true;
};
const trimAscii = (label) => {
  let from = 0;
  let to = label.length;
  const isSpace = (at) => StringPrototypeIndexOf(' \t\n\f\r', label[at]) >= 0;
  while (from < to && isSpace(from)) from++;
  while (to > from && isSpace(to - 1)) to--;
  return StringPrototypeSlice(label, from, to);
};
const encodingOf = (label) => {
  const key = StringPrototypeToLowerCase(trimAscii(web.toText(label)));
  if (kEncodings[key] === undefined && !legacyKnown) addLegacy();
  return kEncodings[key];
};

const concatenate = (a, b) => {
  const out = new Uint8Array(TypedArrayPrototypeLength(a) + TypedArrayPrototypeLength(b));
  TypedArrayPrototypeSet(out, a, 0);
  TypedArrayPrototypeSet(out, b, TypedArrayPrototypeLength(a));
  return out;
};

/// How many bytes at the end of UTF-16LE wait for more: a half unit, a high surrogate.
const utf16Tail = (bytes) => {
  const length = TypedArrayPrototypeLength(bytes);
  const odd = length % 2;
  const last = length - odd - 1;
  return last > 0 && (bytes[last] & 0xfc) === 0xd8 ? odd + 2 : odd;
};

const isWellFormed = primordials.uncurryThis(String.prototype.isWellFormed);
const toWellFormed = primordials.uncurryThis(String.prototype.toWellFormed);

class TextDecoder {
  #encoding;
  #fatal;
  #ignoreBOM;
  #decoder = undefined;  // of a legacy encoding, in the middle of a text
  #rest = undefined;     // bytes of a character that the next chunk completes
  #started = false;      // past the place of a byte order mark

  constructor(label = 'utf-8', options = undefined) {
    const encoding = encodingOf(label);
    if (encoding === undefined) throw new RangeError(`The encoding '${label}' is not supported`);
    this.#encoding = encoding;
    const { fatal, ignoreBOM } = web.toDictionary(options, 'TextDecoder');
    this.#fatal = !!fatal;
    this.#ignoreBOM = !!ignoreBOM;
  }
  get encoding() { return this.#encoding.name; }
  get fatal() { return this.#fatal; }
  get ignoreBOM() { return this.#ignoreBOM; }

  decode(input = undefined, options = undefined) {
    let bytes = input === undefined ? new Uint8Array(0) : web.asBytes(input);
    if (bytes === undefined) throw new TypeError('decode takes an ArrayBuffer or a view of one');
    const stream = !!web.toDictionary(options, 'decode').stream;
    if (this.#encoding.icu !== undefined) return this.#legacy(bytes, stream);
    if (this.#rest !== undefined) bytes = concatenate(this.#rest, bytes);
    this.#rest = undefined;
    if (stream) {
      const tail = this.#encoding === kUtf8 ? native.utf8Tail(bytes) : utf16Tail(bytes);
      if (tail > 0) {
        const cut = TypedArrayPrototypeLength(bytes) - tail;
        this.#rest = concatenate(TypedArrayPrototypeSubarray(bytes, cut), new Uint8Array(0));
        bytes = TypedArrayPrototypeSubarray(bytes, 0, cut);
      }
    }
    const keepBom = this.#ignoreBOM || this.#started;
    this.#started = stream && (this.#started || TypedArrayPrototypeLength(bytes) > 0);
    return this.#encoding === kUtf8 ? this.#utf8(bytes, keepBom) : this.#utf16(bytes, keepBom);
  }

  #legacy(bytes, stream) {
    const { icu, name } = this.#encoding;
    let text;
    if (!stream && this.#decoder === undefined) {
      text = native.legacyDecode(icu, this.#fatal, bytes);
    } else {
      this.#decoder ??= native.legacyOpen(icu, this.#fatal);
      text = native.legacyPush(this.#decoder, bytes, !stream);
    }
    if (!stream) this.#decoder = undefined;
    if (text === undefined) throw new TypeError(`The encoded data was not valid ${name}`);
    const keepBom = this.#ignoreBOM || this.#started || name !== 'utf-16be';
    this.#started = stream && (this.#started || text !== '');
    return !keepBom && StringPrototypeCharCodeAt(text, 0) === 0xfeff
      ? StringPrototypeSlice(text, 1) : text;
  }

  #utf8(bytes, keepBom) {
    const text = native.utf8Decode(bytes, this.#fatal, keepBom);
    if (text === undefined) throw new TypeError('The encoded data was not valid utf-8');
    return text;
  }

  #utf16(bytes, keepBom) {
    let text = native.utf16Decode(bytes);
    const odd = TypedArrayPrototypeLength(bytes) % 2 === 1;
    if (this.#fatal && (odd || !isWellFormed(text)))
      throw new TypeError('The encoded data was not valid utf-16le');
    text = toWellFormed(text) + (odd ? '\ufffd' : '');
    return !keepBom && StringPrototypeCharCodeAt(text, 0) === 0xfeff
      ? StringPrototypeSlice(text, 1) : text;
  }
}

web.exposeClass(TextEncoder);
web.exposeClass(TextDecoder);
web.expose('btoa', function btoa(data) {
  web.needArguments(arguments.length, 1, 'btoa');
  const out = native.base64Encode(web.toText(data));
  if (out === undefined)
    throw new web.DOMException('A character is over U+00FF', 'InvalidCharacterError');
  return out;
});
web.expose('atob', function atob(data) {
  web.needArguments(arguments.length, 1, 'atob');
  const out = native.base64Decode(web.toText(data));
  if (out === undefined)
    throw new web.DOMException('The text is not base64', 'InvalidCharacterError');
  return out;
});
