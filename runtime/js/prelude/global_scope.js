'use strict';
// What the global scope is besides its names: an event target that hears of errors nobody caught.
const {
  ReflectApply, WeakMap, WeakMapPrototypeDelete, WeakMapPrototypeHas,
  WeakMapPrototypeSet,
} = primordials;
const { ErrorEvent, EventTarget, PromiseRejectionEvent } = globalThis;

for (const name of ['addEventListener', 'removeEventListener', 'dispatchEvent'])
  web.expose(name, EventTarget.prototype[name]);
web.expose('self', globalThis);

const textOf = (error) => {
  try {
    return web.inspect(error);
  } catch {
    return 'an error that cannot be shown';
  }
};
const messageOf = (error) => {
  try {
    const own = typeof error === 'object' && error !== null ? error.message : error;
    return `Uncaught ${web.toText(own)}`;
  } catch {
    return 'Uncaught';
  }
};

let reporting = false;
/// Tells the global scope of an exception that nobody caught, and the log unless it is handled.
/// `where`: what threw it.
web.report = (error, where) => {
  let handled = false;
  if (!reporting) {
    reporting = true;
    try {
      handled = !web.dispatchTrusted(globalThis, new ErrorEvent('error',
        { __proto__: null, message: messageOf(error), error, cancelable: true }));
    } finally {
      reporting = false;
    }
  }
  if (!handled) native.log(3, `Uncaught in ${where}: ${textOf(error)}`);
};
web.expose('reportError', function reportError(error) {
  web.needArguments(arguments.length, 1, 'reportError');
  web.report(error, 'the function');
});

web.defineHandler(globalThis, 'error', (handler, target, event) => {
  const ours = event instanceof ErrorEvent;
  const result = ReflectApply(handler, target, ours
    ? [event.message, event.filename, event.lineno, event.colno, event.error] : [event]);
  if (ours ? result === true : result === false) event.preventDefault();
});
web.defineHandler(globalThis, 'unhandledrejection');
web.defineHandler(globalThis, 'rejectionhandled');

const told = new WeakMap();  // promises whose rejection was told, until it is handled
const tell = (type, promise, reason) => web.dispatchTrusted(globalThis,
  new PromiseRejectionEvent(type,
    { __proto__: null, promise, reason, cancelable: type === 'unhandledrejection' }));
/// C++ calls it at the end of a turn: promise and reason of what is rejected with nobody waiting
/// (`handled` false), or has found somebody since.
web.onRejection = (promise, reason, handled) => {
  if (!handled) {
    WeakMapPrototypeSet(told, promise, true);
    if (tell('unhandledrejection', promise, reason))
      native.log(3, `Uncaught in a promise: ${textOf(reason)}`);
  } else if (WeakMapPrototypeHas(told, promise)) {
    WeakMapPrototypeDelete(told, promise);
    tell('rejectionhandled', promise, reason);
  }
};

class Navigator {
  constructor(key = undefined) { web.needInternal(key); }
  get userAgent() { return 'Themis'; }
}
web.exposeClass(Navigator);
web.expose('navigator', new Navigator(web.kInternal));

const { Response } = globalThis;
web.isResponse = (value) => value instanceof Response;
web.bytesOf = primordials.uncurryThis(Response.prototype.bytes);
// C++ calls these when somebody first asks for WebAssembly, and for a Wasm function.
web.openWebAssembly = (raw) => web.library('webassembly').open(raw);
web.makeWasi = (module, name) => web.library('wasi').make(module, name);
