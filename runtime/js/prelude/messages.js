'use strict';
// structuredClone, MessageChannel and MessagePort
// (https://html.spec.whatwg.org/multipage/web-messaging.html#message-channels). Both ends are in
// one isolate; a message is a task of the call that posted it, and ends with that call.
const {
  ArrayPrototypeIndexOf, ArrayPrototypePush, ArrayPrototypeShift,
  ReflectApply, TypeError,
} = primordials;

const refuse = (message) => { throw new web.DOMException(message, 'DataCloneError'); };

/// How objects of the platform are moved, by those who own them: each looks at one that is in the
/// transfer list and answers a function that makes what arrives, or undefined: not mine.
web.transferRules = [];
/// How objects of the platform are copied: the copy, or undefined: not mine.
web.cloneRules = [web.cloneDOMException];

const ruleFor = (rules, value) => {
  for (let i = 0; i < rules.length; i++) {
    const found = rules[i](value);
    if (found !== undefined) return found;
  }
  return undefined;
};

/// A deep copy of `value`; what is in `transfer` is moved. Answers [copy, moved ports].
const cloneWith = (value, transfer) => {
  const buffers = [];
  const objects = [];
  const moves = [];
  for (let i = 0; i < transfer.length; i++) {
    const item = transfer[i];
    if (ArrayPrototypeIndexOf(transfer, item, i + 1) >= 0)
      refuse('An object is in the transfer list twice');
    if (native.kindOf(item) === 'arraybuffer') {
      ArrayPrototypePush(buffers, item);
      continue;
    }
    const move = typeof item === 'object' && item !== null
      ? ruleFor(web.transferRules, item) : undefined;
    if (move === undefined) refuse('An object in the transfer list cannot be transferred');
    ArrayPrototypePush(objects, item);
    ArrayPrototypePush(moves, move);
  }
  // A transferred object is made when the copy of `value` first meets it, or afterwards: once.
  const moved = [];
  const arrive = (i) => (moved[i] ??= moves[i]());
  const onPlatformObject = (object) => {
    const at = ArrayPrototypeIndexOf(objects, object);
    const copy = at >= 0 ? at : ruleFor(web.cloneRules, object);
    if (copy === undefined) refuse(`${web.inspect(object)} could not be cloned`);
    return copy;
  };
  const revive = (copy) => (typeof copy === 'number' ? arrive(copy) : copy);
  let copy;
  try {
    copy = native.clone(value, buffers, onPlatformObject, revive);
  } catch (error) {
    // The serializer's own refusal has no class of its own; what the value's getters throw passes.
    if (native.isCloneRefusal(error)) refuse(error.message);
    throw error;
  }
  const ports = [];
  for (let i = 0; i < moves.length; i++) {
    const object = arrive(i);
    if (web.isMessagePort(object)) ArrayPrototypePush(ports, object);
  }
  return [copy, ports];
};

/// The transfer list of options: a sequence, or { transfer: sequence }.
const transferOf = (options) => {
  if (options === undefined || options === null) return [];
  if (typeof options !== 'object' && typeof options !== 'function')
    throw new TypeError('The options of a message are an object');
  const iterate = options[primordials.SymbolIterator];
  if (iterate !== undefined && iterate !== null) return [...options];
  return options.transfer === undefined ? [] : [...options.transfer];
};

web.expose('structuredClone', function structuredClone(value, options = undefined) {
  web.needArguments(arguments.length, 1, 'structuredClone');
  const { transfer } = web.toDictionary(options, 'structuredClone');
  return cloneWith(value, transfer === undefined ? [] : [...transfer])[0];
});

let entangle;

class MessagePort extends web.EventTarget {
  #state = { __proto__: null, other: null, queue: [], started: false, detached: false };

  static {
    web.isMessagePort = (value) => typeof value === 'object' && value !== null && #state in value;
    entangle = (a, b) => {
      a.#state.other = b.#state;
      b.#state.other = a.#state;
      a.#state.port = a;
      b.#state.port = b;
    };
    ArrayPrototypePush(web.transferRules, (value) => {
      if (!(#state in value)) return undefined;
      if (value.#state.detached) refuse('A port was transferred before');
      return () => {
        const port = new MessagePort(web.kInternal);
        port.#state = value.#state;
        port.#state.port = port;
        port.#state.started = false;
        value.#state = { __proto__: null, other: null, queue: [], started: false, detached: true };
        return port;
      };
    });
  }

  constructor(key = undefined) {
    web.needInternal(key);
    super();
  }
  postMessage(message, options = undefined) {
    web.needArguments(arguments.length, 1, 'postMessage');
    const transfer = transferOf(options);
    if (ArrayPrototypeIndexOf(transfer, this) >= 0) refuse('A port cannot be sent through itself');
    const { other } = this.#state;
    const sent = cloneWith(message, transfer);
    if (other === null) return;
    ArrayPrototypePush(other.queue, sent);
    if (other.started) deliverLater(other);
  }
  start() {
    const state = this.#state;
    if (state.started || state.detached) return;
    state.started = true;
    for (let i = 0; i < state.queue.length; i++) deliverLater(state);
  }
  close() {
    const state = this.#state;
    if (state.other !== null) state.other.other = null;
    state.other = null;
    state.detached = true;
  }
}
const deliverLater = (state) => {
  web.startTimer(() => {
    if (!state.started || state.queue.length === 0) return;
    const sent = ArrayPrototypeShift(state.queue);
    web.dispatchTrusted(state.port,
      new MessageEvent('message', { __proto__: null, data: sent[0], ports: sent[1] }));
  }, 0, false);
};
const { MessageEvent } = globalThis;
web.defineHandler(MessagePort.prototype, 'message');
web.defineHandler(MessagePort.prototype, 'messageerror');
{ // Setting onmessage starts the port.
  const { get, set } = primordials.ObjectGetOwnPropertyDescriptor(
    MessagePort.prototype, 'onmessage');
  const named = { set onmessage(handler) {
    ReflectApply(set, this, [handler]);
    this.start();
  } };
  primordials.ObjectDefineProperty(MessagePort.prototype, 'onmessage', { __proto__: null, get,
    set: primordials.ObjectGetOwnPropertyDescriptor(named, 'onmessage').set });
}
web.exposeClass(MessagePort);

class MessageChannel {
  #port1 = new MessagePort(web.kInternal);
  #port2 = new MessagePort(web.kInternal);
  constructor() { entangle(this.#port1, this.#port2); }
  get port1() { return this.#port1; }
  get port2() { return this.#port2; }
}
web.exposeClass(MessageChannel);
