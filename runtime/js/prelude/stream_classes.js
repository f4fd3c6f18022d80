'use strict';
// The streams of web-streams-polyfill made global, and what the prelude does with them. Runs when
// one is first needed: see streams.js.
const { ArrayBufferIsView, ObjectGetOwnPropertyDescriptor, TypeError, uncurryThis } = primordials;
const library = web.library('streams');
const { ReadableStream, TransformStream } = library;

const isOf = (Class, attribute) => {
  const get = uncurryThis(ObjectGetOwnPropertyDescriptor(Class.prototype, attribute).get);
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
  ObjectGetOwnPropertyDescriptor(ReadableStream.prototype, 'locked').get);
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
web.byteStream = (source) =>
  new ReadableStream(source, { __proto__: null, highWaterMark: 0 });
web.transformStream = (transformer) => new TransformStream(transformer);

// Last: a run that a limit ended before is run again.
const names = primordials.ReflectOwnKeys(library);
for (let i = 0; i < names.length; i++)
  if (typeof names[i] === 'string' && names[i] !== '__esModule') web.exposeClass(library[names[i]]);
