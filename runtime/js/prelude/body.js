'use strict';
// The body of a Request or Response: kept whole as text or bytes until somebody asks for its
// stream; read once.
const {
  ArrayBufferIsView, JSONParse, TypeError, TypedArrayPrototypeBuffer, TypedArrayPrototypeSlice,
} = primordials;

for (const name of ['Blob', 'File']) web.exposeLater(name, () => { web.library('blob'); });
web.exposeLater('FormData', () => { web.library('form_data'); });
/// Nothing can be one before there is its class, which puts another function here.
web.isBlob = () => false;
web.isFormData = web.isBlob;

/// What a body argument becomes: { data: null | string | Uint8Array | ReadableStream,
/// type: content type or null }.
web.extractBody = (body) => {
  if (body === null || body === undefined) return { data: null, type: null };
  if (typeof body === 'string') return { data: body, type: 'text/plain;charset=UTF-8' };
  const bytes = web.asBytes(body);
  if (bytes !== undefined) return { data: TypedArrayPrototypeSlice(bytes), type: null };
  if (web.isSearchParams(body)) {
    return { data: web.toText(body),
      type: 'application/x-www-form-urlencoded;charset=UTF-8' };
  }
  if (web.isBlob(body))
    return { data: web.blobBytes(body), type: body.type === '' ? null : body.type };
  if (web.isFormData(body)) return web.encodeForm(body);
  if (web.isReadableStream(body)) {
    if (web.isLocked(body) || web.isDisturbed(body))
      throw new TypeError('The stream of a body is locked or was read from');
    return { data: body, type: null };
  }
  return { data: web.toText(body), type: 'text/plain;charset=UTF-8' };
};

const toBytes = (data) => (data === null ? native.utf8Encode('')
  : typeof data === 'string' ? native.utf8Encode(data) : data);
const toString = (data) => (data === null ? ''
  : typeof data === 'string' ? data : native.utf8Decode(data, false, false));
const kReadBytesMax = Infinity;  // the limit of ArrayBuffers ends a read that goes on

/// Base of Request and Response.
class Body {
  #data = null;
  #stream = undefined;  // once there is one it holds what is left; #data is null then
  #used = false;

  static {
    /// `data` as extractBody answers it.
    web.setBody = (object, data) => {
      const whole = typeof data !== 'object' || data === null || ArrayBufferIsView(data);
      if (whole) object.#data = data;
      else object.#stream = data;
    };
    const refuseUsed = (object) => {
      const stream = object.#stream;
      if (object.#used
        || (stream !== undefined && (web.isDisturbed(stream) || web.isLocked(stream))))
        throw new TypeError('The body was used already');
    };
    /// Takes the body for sending; throws when it was read before. A stream is answered as it is.
    web.takeBody = (object) => {
      refuseUsed(object);
      if (object.#stream !== undefined) return object.#stream;
      object.#used = object.#data !== null;
      return object.#data;
    };
    /// A promise that resolves once the body is no stream any more, for those who send it whole;
    /// undefined when it is none.
    web.gatherBody = (object, bytes_max) => {
      if (object.#stream === undefined) return undefined;
      refuseUsed(object);
      return (async () => {
        const bytes = await web.readAll(object.#stream, bytes_max);
        object.#stream = undefined;
        object.#data = bytes;
      })();
    };
    /// The same body for a clone.
    web.copyBody = (object) => {
      refuseUsed(object);
      if (object.#stream !== undefined) {
        const pair = web.teeStream(object.#stream);
        object.#stream = pair[0];
        return pair[1];
      }
      const data = object.#data;
      return data === null || typeof data === 'string' ? data : TypedArrayPrototypeSlice(data);
    };
  }
  /// All of a stream's bytes; only for a body that is one.
  #all() { return web.readAll(web.takeBody(this), kReadBytesMax); }

  get body() {
    if (this.#stream === undefined && this.#data !== null) {
      const data = this.#data;
      let whole;
      const bytes = () => { return whole ??= toBytes(data); };
      this.#stream = web.streamOf(bytes);
      web.noteBody(this.#stream, { __proto__: null, bytes });
      this.#data = null;
      if (this.#used) web.cancelReader(web.getReader(this.#stream));  // it stays locked
    }
    return this.#stream ?? null;
  }
  get bodyUsed() {
    return this.#used || (this.#stream !== undefined && web.isDisturbed(this.#stream));
  }
  async text() {
    return toString(this.#stream === undefined ? web.takeBody(this) : await this.#all());
  }
  async json() {
    return JSONParse(
      toString(this.#stream === undefined ? web.takeBody(this) : await this.#all()));
  }
  async bytes() {
    return toBytes(this.#stream === undefined ? web.takeBody(this) : await this.#all());
  }
  async arrayBuffer() {
    return TypedArrayPrototypeBuffer(
      toBytes(this.#stream === undefined ? web.takeBody(this) : await this.#all()));
  }
  async blob() {
    const bytes = toBytes(this.#stream === undefined ? web.takeBody(this) : await this.#all());
    web.library('blob');
    return web.makeBlob(bytes, web.mimeType(web.headerOf(this, 'content-type') ?? ''));
  }
  async formData() {
    const bytes = toBytes(this.#stream === undefined ? web.takeBody(this) : await this.#all());
    web.library('form_data');
    return web.decodeForm(bytes, web.headerOf(this, 'content-type') ?? '');
  }
}
web.Body = Body;
const names = ['body', 'bodyUsed', 'text', 'json', 'bytes', 'arrayBuffer', 'blob', 'formData'];
for (const name of names)
  primordials.ObjectDefineProperty(Body.prototype, name, { __proto__: null, enumerable: true });
