'use strict';
// themis.remote: the exported functions of another function as if they were here, each call a
// promise; and such a call from the other side. Runs when it is first needed. What travels are
// values of structured clone.
const {
  Error, EvalError, Map, MapPrototypeGet, MapPrototypeSet, ObjectDefineProperty,
  ObjectFreeze, Proxy, RangeError, ReferenceError, ReflectApply, StringPrototypeIndexOf,
  StringPrototypeSlice, SyntaxError, TypeError, URIError,
} = primordials;

/// Of a call's answer.
const kReturned = 200;
const kThrew = 400;
/// Longest name and message of an error that goes out, in UTF-16 units; the rest is cut.
const kErrorTextMax = 4096;
const kErrors = { __proto__: null, Error, EvalError, RangeError, ReferenceError, SyntaxError,
  TypeError, URIError };

const refuse = (message) => { throw new web.DOMException(message, 'DataCloneError'); };
const onPlatformObject = (object) => refuse(`${web.inspect(object)} could not be cloned`);
const encode = (value) => {
  try {
    return native.encodeValue(value, onPlatformObject);
  } catch (error) {
    if (native.isCloneRefusal(error)) refuse(error.message);
    throw error;
  }
};

const textOf = (value) => StringPrototypeSlice(web.toText(value), 0, kErrorTextMax);
/// What the other side is told of an exception; its stack, if the caller is of the same owner.
const describe = (error, isOwn) => {
  try {
    if (typeof error !== 'object' || error === null)
      return { name: 'Error', message: textOf(error), stack: '' };
    const stack = isOwn && typeof error.stack === 'string' ? textOf(error.stack) : '';
    return { name: textOf(error.name ?? 'Error'), message: textOf(error.message ?? ''), stack };
  } catch {
    return { name: 'Error', message: 'an exception that cannot be shown', stack: '' };
  }
};

/// [status, bytes] of one call; `self`: what the function sees as `this`. `method`: undefined when
/// there is none of that name for the caller.
web.runRemote = async (method, name, self, bytes, isOwn) => {
  try {
    if (method === undefined) {
      throw new TypeError(`no exported function "${name}"${
        isOwn ? '' : " that `remote` in the manifest opens to other owners' functions"}`);
    }
    const args = native.decodeValue(bytes);
    if (native.kindOf(args) !== 'array') throw new TypeError('the arguments of a call are an array');
    return [kReturned, encode(await ReflectApply(method, self, args))];
  } catch (error) {
    return [kThrew, encode(describe(error, isOwn))];
  }
};

/// The frames of a stack, without the lines of its error.
const framesOf = (stack) => {
  const at = StringPrototypeIndexOf(stack, '\n    at ');
  return at < 0 ? '' : StringPrototypeSlice(stack, at);
};
/// The error that a description of the other side, which may hold anything, stands for.
const revive = (told, whose) => {
  const text = (value) => (typeof value === 'string' ? value : '');
  const name = text(told?.name) || 'Error';
  const error = new (kErrors[name] ?? Error)(text(told?.message));
  if (kErrors[name] === undefined) {
    ObjectDefineProperty(error, 'name',
      { __proto__: null, value: name, writable: true, configurable: true });
  }
  const own = framesOf(text(error.stack));
  ObjectDefineProperty(error, 'stack', { __proto__: null, writable: true, configurable: true,
    value: `${name}: ${error.message}${framesOf(text(told?.stack))}\n    at ${whose} (remote)${own}` });
  return error;
};

const call = async (target, method, args) => {
  const bytes = encode(args);  // as they are now
  const gate = web.outputGate?.();
  if (gate !== undefined) await gate;
  const answer = await native.callRemote(target, method, bytes);
  if (answer[3] !== 0) native.leaveFlow(answer[3]);
  const value = native.decodeValue(answer[2]);
  if (answer[0] === kReturned) return value;
  throw revive(value, `${target}.${method}`);
};

/// Has no properties of its own: each name is a function of the other side, but for `then`, so that
/// the object itself can be awaited.
const makeRemote = (target) => {
  const methods = new Map();
  const methodOf = (name) => {
    let method = MapPrototypeGet(methods, name);
    if (method === undefined) {
      method = (...args) => call(target, name, args);
      MapPrototypeSet(methods, name, method);
    }
    return method;
  };
  return new Proxy(ObjectFreeze({ __proto__: null }), {
    __proto__: null,
    get: (_, name) => (typeof name === 'string' && name !== 'then' ? methodOf(name) : undefined),
  });
};

const themis = {
  /// The exported functions of the function `name`, which [functions] of the manifest has to name.
  remote(name) {
    web.needArguments(arguments.length, 1, 'themis.remote');
    return makeRemote(`fn/${web.toText(name)}`);
  },
};
web.expose('themis', ObjectFreeze(themis));
