'use strict';
// Keeps ArrayBuffers inside their limit. (What V8 adds to a context after the snapshot is taken
// away by harden() in worker.cpp.)
const { ObjectDefineProperty, ReflectConstruct, ArrayBuffer: NativeArrayBuffer } = primordials;

// A resizable buffer reserves pages past the counted allocator, so every ArrayBuffer is of fixed
// length.
function ArrayBuffer(length) {
  if (new.target === undefined)
    throw new primordials.TypeError("Constructor ArrayBuffer requires 'new'");
  return ReflectConstruct(NativeArrayBuffer, [length],
    new.target === ArrayBuffer ? NativeArrayBuffer : new.target);
}
const define = (object, name, value, writable) => ObjectDefineProperty(object, name,
  { __proto__: null, value, writable, configurable: writable, enumerable: false });
define(ArrayBuffer, 'prototype', NativeArrayBuffer.prototype, false);
define(ArrayBuffer, 'isView', NativeArrayBuffer.isView, true);
define(NativeArrayBuffer.prototype, 'constructor', ArrayBuffer, true);
ObjectDefineProperty(ArrayBuffer, Symbol.species,
  { __proto__: null, get() { return this; }, configurable: true });
delete NativeArrayBuffer.prototype.resize;
web.expose('ArrayBuffer', ArrayBuffer);

/// Gives the global scope V8's own of these, for the profile that may have them.
web.shareMemory = (NativeShared, Atomics) => {
  function SharedArrayBuffer(length) {
    if (new.target === undefined)
      throw new primordials.TypeError("Constructor SharedArrayBuffer requires 'new'");
    return ReflectConstruct(NativeShared, [length],
      new.target === SharedArrayBuffer ? NativeShared : new.target);
  }
  define(SharedArrayBuffer, 'prototype', NativeShared.prototype, false);
  define(NativeShared.prototype, 'constructor', SharedArrayBuffer, true);
  ObjectDefineProperty(SharedArrayBuffer, Symbol.species,
    { __proto__: null, get() { return this; }, configurable: true });
  delete NativeShared.prototype.grow;
  web.expose('SharedArrayBuffer', SharedArrayBuffer);
  web.expose('Atomics', Atomics);
};
