'use strict';
// Small helpers of the other files: classes made global, WebIDL conversions, DOMException.
const {
  ErrorPrototypeToString, ObjectDefineProperty, ObjectGetOwnPropertyNames, String,
  SymbolToStringTag, TypeError, Error,
} = primordials;

/// Defines a global the way the platform does: writable, configurable, not enumerable.
web.expose = (name, value) => {
  ObjectDefineProperty(globalThis, name,
    { __proto__: null, value, writable: true, configurable: true, enumerable: false });
};

/// The same for a class: its tag, and its methods and accessors enumerable.
web.exposeClass = (Class) => {
  const names = ObjectGetOwnPropertyNames(Class.prototype);
  for (let i = 0; i < names.length; i++) {
    if (names[i] !== 'constructor')
      ObjectDefineProperty(Class.prototype, names[i], { __proto__: null, enumerable: true });
  }
  ObjectDefineProperty(Class.prototype, SymbolToStringTag,
    { __proto__: null, value: Class.name, configurable: true });
  web.expose(Class.name, Class);
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

const kLegacyCodes = {
  __proto__: null,
  IndexSizeError: 1, NotFoundError: 8, NotSupportedError: 9, InvalidStateError: 11,
  SyntaxError: 12, InvalidAccessError: 15, TypeMismatchError: 17, SecurityError: 18,
  NetworkError: 19, AbortError: 20, URLMismatchError: 21, QuotaExceededError: 22,
  TimeoutError: 23, DataCloneError: 25, InvalidCharacterError: 5,
};

class DOMException extends Error {
  #name;

  constructor(message = '', options = 'Error') {
    super(web.toText(message));
    const named = typeof options === 'object' && options !== null;
    this.#name = web.toText(named ? options.name ?? 'Error' : options);
    if (named && 'cause' in options) {
      ObjectDefineProperty(this, 'cause',
        { __proto__: null, value: options.cause, writable: true, configurable: true });
    }
    Error.captureStackTrace?.(this, DOMException);
    ObjectDefineProperty(this, 'stack', {
      __proto__: null, value: `${ErrorPrototypeToString(this)}${stackFrames(this.stack)}`,
      writable: true, configurable: true,
    });
  }
  get name() { return this.#name; }
  get code() { return kLegacyCodes[this.#name] ?? 0; }
}

/// The lines "    at ..." of a stack, whatever its first lines say.
const stackFrames = (stack) => {
  const at = primordials.StringPrototypeIndexOf(stack, '\n    at ');
  return at < 0 ? '' : primordials.StringPrototypeSlice(stack, at);
};

web.DOMException = DOMException;
web.exposeClass(DOMException);
