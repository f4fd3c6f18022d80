'use strict';
// Response, and how one goes out to C++: whole, or bit by bit when its body is a stream.
const {
  JSONStringify, RangeError, RegExpPrototypeExec, StringPrototypeIndexOf, StringPrototypeSlice,
  TypeError,
} = primordials;

const kRedirects = { __proto__: null, 301: true, 302: true, 303: true, 307: true, 308: true };
const kNullBody = { __proto__: null, 101: true, 103: true, 204: true, 205: true, 304: true };
const kForbiddenText = /[^\t\x20-\x7e\x80-\xff]/;
const kPlainText = 'text/plain;charset=UTF-8';
const kPlainTextFlat = `content-type\0${kPlainText}`;

const statusOf = (value, hasSocket) => {
  const status = +value;
  if (status === 101 && hasSocket) return status;
  if (!(status >= 200 && status <= 599) || primordials.MathTrunc(status) !== status)
    throw new RangeError(`Invalid status: ${value}; 200 to 599 are allowed`);
  return status;
};

let check;
let send;
let receive;
let fetched;
let immutable;

class Response extends web.Body {
  #status = 200;
  #statusText = '';
  #type = 'default';
  #url = '';
  #redirected = false;
  #webSocket = null;
  #contentType = null;  // of the body, until #headers exists
  #headers = undefined;

  static {
    check = (value) => {
      if (typeof value !== 'object' || value === null || !(#status in value))
        throw new TypeError('The handler returned no Response');
      if (value.#type === 'error') throw new TypeError('The handler returned Response.error()');
    };
    send = (id, value, more, flow) => {
      if (value.#webSocket !== null) {
        return web.connectSocket(id, value.#webSocket, flow,
          () => { native.respondSocket(id, value.#status, value.#flat()); });
      }
      const data = web.takeBody(value);
      if (web.isReadableStream(data)) {
        native.respondStream(id, value.#status, value.#flat());
        return web.pumpOut(id, data);  // which says when the call ends
      }
      native.respond(id, value.#status, value.#flat(), data === null ? '' : data, more);
      return undefined;
    };
    receive = (status, flat, body) => {
      const response = new Response();
      response.#status = status;
      response.#headers = web.splitHeaders(flat, false);
      if (body !== undefined) web.setBody(response, body);
      return response;
    };
    fetched = (target, status, headers, body) => {
      const response = new Response();
      response.#status = status;
      response.#headers = headers;
      response.#type = 'basic';
      const fragment = StringPrototypeIndexOf(target.url, '#');  // the URL of a response has none
      response.#url = fragment < 0 ? target.url : StringPrototypeSlice(target.url, 0, fragment);
      response.#redirected = target.redirected;
      if (body !== undefined) web.setBody(response, body);
      return response;
    };
    immutable = (response, list) => {
      response.#headers = web.makeHeaders(list, true);
      return response;
    };
  }
  #flat() {
    if (this.#headers !== undefined) return web.flattenHeaders(this.#headers);
    if (this.#contentType === kPlainText) return kPlainTextFlat;
    return this.#contentType === null ? '' : `content-type\0${this.#contentType}`;
  }

  constructor(body = null, init = undefined) {
    super();
    if (init !== undefined && init !== null) this.#apply(init);
    if (body === null || body === undefined) return;
    if (kNullBody[this.#status]) throw new TypeError(`Status ${this.#status} has no body`);
    if (typeof body === 'string') {
      web.setBody(this, body);
      this.#typed(kPlainText);
      return;
    }
    const { data, type } = web.extractBody(body);
    web.setBody(this, data);
    if (type !== null) this.#typed(type);
  }
  #apply(init) {
    if (typeof init !== 'object' && typeof init !== 'function')
      throw new TypeError('The second argument of Response is an object');
    const { status, statusText, headers, webSocket } = init;
    if (webSocket !== undefined && webSocket !== null) {
      if (!web.isWebSocket?.(webSocket)) throw new TypeError('webSocket is no WebSocket');
      if (+status !== 101) throw new TypeError('A Response with a webSocket has the status 101');
      this.#webSocket = webSocket;
    }
    if (status !== undefined) this.#status = statusOf(status, this.#webSocket !== null);
    if (statusText !== undefined) {
      this.#statusText = web.toText(statusText);
      if (RegExpPrototypeExec(kForbiddenText, this.#statusText) !== null)
        throw new TypeError('Invalid statusText');
    }
    if (headers !== undefined) this.#headers = new web.Headers(headers);
  }
  #typed(type) {
    if (this.#headers === undefined) this.#contentType = type;
    else if (!this.#headers.has('content-type')) this.#headers.set('content-type', type);
  }

  static json(data, init = undefined) {
    web.needArguments(arguments.length, 1, 'Response.json');
    const text = JSONStringify(data);
    if (text === undefined) throw new TypeError('The value has no JSON form');
    const response = new Response(null, init);
    if (kNullBody[response.#status])
      throw new TypeError(`Status ${response.#status} has no body`);
    web.setBody(response, text);
    response.#typed('application/json');
    return response;
  }
  static redirect(url, status = 302) {
    web.needArguments(arguments.length, 1, 'Response.redirect');
    const parts = native.urlParse(web.toText(url), undefined);
    if (parts === undefined) throw new TypeError(`Invalid URL: '${url}'`);
    if (!kRedirects[+status]) throw new RangeError(`Invalid redirect status: ${status}`);
    const response = new Response(null, { status });
    return immutable(response, ['location', parts[0]]);
  }
  static error() {
    const response = new Response();
    response.#type = 'error';
    response.#status = 0;
    return immutable(response, []);
  }

  get status() { return this.#status; }
  get ok() { return this.#status >= 200 && this.#status <= 299; }
  get statusText() { return this.#statusText; }
  get type() { return this.#type; }
  get url() { return this.#url; }
  get webSocket() { return this.#webSocket; }
  get redirected() { return this.#redirected; }
  get headers() {
    this.#headers ??= web.makeHeaders(
      this.#contentType === null ? [] : ['content-type', this.#contentType], false);
    return this.#headers;
  }
  clone() {
    const data = web.copyBody(this);
    const copy = new Response();
    copy.#status = this.#status;
    copy.#statusText = this.#statusText;
    copy.#url = this.#url;
    copy.#redirected = this.#redirected;
    copy.#type = this.#type;
    copy.#headers = new web.Headers(this.headers);
    web.setBody(copy, data);
    return copy;
  }
}

web.exposeClass(Response);
web.checkResponse = check;
web.sendResponse = send;
web.receiveResponse = receive;
web.fetchedResponse = fetched;
