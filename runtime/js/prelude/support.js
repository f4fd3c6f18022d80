'use strict';
// Small helpers of the other files: classes made global, WebIDL conversions.
const {
  ObjectDefineProperty, ObjectGetOwnPropertyDescriptor, ObjectGetOwnPropertyNames, ReflectOwnKeys,
  String, SymbolToStringTag, TypeError,
} = primordials;

/// Defines a global the way the platform does: writable, configurable, not enumerable.
web.expose = (name, value) => {
  ObjectDefineProperty(globalThis, name,
    { __proto__: null, value, writable: true, configurable: true, enumerable: false });
};

const libraries = { __proto__: null };
/// What a part of the prelude exports that most functions never need. It runs when it is first
/// asked for; again, when that was ended in the middle.
web.library = (name) => (libraries[name] ??= native.library(name, native, primordials, web));

/// By name of what is exposed later: the getter that stands for it, then the class itself.
const later = { __proto__: null };
const kOfPrototypes = { __proto__: null, constructor: true };
const kOfFunctions = { __proto__: null, prototype: true, length: true, name: true };
const makeEnumerable = (object, except) => {
  const names = ObjectGetOwnPropertyNames(object);
  for (let i = 0; i < names.length; i++) {
    if (!except[names[i]])
      ObjectDefineProperty(object, names[i], { __proto__: null, enumerable: true });
  }
};
/// The same for a class: its tag, and its operations and attributes enumerable. Its objects are
/// platform objects from then on: structuredClone refuses those it has no rule for.
web.exposeClass = (Class) => {
  makeEnumerable(Class.prototype, kOfPrototypes);
  makeEnumerable(Class, kOfFunctions);
  ObjectDefineProperty(Class.prototype, SymbolToStringTag,
    { __proto__: null, value: Class.name, configurable: true });
  native.markPlatform(Class.prototype);
  const held = later[Class.name];
  if (held !== undefined) {  // what a function has put there itself stays
    const found = ObjectGetOwnPropertyDescriptor(globalThis, Class.name);
    if (found === undefined || (found.get !== held && found.value !== held)) return;
    later[Class.name] = Class;
  }
  web.expose(Class.name, Class);
};
/// A class that `load` exposes when somebody first asks for its name: most functions never do.
web.exposeLater = (name, load) => {
  later[name] = () => {
    load();
    return globalThis[name];
  };
  ObjectDefineProperty(globalThis, name, {
    __proto__: null, enumerable: false, configurable: true, get: later[name],
    set(value) { web.expose(name, value); },
  });
};
/// WebIDL constants: on the class and on its prototype.
web.defineConstants = (Class, constants) => {
  const names = ReflectOwnKeys(constants);
  for (let i = 0; i < names.length; i++) {
    const descriptor = { __proto__: null, value: constants[names[i]], enumerable: true };
    ObjectDefineProperty(Class, names[i], descriptor);
    ObjectDefineProperty(Class.prototype, names[i], descriptor);
  }
};
/// What a constructor that functions must not call asks for as its first argument.
web.kInternal = { __proto__: null };
web.needInternal = (key) => {
  if (key !== web.kInternal) throw new TypeError('Illegal constructor');
};
/// A WebIDL dictionary: undefined and null stand for an empty one.
const kEmpty = { __proto__: null };
web.toDictionary = (value, what) => {
  if (value === undefined || value === null) return kEmpty;
  if (typeof value !== 'object' && typeof value !== 'function')
    throw new TypeError(`${what} takes an object of options`);
  return value;
};

/// A JavaScript value as a WebIDL USVString: lone surrogates are replaced where it is encoded.
web.toText = (value) => {
  if (typeof value === 'string') return value;
  if (typeof value === 'symbol') throw new TypeError('Cannot convert a Symbol to a string');
  return String(value);
};

/// What `for (const pair of object)` uses: the method `entries`.
web.defineIterator = (Class) => {
  ObjectDefineProperty(Class.prototype, primordials.SymbolIterator,
    { __proto__: null, value: Class.prototype.entries, writable: true, configurable: true });
};

web.needArguments = (given, needed, what) => {
  if (given < needed)
    throw new TypeError(`${what} needs ${needed} argument${needed > 1 ? 's' : ''}, got ${given}`);
};
