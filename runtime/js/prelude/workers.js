'use strict';
// What code for Cloudflare Workers uses beside the standards: streams of bytes that pass through
// unchanged, one of them of a known length, and scheduler.wait
// (https://developers.cloudflare.com/workers/runtime-apis). Runs when it is first needed.
const {
  ObjectGetOwnPropertyDescriptor, Promise, TypeError, TypedArrayPrototypeLength, WeakMap,
  WeakMapPrototypeGet, WeakMapPrototypeSet,
} = primordials;

const bytesOf = (chunk) => {
  const bytes = web.asBytes(chunk);
  if (bytes === undefined) throw new TypeError('This stream takes ArrayBuffers and views of them');
  return bytes;
};
const anyLength = () => ({
  __proto__: null,
  transform(chunk, controller) { controller.enqueue(bytesOf(chunk)); },
});
const ofLength = (length) => {
  let left = length;
  return {
    __proto__: null,
    transform(chunk, controller) {
      const bytes = bytesOf(chunk);
      left -= TypedArrayPrototypeLength(bytes);
      if (left < 0) throw new TypeError(`More than the ${length} bytes of a FixedLengthStream`);
      controller.enqueue(bytes);
    },
    flush() {
      if (left > 0) throw new TypeError(`Fewer than the ${length} bytes of a FixedLengthStream`);
    },
  };
};

class IdentityTransformStream {
  #transform;
  constructor(key = undefined, transformer = undefined) {
    this.#transform = web.transformStream(key === web.kInternal ? transformer : anyLength());
  }
  get readable() { return this.#transform.readable; }
  get writable() { return this.#transform.writable; }
}
const readableOf = primordials.uncurryThis(
  ObjectGetOwnPropertyDescriptor(IdentityTransformStream.prototype, 'readable').get);

const lengths = new WeakMap();
/// The length that a body's stream was made for; undefined for most.
web.lengthOfStream = (stream) => WeakMapPrototypeGet(lengths, stream);

/// A Response with its `readable` as body has a content-length.
class FixedLengthStream extends IdentityTransformStream {
  constructor(expectedLength) {
    web.needArguments(arguments.length, 1, 'FixedLengthStream');
    const length = primordials.Number(expectedLength);
    if (!(length >= 0) || primordials.MathTrunc(length) !== length)
      throw new TypeError('The length of a FixedLengthStream is a number of bytes');
    super(web.kInternal, ofLength(length));
    WeakMapPrototypeSet(lengths, readableOf(this), length);
  }
}
web.exposeClass(IdentityTransformStream);
web.exposeClass(FixedLengthStream);

class Scheduler {
  constructor(key = undefined) { web.needInternal(key); }
  /// Resolves after so many milliseconds; an abort of `options.signal` rejects it.
  wait(delay, options = undefined) {
    const { signal } = web.toDictionary(options, 'wait');
    if (signal !== undefined && !web.isAbortSignal(signal))
      throw new TypeError('The signal is no AbortSignal');
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const id = web.startTimer(() => resolve(undefined), delay | 0, false);
      if (signal === undefined) return undefined;
      return web.whenAborted(signal, () => {
        native.clearTimer(id);
        reject(signal.reason);
      });
    });
  }
}
web.expose('scheduler', new Scheduler(web.kInternal));
