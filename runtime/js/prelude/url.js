'use strict';
// URL over ada: the href and where its parts begin; every getter slices.
const { StringPrototypeSlice, String, TypeError } = primordials;

// What native.urlParse returns, by index; -1 marks an absent part.
const kHref = 0, kProtocolEnd = 1, kUsernameEnd = 2, kHostStart = 3, kHostEnd = 4, kPort = 5,
  kPathnameStart = 6, kSearchStart = 7, kHashStart = 8;
// The parts native.urlSet knows, by number.
const kSetters = { __proto__: null, href: 0, protocol: 1, username: 2, password: 3, host: 4,
  hostname: 5, port: 6, pathname: 7, search: 8, hash: 9 };

const parse = (url, base) => native.urlParse(web.toText(url),
  base === undefined ? undefined : web.toText(base));

class URL {
  #parts;
  #params = undefined;

  constructor(url, base = undefined) {
    web.needArguments(arguments.length, 1, 'URL');
    const parts = parse(url, base);
    if (parts === undefined) throw new TypeError(`Invalid URL: '${url}'`);
    this.#parts = parts;
  }
  static canParse(url, base = undefined) {
    web.needArguments(arguments.length, 1, 'URL.canParse');
    return parse(url, base) !== undefined;
  }
  static parse(url, base = undefined) {
    web.needArguments(arguments.length, 1, 'URL.parse');
    return parse(url, base) === undefined ? null : new URL(url, base);
  }

  #slice(from, to) { return StringPrototypeSlice(this.#parts[kHref], from, to); }
  #end(...starts) {
    for (let i = 0; i < starts.length; i++) if (starts[i] >= 0) return starts[i];
    return this.#parts[kHref].length;
  }
  #set(part, value) {
    const parts = native.urlSet(this.#parts[kHref], kSetters[part], web.toText(value));
    if (parts === undefined) throw new TypeError(`Invalid URL: '${value}'`);
    this.#parts = parts;
    if (this.#params !== undefined && (part === 'search' || part === 'href'))
      web.resetSearchParams(this.#params, this.search);
  }

  get href() { return this.#parts[kHref]; }
  set href(value) { this.#set('href', value); }
  get origin() { return native.urlOrigin(this.#parts[kHref]); }
  get protocol() { return this.#slice(0, this.#parts[kProtocolEnd]); }
  set protocol(value) { this.#set('protocol', value); }
  get username() {
    const from = this.#parts[kProtocolEnd] + 2;
    return from < this.#parts[kUsernameEnd] ? this.#slice(from, this.#parts[kUsernameEnd]) : '';
  }
  set username(value) { this.#set('username', value); }
  get password() {
    const from = this.#parts[kUsernameEnd] + 1;
    return from <= this.#parts[kHostStart] ? this.#slice(from, this.#parts[kHostStart]) : '';
  }
  set password(value) { this.#set('password', value); }
  get hostname() {
    const at = this.#parts[kHref][this.#parts[kHostStart]] === '@' ? 1 : 0;
    return this.#slice(this.#parts[kHostStart] + at, this.#parts[kHostEnd]);
  }
  set hostname(value) { this.#set('hostname', value); }
  get port() { return this.#parts[kPort] < 0 ? '' : String(this.#parts[kPort]); }
  set port(value) { this.#set('port', value); }
  get host() { return this.#parts[kPort] < 0 ? this.hostname : `${this.hostname}:${this.port}`; }
  set host(value) { this.#set('host', value); }
  get pathname() {
    return this.#slice(this.#parts[kPathnameStart],
      this.#end(this.#parts[kSearchStart], this.#parts[kHashStart]));
  }
  set pathname(value) { this.#set('pathname', value); }
  get search() {
    if (this.#parts[kSearchStart] < 0) return '';
    const text = this.#slice(this.#parts[kSearchStart], this.#end(this.#parts[kHashStart]));
    return text.length > 1 ? text : '';
  }
  set search(value) { this.#set('search', value); }
  get hash() {
    if (this.#parts[kHashStart] < 0) return '';
    const text = this.#slice(this.#parts[kHashStart]);
    return text.length > 1 ? text : '';
  }
  set hash(value) { this.#set('hash', value); }
  get searchParams() {
    this.#params ??= web.makeSearchParams(this.search, (query) => {
      this.#parts = native.urlSet(this.#parts[kHref], kSetters.search, query);
    });
    return this.#params;
  }
  toString() { return this.#parts[kHref]; }
  toJSON() { return this.#parts[kHref]; }
}

web.exposeClass(URL);
