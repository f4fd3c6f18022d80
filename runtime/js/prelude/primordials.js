'use strict';
// The intrinsics the prelude relies on, taken before any handler can replace them.
// Methods come uncurried: StringPrototypeSlice(text, 1) is text.slice(1).
const { apply, bind, call } = Function.prototype;
const uncurryThis = bind.bind(call);

const capture = (prefix, object, names) => {
  for (const name of names) {
    const label = name[0].toUpperCase() + name.slice(1);
    primordials[prefix + label] = object[name];
  }
};
const uncurry = (prefix, object, names) => {
  for (const name of names) {
    const label = name[0].toUpperCase() + name.slice(1);
    primordials[prefix + label] = uncurryThis(object[name]);
  }
};
const uncurryGetter = (label, object, name) => {
  primordials[label] = uncurryThis(Object.getOwnPropertyDescriptor(object, name).get);
};

uncurry('ArrayPrototype', Array.prototype,
  ['push', 'shift', 'join', 'slice', 'splice', 'sort', 'includes', 'indexOf']);
uncurry('StringPrototype', String.prototype,
  ['slice', 'split', 'toLowerCase', 'toUpperCase', 'charCodeAt', 'indexOf',
    'replace', 'startsWith', 'trim', 'replaceAll']);
uncurry('RegExpPrototype', RegExp.prototype, ['exec', 'toString']);
uncurry('DatePrototype', Date.prototype, ['toISOString']);
uncurry('ErrorPrototype', Error.prototype, ['toString']);
uncurry('FunctionPrototype', Function.prototype, ['toString']);
uncurry('SymbolPrototype', Symbol.prototype, ['toString']);
uncurry('MapPrototype', Map.prototype, ['entries', 'get', 'set', 'delete']);
uncurry('WeakMapPrototype', WeakMap.prototype, ['get', 'set', 'has', 'delete']);
uncurry('WeakRefPrototype', WeakRef.prototype, ['deref']);
uncurry('PromisePrototype', Promise.prototype, ['then']);
uncurry('SetPrototype', Set.prototype, ['values']);
uncurryGetter('MapPrototypeSize', Map.prototype, 'size');
uncurryGetter('SetPrototypeSize', Set.prototype, 'size');
uncurryGetter('ArrayBufferPrototypeByteLength', ArrayBuffer.prototype, 'byteLength');

const TypedArrayPrototype = Object.getPrototypeOf(Uint8Array.prototype);
uncurry('TypedArrayPrototype', TypedArrayPrototype, ['set', 'slice', 'subarray', 'fill']);
uncurryGetter('TypedArrayPrototypeLength', TypedArrayPrototype, 'length');
uncurryGetter('TypedArrayPrototypeByteLength', TypedArrayPrototype, 'byteLength');
uncurryGetter('TypedArrayPrototypeByteOffset', TypedArrayPrototype, 'byteOffset');
uncurryGetter('TypedArrayPrototypeBuffer', TypedArrayPrototype, 'buffer');
uncurryGetter('TypedArrayPrototypeTag', TypedArrayPrototype, Symbol.toStringTag);
uncurryGetter('DataViewPrototypeBuffer', DataView.prototype, 'buffer');

const MapIteratorPrototype = Object.getPrototypeOf(new Map().entries());
const SetIteratorPrototype = Object.getPrototypeOf(new Set().values());
uncurry('MapIteratorPrototype', MapIteratorPrototype, ['next']);
uncurry('SetIteratorPrototype', SetIteratorPrototype, ['next']);

capture('Object', Object, ['defineProperty', 'getPrototypeOf', 'getOwnPropertyDescriptor',
  'getOwnPropertyNames', 'hasOwn', 'keys', 'freeze', 'setPrototypeOf']);
capture('Reflect', Reflect, ['ownKeys', 'construct']);
capture('JSON', JSON, ['parse', 'stringify']);
capture('ArrayBuffer', ArrayBuffer, ['isView']);
capture('Math', Math, ['trunc']);
capture('Object', Object, ['is']);
capture('String', String, ['fromCharCode']);
primordials.ReflectApply = Reflect.apply;
primordials.uncurryThis = uncurryThis;
primordials.apply = apply;
primordials.SymbolIterator = Symbol.iterator;
primordials.SymbolToStringTag = Symbol.toStringTag;
Object.assign(primordials, {
  Array, ArrayBuffer, BigInt, DataView, Date, Error, EvalError, Map, Number, Object, Promise, Proxy,
  RangeError, ReferenceError, String, Symbol, SyntaxError, TypeError, URIError, Uint8Array, WeakMap,
  WeakRef,
});
