'use strict';
// What is there of streams before somebody needs one: their names, and the two that carry text
// (https://encoding.spec.whatwg.org/#interface-textdecoderstream). Most functions take and answer
// whole bodies; the classes would be a tenth of what an idle isolate holds.
const { StringPrototypeCharCodeAt, StringPrototypeSlice, TypeError, uncurryThis } = primordials;
const load = () => { web.library('stream_classes'); };
for (const name of ['ByteLengthQueuingStrategy', 'CountQueuingStrategy',
  'ReadableByteStreamController', 'ReadableStream', 'ReadableStreamBYOBReader',
  'ReadableStreamBYOBRequest', 'ReadableStreamDefaultController', 'ReadableStreamDefaultReader',
  'TransformStream', 'TransformStreamDefaultController', 'WritableStream',
  'WritableStreamDefaultController', 'WritableStreamDefaultWriter'])
  web.exposeLater(name, load);
for (const name of ['CompressionStream', 'DecompressionStream'])
  web.exposeLater(name, () => { web.library('compression'); });
web.exposeLater('URLPattern', () => { web.exposeClass(web.library('urlpattern').URLPattern); });

/// Nothing can be one before there are the classes, which put another function here.
web.isReadableStream = () => false;
/// A ReadableStream that asks `source` for nothing before it is read.
web.byteStream = (source) => {
  load();
  return web.byteStream(source);
};
web.transformStream = (transformer) => {
  load();
  return web.transformStream(transformer);
};

/// Chunks of `size` bytes in all, as one.
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
  return web.byteStream({
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
  });
};

class TextEncoderStream {
  #high = '';  // a high surrogate that waits for the next chunk
  #transform;
  constructor() {
    this.#transform = web.transformStream({
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

const { TextDecoder } = globalThis;
const decode = uncurryThis(TextDecoder.prototype.decode);
const kMore = { __proto__: null, stream: true };

class TextDecoderStream {
  #decoder;
  #transform;
  constructor(label = 'utf-8', options = undefined) {
    const decoder = new TextDecoder(label, options);
    this.#decoder = decoder;
    this.#transform = web.transformStream({
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
