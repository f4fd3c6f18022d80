'use strict';
// DOMException (https://webidl.spec.whatwg.org/#idl-DOMException): an Error whose name and message
// are the prototype's attributes.
const {
  Error, ErrorPrototypeToString, ObjectDefineProperty, ObjectSetPrototypeOf, ReflectConstruct,
  StringPrototypeIndexOf, StringPrototypeSlice, TypeError,
} = primordials;

const kNames = ['INDEX_SIZE', 'DOMSTRING_SIZE', 'HIERARCHY_REQUEST', 'WRONG_DOCUMENT',
  'INVALID_CHARACTER', 'NO_DATA_ALLOWED', 'NO_MODIFICATION_ALLOWED', 'NOT_FOUND', 'NOT_SUPPORTED',
  'INUSE_ATTRIBUTE', 'INVALID_STATE', 'SYNTAX', 'INVALID_MODIFICATION', 'NAMESPACE',
  'INVALID_ACCESS', 'VALIDATION', 'TYPE_MISMATCH', 'SECURITY', 'NETWORK', 'ABORT', 'URL_MISMATCH',
  'QUOTA_EXCEEDED', 'TIMEOUT', 'INVALID_NODE_TYPE', 'DATA_CLONE'];
const kCodes = {
  __proto__: null,
  IndexSizeError: 1, HierarchyRequestError: 3, WrongDocumentError: 4, InvalidCharacterError: 5,
  NoModificationAllowedError: 7, NotFoundError: 8, NotSupportedError: 9, InUseAttributeError: 10,
  InvalidStateError: 11, SyntaxError: 12, InvalidModificationError: 13, NamespaceError: 14,
  InvalidAccessError: 15, TypeMismatchError: 17, SecurityError: 18, NetworkError: 19,
  AbortError: 20, URLMismatchError: 21, QuotaExceededError: 22, TimeoutError: 23,
  InvalidNodeTypeError: 24, DataCloneError: 25,
};

/// The lines "    at ..." of a stack, whatever its first lines say.
const stackFrames = (stack) => {
  if (typeof stack !== 'string') return '';
  const at = StringPrototypeIndexOf(stack, '\n    at ');
  return at < 0 ? '' : StringPrototypeSlice(stack, at);
};

/// Puts the private parts into an Error: the constructor it extends answers its argument.
class Parts extends (function answer(object) { return object; }) {
  #name;
  #message;
  constructor(error, name, message) {
    super(error);
    this.#name = name;
    this.#message = message;
  }
  static has(object) { return #name in object; }
  static nameOf(object) { return object.#name; }
  static messageOf(object) { return object.#message; }
}

function DOMException(message = '', options = 'Error') {
  if (new.target === undefined)
    throw new TypeError("Class constructor DOMException cannot be invoked without 'new'");
  const named = typeof options === 'object' && options !== null;
  const text = web.toText(message);
  const name = web.toText(named ? options.name ?? 'Error' : options);
  const error = ReflectConstruct(Error, [], new.target);
  new Parts(error, name, text);
  if (named && 'cause' in options) {
    ObjectDefineProperty(error, 'cause',
      { __proto__: null, value: options.cause, writable: true, configurable: true });
  }
  Error.captureStackTrace?.(error, DOMException);
  ObjectDefineProperty(error, 'stack', {
    __proto__: null, value: `${ErrorPrototypeToString(error)}${stackFrames(error.stack)}`,
    writable: true, configurable: true,
  });
  return error;
}
const attributes = {
  get name() { return Parts.nameOf(this); },
  get message() { return Parts.messageOf(this); },
  get code() { return kCodes[Parts.nameOf(this)] ?? 0; },
};
ObjectSetPrototypeOf(DOMException.prototype, Error.prototype);
Object.defineProperties(DOMException.prototype, Object.getOwnPropertyDescriptors(attributes));
ObjectDefineProperty(DOMException, 'prototype', { __proto__: null, writable: false });
ObjectDefineProperty(DOMException, 'length', { __proto__: null, value: 0 });
for (let i = 0; i < kNames.length; i++)
  web.defineConstants(DOMException, { [`${kNames[i]}_ERR`]: i + 1 });

web.DOMException = DOMException;
/// A copy, or undefined for what is no DOMException.
web.cloneDOMException = (value) => (Parts.has(value)
  ? new DOMException(Parts.messageOf(value), Parts.nameOf(value)) : undefined);
web.exposeClass(DOMException);
