'use strict';
// Timers, microtasks, performance, crypto.
const {
  ArrayBufferIsView, ReflectApply, TypeError,
  TypedArrayPrototypeByteLength, TypedArrayPrototypeTag, Uint8Array,
} = primordials;

/// Runs `run` in this call after `ms`; throws when there can be no timer.
web.startTimer = (run, ms, repeat) => {
  const id = native.startTimer(run, ms, repeat);
  if (id === 0)
    throw new TypeError('No timer: outside of a request, or too many are running');
  return id;
};
const start = (callback, delay, args, repeat) => {
  if (typeof callback !== 'function') throw new TypeError('A timer needs a function');
  return web.startTimer(() => {
    try {
      ReflectApply(callback, globalThis, args);
    } catch (error) {
      web.report(error, 'a timer');
    }
  }, delay | 0, repeat);
};
const clear = (id) => { if (id !== undefined && id !== null) native.clearTimer(+id); };

web.expose('setTimeout', function setTimeout(callback, delay = 0, ...args) {
  return start(callback, delay, args, false);
});
web.expose('setInterval', function setInterval(callback, delay = 0, ...args) {
  return start(callback, delay, args, true);
});
web.expose('clearTimeout', function clearTimeout(id = undefined) { clear(id); });
web.expose('clearInterval', function clearInterval(id = undefined) { clear(id); });

web.expose('queueMicrotask', function queueMicrotask(callback) {
  if (typeof callback !== 'function') throw new TypeError('queueMicrotask needs a function');
  (async () => {
    await undefined;
    try {
      callback();
    } catch (error) {
      web.report(error, 'a microtask');
    }
  })();
});

class Performance extends web.EventTarget {
  constructor(key = undefined) {
    web.needInternal(key);
    super();
  }
  now() { return native.now(); }
  get timeOrigin() { return native.wallMs() - native.now(); }
  toJSON() { return { timeOrigin: this.timeOrigin }; }
}
web.exposeClass(Performance);
web.expose('performance', new Performance(web.kInternal));

const kIntegerArrays = { __proto__: null, Int8Array: true, Uint8Array: true,
  Uint8ClampedArray: true, Int16Array: true, Uint16Array: true, Int32Array: true,
  Uint32Array: true, BigInt64Array: true, BigUint64Array: true };
const kRandomBytesMax = 65536;  // https://w3c.github.io/webcrypto/#Crypto-method-getRandomValues
const kHex = '0123456789abcdef';

const loadSubtle = () => {
  web.library('crypto_algorithms');
  web.library('crypto_keys');
  web.library('crypto_subtle');
};
web.exposeLater('CryptoKey', loadSubtle);
web.exposeLater('SubtleCrypto', loadSubtle);

class Crypto {
  #brand = true;
  constructor(key = undefined) { web.needInternal(key); }
  get subtle() {
    this.#brand;  // throws for another `this`
    loadSubtle();
    return web.subtle;
  }
  getRandomValues(array) {
    web.needArguments(arguments.length, 1, 'getRandomValues');
    this.#brand;
    if (!ArrayBufferIsView(array) || !kIntegerArrays[TypedArrayPrototypeTag(array)])
      throw new web.DOMException('getRandomValues fills an integer array', 'TypeMismatchError');
    if (TypedArrayPrototypeByteLength(array) > kRandomBytesMax)
      throw new web.DOMException('At most 65536 bytes at once', 'QuotaExceededError');
    native.random(array);
    return array;
  }
  randomUUID() {
    this.#brand;
    const bytes = new Uint8Array(16);
    native.random(bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;  // RFC 9562, version 4
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let out = '';
    for (let i = 0; i < 16; i++) {
      if (i === 4 || i === 6 || i === 8 || i === 10) out += '-';
      out += kHex[bytes[i] >> 4] + kHex[bytes[i] & 15];
    }
    return out;
  }
}
web.exposeClass(Crypto);
web.expose('crypto', new Crypto(web.kInternal));
