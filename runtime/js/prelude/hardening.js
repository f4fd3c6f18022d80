'use strict';
// Takes away what a function must not have, and keeps ArrayBuffers inside their limit.
const { ObjectDefineProperty, ReflectConstruct, ArrayBuffer: NativeArrayBuffer } = primordials;

// Shared memory makes precise clocks; WebAssembly memory would escape the limits; V8's own console
// talks to an inspector. (Atomics stays: V8 adds to it after the snapshot; it cannot wait.)
delete globalThis.SharedArrayBuffer;
delete globalThis.WebAssembly;
delete globalThis.console;

// A resizable buffer reserves pages past the counted allocator: every ArrayBuffer has a fixed length.
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
