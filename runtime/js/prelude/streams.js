'use strict';
// The streams of web-streams-polyfill made global, and the two that carry text
// (https://encoding.spec.whatwg.org/#interface-textdecoderstream).
const {
  ArrayBufferIsView, StringPrototypeCharCodeAt, StringPrototypeSlice, TypeError, uncurryThis,
} = primordials;
const library = web.libraries.streams;
const { ReadableStream, TransformStream } = library;

const names = primordials.ReflectOwnKeys(library);
for (let i = 0; i < names.length; i++)
  if (typeof names[i] === 'string' && names[i] !== '__esModule') web.exposeClass(library[names[i]]);

const isOf = (Class, attribute) => {
  const get = uncurryThis(Object.getOwnPropertyDescriptor(Class.prototype, attribute).get);
  return (value) => {
    try {
      get(value);
      return true;
    } catch {
      return false;
    }
  };
};
const locked = uncurryThis(
  Object.getOwnPropertyDescriptor(ReadableStream.prototype, 'locked').get);
const isStream = isOf(ReadableStream, 'locked');
web.isReadableStream = (value) => typeof value === 'object' && value !== null && isStream(value);
web.isLocked = locked;
web.isDisturbed = (stream) => stream._disturbed === true;
const getReader = uncurryThis(ReadableStream.prototype.getReader);
web.teeStream = uncurryThis(ReadableStream.prototype.tee);
const ReaderPrototype = library.ReadableStreamDefaultReader.prototype;
const read = uncurryThis(ReaderPrototype.read);
const cancel = uncurryThis(ReaderPrototype.cancel);
web.getReader = getReader;
web.readChunk = read;
web.cancelReader = cancel;
/// The Uint8Array that a chunk of a body is.
web.asChunk = (value) => {
  if (!ArrayBufferIsView(value) || primordials.TypedArrayPrototypeTag(value) !== 'Uint8Array')
    throw new TypeError('A chunk of a body is a Uint8Array');
  return value;
};

/// All bytes of a stream of Uint8Arrays, as one. Past `bytes_max` it reads no further, and the
/// answer is longer than that.
web.readAll = async (stream, bytes_max) => {
  const reader = getReader(stream);
  const chunks = [];
  let size = 0;
  while (size <= bytes_max) {
    const { done, value } = await read(reader);
    if (done) return web.joinBytes(chunks, size);
    primordials.ArrayPrototypePush(chunks, web.asChunk(value));
    size += primordials.TypedArrayPrototypeLength(value);
  }
  cancel(reader);
  return web.joinBytes(chunks, size);
};
web.joinBytes = (chunks, size) => {
  if (chunks.length === 1) return chunks[0];
  const out = new primordials.Uint8Array(size);
  let at = 0;
  for (let i = 0; i < chunks.length; i++) {
    primordials.TypedArrayPrototypeSet(out, chunks[i], at);
    at += primordials.TypedArrayPrototypeLength(chunks[i]);
  }
  return out;
};
/// Bytes given out this many at a time.
const kChunkBytes = 64 << 10;
/// A byte stream of what `bytesOf()` answers when it is first asked for.
web.streamOf = (bytesOf) => {
  let bytes;
  let at = 0;
  return new ReadableStream({
    __proto__: null,
    type: 'bytes',
    pull(controller) {
      bytes ??= bytesOf();
      const size = primordials.TypedArrayPrototypeLength(bytes);
      if (at < size) {
        const end = at + kChunkBytes < size ? at + kChunkBytes : size;
        controller.enqueue(primordials.TypedArrayPrototypeSlice(bytes, at, end));
        at = end;
      }
      if (at < size) return;
      controller.close();
      controller.byobRequest?.respond(0);
    },
  }, { __proto__: null, highWaterMark: 0 });
};

class TextEncoderStream {
  #high = '';  // a high surrogate that waits for the next chunk
  #transform;
  constructor() {
    this.#transform = new TransformStream({
      __proto__: null,
      transform: (chunk, controller) => { this.#encode(web.toText(chunk), controller); },
      flush: (controller) => {
        if (this.#high !== '') controller.enqueue(native.utf8Encode('\ufffd'));
      },
    });
  }
  #encode(chunk, controller) {
    let text = this.#high + chunk;
    this.#high = '';
    const last = text.length > 0 ? StringPrototypeCharCodeAt(text, text.length - 1) : 0;
    if (last >= 0xd800 && last <= 0xdbff) {
      this.#high = StringPrototypeSlice(text, text.length - 1);
      text = StringPrototypeSlice(text, 0, text.length - 1);
    }
    if (text !== '') controller.enqueue(native.utf8Encode(text));
  }
  get encoding() { return this.#transform && 'utf-8'; }
  get readable() { return this.#transform.readable; }
  get writable() { return this.#transform.writable; }
}
web.exposeClass(TextEncoderStream);

const decode = uncurryThis(globalThis.TextDecoder.prototype.decode);
const { TextDecoder } = globalThis;
const kMore = { __proto__: null, stream: true };

class TextDecoderStream {
  #decoder;
  #transform;
  constructor(label = 'utf-8', options = undefined) {
    const decoder = new TextDecoder(label, options);
    this.#decoder = decoder;
    this.#transform = new TransformStream({
      __proto__: null,
      transform(chunk, controller) {
        if (web.asBytes(chunk) === undefined)
          throw new TypeError('A TextDecoderStream takes ArrayBuffers and views of them');
        const text = decode(decoder, chunk, kMore);
        if (text !== '') controller.enqueue(text);
      },
      flush(controller) {
        const text = decode(decoder);
        if (text !== '') controller.enqueue(text);
      },
    });
  }
  get encoding() { return this.#decoder.encoding; }
  get fatal() { return this.#decoder.fatal; }
  get ignoreBOM() { return this.#decoder.ignoreBOM; }
  get readable() { return this.#transform.readable; }
  get writable() { return this.#transform.writable; }
}
web.exposeClass(TextDecoderStream);

web.exposeLater('URLPattern', () => { web.exposeClass(web.libraries.urlpattern().URLPattern); });
