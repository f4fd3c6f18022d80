'use strict';
// CompressionStream and DecompressionStream (https://compression.spec.whatwg.org). Runs when one of
// them is first asked for.
const { TypeError, TypedArrayPrototypeLength, TypedArrayPrototypeSubarray, Uint8Array } =
  primordials;

const kFormats = { __proto__: null, gzip: true, deflate: true, 'deflate-raw': true, brotli: true };

const makeTransform = (given, compress) => {
  const format = web.toText(given);
  if (!kFormats[format]) throw new TypeError(`The format '${format}' is not known`);
  let codec = native.codecOpen(format, compress);
  const close = () => {
    native.codecClose(codec);
    codec = undefined;
  };
  /// Hands out what comes of `bytes`, a bounded piece at a time.
  const run = (bytes, finish, controller) => {
    for (;;) {  // every round consumes input or makes output, or ends
      let step;
      try {
        step = native.codecStep(codec, bytes, finish);
      } catch (error) {
        close();
        throw error;
      }
      if (step === undefined) {
        close();
        throw new TypeError(`The data is not ${format}, or not whole`);
      }
      if (TypedArrayPrototypeLength(step[1]) > 0) controller.enqueue(step[1]);
      if (!step[2]) return;
      bytes = TypedArrayPrototypeSubarray(bytes, step[0]);
    }
  };
  return web.transformStream({
    __proto__: null,
    transform(chunk, controller) {
      const bytes = web.asBytes(chunk);
      if (bytes === undefined)
        throw new TypeError('Chunks are ArrayBuffers and views of them');
      run(bytes, false, controller);
    },
    flush(controller) {
      run(new Uint8Array(0), true, controller);
      close();
    },
  });
};

class CompressionStream {
  #transform;
  constructor(format) {
    web.needArguments(arguments.length, 1, 'CompressionStream');
    this.#transform = makeTransform(format, true);
  }
  get readable() { return this.#transform.readable; }
  get writable() { return this.#transform.writable; }
}
web.exposeClass(CompressionStream);

class DecompressionStream {
  #transform;
  constructor(format) {
    web.needArguments(arguments.length, 1, 'DecompressionStream');
    this.#transform = makeTransform(format, false);
  }
  get readable() { return this.#transform.readable; }
  get writable() { return this.#transform.writable; }
}
web.exposeClass(DecompressionStream);
web.DecompressionStream = DecompressionStream;
