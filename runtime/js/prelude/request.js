'use strict';
// Request. The one a handler gets is made by makeRequest, which leaves its headers for later.
const { StringPrototypeToUpperCase, TypeError, RegExpPrototypeExec } = primordials;

const kToken = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const kNormalized = { __proto__: null, DELETE: true, GET: true, HEAD: true, OPTIONS: true,
  POST: true, PUT: true };
const kRedirectModes = { __proto__: null, follow: true, error: true, manual: true };
const kForbidden = { __proto__: null, CONNECT: true, TRACE: true, TRACK: true };

const normalMethod = (method) => {
  const text = web.toText(method);
  const upper = StringPrototypeToUpperCase(text);
  if (RegExpPrototypeExec(kToken, text) === null || kForbidden[upper])
    throw new TypeError(`Invalid method: '${text}'`);
  return kNormalized[upper] ? upper : text;
};

const kFromHost = { __proto__: null };  // tells the constructor that makeRequest calls it
let construct;

class Request extends web.Body {
  #method;
  #url;
  #headers;
  #flat = undefined;  // the headers as C++ gave them, until somebody asks
  #redirect = 'follow';
  #signal = undefined;  // until somebody asks

  static {
    construct = (method, url, flat, body) => {
      const request = new Request(kFromHost);
      request.#method = method;
      request.#url = url;
      request.#flat = flat;
      request.#redirect = 'manual';  // who passes it on passes redirects on as well
      if (body !== undefined) web.setBody(request, body);
      return request;
    };
    /// The signal of a Request that was given one.
    web.ownSignal = (request) => request.#signal;
    web.abortRequest = (request, reason) => {
      web.abortSignal(request.#signal ??= web.anySignal([]), reason);
    };
  }

  constructor(input, options = undefined) {
    super();
    if (input === kFromHost) return;
    web.needArguments(arguments.length, 1, 'Request');
    const init = web.toDictionary(options, 'Request');
    const isRequest = typeof input === 'object' && input !== null && #method in input;
    const from = isRequest ? input : undefined;
    if (from === undefined) {
      const parts = native.urlParse(web.toText(input), undefined);
      if (parts === undefined) throw new TypeError(`Invalid URL: '${input}'`);
      this.#url = parts[0];
    } else {
      this.#url = from.#url;
      this.#redirect = from.#redirect;
    }
    this.#method = init.method === undefined ? from?.method ?? 'GET' : normalMethod(init.method);
    this.#headers = new web.Headers(init.headers === undefined ? from?.headers : init.headers);
    if (init.redirect !== undefined) this.#redirect = web.toText(init.redirect);
    if (!kRedirectModes[this.#redirect])
      throw new TypeError(`Invalid redirect mode: '${this.#redirect}'`);
    const signal = init.signal === undefined ? from?.signal : init.signal;
    if (signal !== undefined && signal !== null) {
      if (!web.isAbortSignal(signal)) throw new TypeError('The signal is no AbortSignal');
      this.#signal = web.anySignal([signal]);
    }
    this.#takeBody(from, init);
  }
  #takeBody(from, init) {
    const given = init.body;
    const noBody = this.#method === 'GET' || this.#method === 'HEAD';
    if (given !== undefined && given !== null && noBody)
      throw new TypeError('A GET or HEAD request has no body');
    if (given === undefined || given === null) {
      if (from !== undefined) web.setBody(this, web.takeBody(from));
      return;
    }
    const { data, type } = web.extractBody(given);
    web.setBody(this, data);
    if (type !== null && !this.#headers.has('content-type'))
      this.#headers.set('content-type', type);
  }

  get method() { return this.#method; }
  get url() { return this.#url; }
  get headers() {
    if (this.#headers === undefined) {
      this.#headers = web.splitHeaders(this.#flat, true);
      this.#flat = undefined;
    }
    return this.#headers;
  }
  get signal() { return this.#signal ??= web.anySignal([]); }
  get redirect() { return this.#redirect; }
  clone() {
    const data = web.copyBody(this);
    const copy = new Request(kFromHost);
    copy.#method = this.#method;
    copy.#url = this.#url;
    copy.#redirect = this.#redirect;
    copy.#headers = web.copyHeaders(this.headers);
    copy.#signal = web.anySignal([this.signal]);
    web.setBody(copy, data);
    return copy;
  }
}

web.exposeClass(Request);
web.makeRequest = construct;
web.Request = Request;
