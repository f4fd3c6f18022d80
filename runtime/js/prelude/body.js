'use strict';
// The body of a Request or Response: kept whole, as text or bytes; read once.
const {
  JSONParse, TypeError, TypedArrayPrototypeBuffer,
  TypedArrayPrototypeSlice,
} = primordials;

/// What a body argument becomes: { data: null | string | Uint8Array, type: content type or null }.
web.extractBody = (body) => {
  if (body === null || body === undefined) return { data: null, type: null };
  if (typeof body === 'string') return { data: body, type: 'text/plain;charset=UTF-8' };
  const bytes = web.asBytes(body);
  if (bytes !== undefined) return { data: TypedArrayPrototypeSlice(bytes), type: null };
  if (web.isSearchParams(body)) {
    return { data: web.toText(body),
      type: 'application/x-www-form-urlencoded;charset=UTF-8' };
  }
  return { data: web.toText(body), type: 'text/plain;charset=UTF-8' };
};

/// Base of Request and Response.
class Body {
  #data = null;
  #used = false;

  static {
    web.setBody = (object, data) => { object.#data = data; };
    web.peekBody = (object) => object.#data;
    /// Takes the body for sending; throws when it was read before.
    web.takeBody = (object) => {
      if (object.#used) throw new TypeError('The body was used already');
      object.#used = object.#data !== null;
      return object.#data;
    };
  }

  get bodyUsed() { return this.#used; }
  async text() {
    const data = web.takeBody(this);
    if (data === null) return '';
    return typeof data === 'string' ? data : native.utf8Decode(data, false, false);
  }
  async json() {
    const data = web.takeBody(this);
    if (data === null) return JSONParse('');
    return JSONParse(typeof data === 'string' ? data : native.utf8Decode(data, false, false));
  }
  async bytes() {
    const data = web.takeBody(this);
    if (data === null) return native.utf8Encode('');
    return typeof data === 'string' ? native.utf8Encode(data) : data;
  }
  async arrayBuffer() {
    const data = web.takeBody(this);
    const bytes = data === null || typeof data === 'string' ? native.utf8Encode(data ?? '') : data;
    return TypedArrayPrototypeBuffer(bytes);
  }
}
web.Body = Body;
for (const name of ['bodyUsed', 'text', 'json', 'bytes', 'arrayBuffer'])
  primordials.ObjectDefineProperty(Body.prototype, name, { __proto__: null, enumerable: true });
