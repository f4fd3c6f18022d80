'use strict';
// FormData (https://xhr.spec.whatwg.org/#interface-formdata), and forms as bodies. Runs when one is
// first needed: see body.js.
const {
  ArrayPrototypePush, ArrayPrototypeSplice, RegExpPrototypeExec, StringPrototypeIndexOf,
  StringPrototypeReplace, StringPrototypeSlice, StringPrototypeToLowerCase, TypeError,
  TypedArrayPrototypeLength, TypedArrayPrototypeSlice, TypedArrayPrototypeSubarray, Uint8Array,
} = primordials;
web.library('blob');  // a file in a form is one

/// An entry's value: a string, or a Blob as a File of that name.
const toValue = (value, filename, given) => {
  if (!web.isBlob(value)) {
    if (given) throw new TypeError('A file name belongs to a Blob');
    return web.toUSV(value);
  }
  if (web.isFile(value) && !given) return value;
  const name = given ? web.toUSV(filename) : 'blob';
  return web.makeFile(web.blobBytes(value), name, value.type,
    web.isFile(value) ? value.lastModified : native.wallMs());
};

let entriesOf;

class FormData {
  #entries = [];

  static {
    web.isFormData = (value) => typeof value === 'object' && value !== null && #entries in value;
    entriesOf = (form) => form.#entries;
  }
  constructor(form = undefined) {
    if (form !== undefined) throw new TypeError('FormData takes no argument here');
  }
  append(name, value, filename = undefined) {
    web.needArguments(arguments.length, 2, 'append');
    ArrayPrototypePush(this.#entries,
      [web.toUSV(name), toValue(value, filename, arguments.length > 2)]);
  }
  delete(name) {
    web.needArguments(arguments.length, 1, 'delete');
    this.#remove(web.toUSV(name), 0);
  }
  #remove(name, from) {
    for (let i = this.#entries.length - 1; i >= from; i--)
      if (this.#entries[i][0] === name) ArrayPrototypeSplice(this.#entries, i, 1);
  }
  get(name) {
    web.needArguments(arguments.length, 1, 'get');
    const wanted = web.toUSV(name);
    for (let i = 0; i < this.#entries.length; i++)
      if (this.#entries[i][0] === wanted) return this.#entries[i][1];
    return null;
  }
  getAll(name) {
    web.needArguments(arguments.length, 1, 'getAll');
    const wanted = web.toUSV(name);
    const values = [];
    for (let i = 0; i < this.#entries.length; i++)
      if (this.#entries[i][0] === wanted) ArrayPrototypePush(values, this.#entries[i][1]);
    return values;
  }
  has(name) {
    web.needArguments(arguments.length, 1, 'has');
    return this.get(name) !== null;
  }
  set(name, value, filename = undefined) {
    web.needArguments(arguments.length, 2, 'set');
    const entry = [web.toUSV(name), toValue(value, filename, arguments.length > 2)];
    for (let i = 0; i < this.#entries.length; i++) {
      if (this.#entries[i][0] !== entry[0]) continue;
      this.#entries[i] = entry;
      this.#remove(entry[0], i + 1);
      return;
    }
    ArrayPrototypePush(this.#entries, entry);
  }
  forEach(callback, self = undefined) {
    if (typeof callback !== 'function') throw new TypeError('forEach takes a function');
    for (let i = 0; i < this.#entries.length; i++) {
      const entry = this.#entries[i];
      primordials.ReflectApply(callback, self, [entry[1], entry[0], this]);
    }
  }
  *entries() {
    for (let i = 0; i < this.#entries.length; i++) yield [this.#entries[i][0], this.#entries[i][1]];
  }
  *keys() { for (let i = 0; i < this.#entries.length; i++) yield this.#entries[i][0]; }
  *values() { for (let i = 0; i < this.#entries.length; i++) yield this.#entries[i][1]; }
}
web.exposeClass(FormData);
web.defineIterator(FormData);

const kHex = '0123456789abcdef';
const kEscapes = { __proto__: null, '\r': '%0D', '\n': '%0A', '"': '%22' };
const escapeName = (text) => StringPrototypeReplace(text, /[\r\n"]/g, (unit) => kEscapes[unit]);
const withCrLf = (text) => StringPrototypeReplace(text, /\r\n?|\n/g, '\r\n');

/// The body of a form: { data, type }, as multipart/form-data.
web.encodeForm = (form) => {
  const bytes = new Uint8Array(16);
  native.random(bytes);
  let boundary = '----ThemisFormBoundary';
  for (let i = 0; i < 16; i++) boundary += kHex[bytes[i] >> 4] + kHex[bytes[i] & 15];
  const chunks = [];
  let size = 0;
  const add = (part) => {
    const chunk = typeof part === 'string' ? native.utf8Encode(part) : part;
    ArrayPrototypePush(chunks, chunk);
    size += TypedArrayPrototypeLength(chunk);
  };
  const entries = entriesOf(form);
  for (let i = 0; i < entries.length; i++) {
    const name = entries[i][0];
    const value = entries[i][1];
    add(`--${boundary}\r\nContent-Disposition: form-data; name="${escapeName(withCrLf(name))}"`);
    if (typeof value === 'string') {
      add(`\r\n\r\n${withCrLf(value)}\r\n`);
      continue;
    }
    add(`; filename="${escapeName(value.name)}"\r\n`
      + `Content-Type: ${value.type === '' ? 'application/octet-stream' : value.type}\r\n\r\n`);
    add(web.blobBytes(value));
    add('\r\n');
  }
  add(`--${boundary}--\r\n`);
  return { data: web.joinBytes(chunks, size), type: `multipart/form-data; boundary=${boundary}` };
};

const malformed = () => { throw new TypeError('The body is not the form its type says'); };
const text = (bytes) => native.utf8Decode(bytes, false, true);
/// A parameter of a header's value: name="value" or name=value.
const parameter = (header, name) => {
  const found = RegExpPrototypeExec(
    new RegExp(`;[ \\t]*${name}=(?:"([^"]*)"|([^;\\s]*))`, 'i'), header);
  return found === null ? undefined : found[1] ?? found[2];
};
const kUnescapes = { __proto__: null, '%0D': '\r', '%0A': '\n', '%22': '"' };
const unescapeName = (name) =>
  StringPrototypeReplace(name, /%0[DA]|%22/g, (unit) => kUnescapes[unit]);

const parseMultipart = (form, bytes, boundary) => {
  const delimiter = native.utf8Encode(`--${boundary}`);
  const separator = native.utf8Encode(`\r\n--${boundary}`);
  const blank = native.utf8Encode('\r\n\r\n');
  const length = TypedArrayPrototypeLength(delimiter);
  if (native.indexOf(bytes, delimiter, 0) !== 0) malformed();
  let at = length;
  for (;;) {  // every round goes past one delimiter of the body
    if (bytes[at] === 45 && bytes[at + 1] === 45) return;  // --
    if (bytes[at] !== 13 || bytes[at + 1] !== 10) malformed();
    const head_end = native.indexOf(bytes, blank, at);
    const end = head_end < 0 ? -1 : native.indexOf(bytes, separator, head_end + 2);
    if (end < 0) malformed();
    const head = `${text(TypedArrayPrototypeSubarray(bytes, at, head_end))}\r\n`;
    const body = TypedArrayPrototypeSubarray(bytes, head_end + 4, end);
    const disposition =
      RegExpPrototypeExec(/\r\ncontent-disposition:[ \t]*form-data([^\r\n]*)\r\n/i, head)?.[1];
    const name = disposition === undefined ? undefined : parameter(disposition, 'name');
    if (name === undefined) malformed();
    const filename = parameter(disposition, 'filename');
    const type = RegExpPrototypeExec(/\r\ncontent-type:[ \t]*([^\r\n]*)\r\n/i, head)?.[1];
    ArrayPrototypePush(entriesOf(form), [unescapeName(name), filename === undefined
      ? text(body) : web.makeFile(TypedArrayPrototypeSlice(body), unescapeName(filename),
        type ?? 'text/plain', native.wallMs())]);
    at = end + 2 + length;
  }
};

/// The form in a body of the given content type; throws a TypeError for any other type.
web.decodeForm = (bytes, contentType) => {
  const form = new FormData();
  const semicolon = StringPrototypeIndexOf(contentType, ';');
  const essence = primordials.StringPrototypeTrim(StringPrototypeToLowerCase(
    semicolon < 0 ? contentType : StringPrototypeSlice(contentType, 0, semicolon)));
  if (essence === 'application/x-www-form-urlencoded') {
    web.parseQuery(entriesOf(form), text(bytes));
    return form;
  }
  const boundary = parameter(contentType, 'boundary');
  if (essence !== 'multipart/form-data' || boundary === undefined || boundary === '') malformed();
  parseMultipart(form, bytes, boundary);
  return form;
};
