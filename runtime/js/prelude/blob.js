'use strict';
// Blob and File (https://w3c.github.io/FileAPI). A Blob is one run of bytes that nobody changes;
// a slice of it looks at the same bytes. Runs when one is first needed: see body.js.
const {
  ArrayPrototypePush, RegExpPrototypeExec, StringPrototypeReplace, StringPrototypeSlice,
  StringPrototypeToLowerCase, SymbolIterator, TypeError, TypedArrayPrototypeBuffer,
  TypedArrayPrototypeLength, TypedArrayPrototypeSlice, TypedArrayPrototypeSubarray,
} = primordials;

const typeOf = (type) => {
  const text = web.toText(type);
  return RegExpPrototypeExec(/[^\x20-\x7e]/, text) === null
    ? StringPrototypeToLowerCase(text) : '';
};
const kToken = /^[!#$%&'*+\-.^`|~\w]+$/;
const kMimeType = /^[\t\n\r ]*([!#$%&'*+\-.^`|~\w]+\/[!#$%&'*+\-.^`|~\w]+)[\t\n\r ]*(;.*)?$/s;
const kParameter = /^;[\t\n\r ]*([^;=]*)(?:="((?:[^"\\]|\\.)*)"|=([^;]*))?[^;]*/s;
/// A Content-Type as a Blob's type has it: lower case but for the values of parameters, no spaces
/// between; empty when it is none (https://mimesniff.spec.whatwg.org/#serializing-a-mime-type).
web.mimeType = (text) => {
  const found = RegExpPrototypeExec(kMimeType, text);
  if (found === null) return '';
  let out = StringPrototypeToLowerCase(found[1]);
  let rest = found[2] ?? '';
  while (rest !== '') {  // every round goes past one semicolon
    const [whole, name, quoted, plain] = RegExpPrototypeExec(kParameter, rest);
    rest = StringPrototypeSlice(rest, whole.length);
    const value = quoted ?? primordials.StringPrototypeTrim(plain ?? '');
    const isNothing = value === '' && quoted === undefined;
    if (isNothing || RegExpPrototypeExec(kToken, name) === null) continue;
    const isToken = RegExpPrototypeExec(kToken, value) !== null;
    out += `;${StringPrototypeToLowerCase(name)}=${isToken ? value : `"${value}"`}`;
  }
  return out;
};
const bytesOfParts = (parts, native_endings) => {
  const chunks = [];
  let size = 0;
  for (const part of parts) {
    let bytes = web.asBytes(part);
    if (bytes !== undefined) bytes = TypedArrayPrototypeSlice(bytes);
    else if (web.isBlob(part)) bytes = web.blobBytes(part);
    else {
      const text = web.toText(part);
      bytes = native.utf8Encode(native_endings
        ? StringPrototypeReplace(text, /\r\n?|\n/g, '\n') : text);
    }
    ArrayPrototypePush(chunks, bytes);
    size += TypedArrayPrototypeLength(bytes);
  }
  return web.joinBytes(chunks, size);
};
/// A WebIDL [Clamp] long long, counted from the end when negative.
const positionIn = (value, size) => {
  const number = primordials.MathTrunc(+value) || 0;
  if (number < 0) return number + size > 0 ? number + size : 0;
  return number < size ? number : size;
};

const kMade = { __proto__: null };  // the constructor is given bytes and a type
let makeBlob;

class Blob {
  #bytes;
  #type;

  static {
    web.isBlob = (value) => typeof value === 'object' && value !== null && #bytes in value;
    web.blobBytes = (blob) => blob.#bytes;
    makeBlob = (bytes, type) => new Blob(kMade, { bytes, type });
    ArrayPrototypePush(web.cloneRules, (value) => {
      if (!(#bytes in value)) return undefined;
      return web.cloneFile(value) ?? makeBlob(value.#bytes, value.#type);
    });
  }

  constructor(parts = undefined, options = undefined) {
    if (parts === kMade) {
      this.#bytes = options.bytes;
      this.#type = options.type;
      return;
    }
    if (parts !== undefined && (typeof parts !== 'object' || parts === null
      || typeof parts[SymbolIterator] !== 'function') && typeof parts !== 'function')
      throw new TypeError('The parts of a Blob are a sequence');
    if (typeof parts === 'function' && typeof parts[SymbolIterator] !== 'function')
      throw new TypeError('The parts of a Blob are a sequence');
    const dictionary = web.toDictionary(options, 'Blob');
    const chosen = dictionary.endings;
    const endings = chosen === undefined ? 'transparent' : web.toText(chosen);
    if (endings !== 'transparent' && endings !== 'native')
      throw new TypeError(`endings is 'transparent' or 'native', not '${endings}'`);
    const { type } = dictionary;
    this.#type = type === undefined ? '' : typeOf(type);
    this.#bytes = bytesOfParts(parts ?? [], endings === 'native');
  }
  get size() { return TypedArrayPrototypeLength(this.#bytes); }
  get type() { return this.#type; }
  slice(start = 0, end = undefined, type = '') {
    const size = TypedArrayPrototypeLength(this.#bytes);
    const from = positionIn(start, size);
    const to = end === undefined ? size : positionIn(end, size);
    return makeBlob(TypedArrayPrototypeSubarray(this.#bytes, from, to < from ? from : to),
      typeOf(type));
  }
  stream() {
    const bytes = this.#bytes;
    return web.streamOf(() => bytes);
  }
  async text() { return native.utf8Decode(this.#bytes, false, false); }
  async arrayBuffer() {
    return TypedArrayPrototypeBuffer(TypedArrayPrototypeSlice(this.#bytes));
  }
  async bytes() { return TypedArrayPrototypeSlice(this.#bytes); }
}
web.exposeClass(Blob);
web.makeBlob = makeBlob;

class File extends Blob {
  #name;
  #lastModified;

  static {
    web.isFile = (value) => typeof value === 'object' && value !== null && #name in value;
    web.cloneFile = (value) => (#name in value ? web.makeFile(web.blobBytes(value), value.#name,
      value.type, value.#lastModified) : undefined);
    web.makeFile = (bytes, name, type, lastModified) => {
      const file = new File([], name, { __proto__: null, lastModified });
      return file.#over(bytes, type);
    };
  }
  /// This file, over bytes that are not copied.
  #over(bytes, type) {
    const file = new File(kMade, { bytes, type });
    file.#name = this.#name;
    file.#lastModified = this.#lastModified;
    return file;
  }

  constructor(parts, name, options = undefined) {
    if (parts === kMade) {
      super(kMade, name);
      return;
    }
    web.needArguments(arguments.length, 2, 'File');
    if (parts === undefined) throw new TypeError('The parts of a File are a sequence');
    super(parts, options);
    this.#name = web.toUSV(name);
    const { lastModified } = web.toDictionary(options, 'File');
    this.#lastModified = lastModified === undefined ? native.wallMs()
      : primordials.MathTrunc(+lastModified) || 0;
  }
  get name() { return this.#name; }
  get lastModified() { return this.#lastModified; }
}
web.exposeClass(File);
