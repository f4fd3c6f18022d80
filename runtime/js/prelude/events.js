'use strict';
// Event, EventTarget (https://dom.spec.whatwg.org/#events) and the events of the platform. There is
// no tree: the path of an event is its target alone.
const {
  ArrayPrototypeIndexOf, ArrayPrototypePush, ArrayPrototypeSlice, ArrayPrototypeSplice,
  ObjectDefineProperty, ObjectFreeze, ObjectGetOwnPropertyDescriptor, ReflectApply, TypeError,
} = primordials;

const kNone = 0, kAtTarget = 2;
let begin;       // (event, target): its dispatch starts; throws when it may not
let finish;
let listenerOf;  // (event): what the loop over listeners looks at
let trusted;

class Event {
  #type = '';
  #bubbles = false;
  #cancelable = false;
  #composed = false;
  #target = null;
  #currentTarget = null;
  #phase = kNone;
  #stopped = false;      // propagation
  #stoppedNow = false;   // immediate propagation
  #canceled = false;
  #passive = false;      // inside a passive listener
  #initialized = true;
  #dispatching = false;
  #trusted = false;
  #timeStamp = native.now();

  static {
    begin = (event, target) => {
      if (event.#dispatching || !event.#initialized)
        throw new web.DOMException('The event is being dispatched already', 'InvalidStateError');
      event.#dispatching = true;
      event.#target = target;
      event.#currentTarget = target;
      event.#phase = kAtTarget;
    };
    finish = (event) => {
      event.#phase = kNone;
      event.#currentTarget = null;
      event.#dispatching = event.#stopped = event.#stoppedNow = false;
      return !event.#canceled;
    };
    listenerOf = {
      __proto__: null,
      isEvent: (value) => typeof value === 'object' && value !== null && #type in value,
      type: (event) => event.#type,
      stopped: (event) => event.#stopped,
      stoppedNow: (event) => event.#stoppedNow,
      setPassive: (event, value) => { event.#passive = value; },
      cancel: (event) => event.#cancel(),
      setTrusted: (event, value) => { event.#trusted = value; },
    };
    trusted = ObjectGetOwnPropertyDescriptor(
      { get isTrusted() { return this.#trusted; } }, 'isTrusted').get;
  }

  constructor(type, options = undefined) {
    web.needArguments(arguments.length, 1, 'Event');
    this.#type = web.toText(type);
    const { bubbles, cancelable, composed } = web.toDictionary(options, 'Event');
    this.#bubbles = !!bubbles;
    this.#cancelable = !!cancelable;
    this.#composed = !!composed;
    ObjectDefineProperty(this, 'isTrusted',
      { __proto__: null, get: trusted, set: undefined, enumerable: true, configurable: false });
  }
  #cancel() { if (this.#cancelable && !this.#passive) this.#canceled = true; }

  get type() { return this.#type; }
  get target() { return this.#target; }
  get srcElement() { return this.#target; }
  get currentTarget() { return this.#currentTarget; }
  composedPath() { return this.#currentTarget === null ? [] : [this.#currentTarget]; }
  get eventPhase() { return this.#phase; }
  stopPropagation() { this.#stopped = true; }
  get cancelBubble() { return this.#stopped; }
  set cancelBubble(value) { if (value) this.#stopped = true; }
  stopImmediatePropagation() { this.#stopped = this.#stoppedNow = true; }
  get bubbles() { return this.#bubbles; }
  get cancelable() { return this.#cancelable; }
  get returnValue() { return !this.#canceled; }
  set returnValue(value) { if (!value) this.#cancel(); }
  preventDefault() { this.#cancel(); }
  get defaultPrevented() { return this.#canceled; }
  get composed() { return this.#composed; }
  get timeStamp() { return this.#timeStamp; }
  initEvent(type, bubbles = false, cancelable = false) {
    web.needArguments(arguments.length, 1, 'initEvent');
    const text = web.toText(type);
    if (this.#dispatching) return;
    this.#initialized = true;
    this.#stopped = this.#stoppedNow = this.#canceled = this.#trusted = false;
    this.#target = null;
    this.#type = text;
    this.#bubbles = !!bubbles;
    this.#cancelable = !!cancelable;
  }
}
web.defineConstants(Event, { NONE: 0, CAPTURING_PHASE: 1, AT_TARGET: 2, BUBBLING_PHASE: 3 });
web.exposeClass(Event);

class CustomEvent extends Event {
  #detail;
  constructor(type, options = undefined) {
    super(type, options);
    this.#detail = web.toDictionary(options, 'CustomEvent').detail ?? null;
  }
  get detail() { return this.#detail; }
  initCustomEvent(type, bubbles = false, cancelable = false, detail = null) {
    web.needArguments(arguments.length, 1, 'initCustomEvent');
    if (this.eventPhase !== kNone) return;
    this.initEvent(type, bubbles, cancelable);
    this.#detail = detail;
  }
}
web.exposeClass(CustomEvent);

class ErrorEvent extends Event {
  #parts;
  constructor(type, options = undefined) {
    super(type, options);
    const { message = '', filename = '', lineno = 0, colno = 0, error } =
      web.toDictionary(options, 'ErrorEvent');
    this.#parts = { __proto__: null, message: web.toText(message), filename: web.toText(filename),
      lineno: lineno >>> 0, colno: colno >>> 0, error };
  }
  get message() { return this.#parts.message; }
  get filename() { return this.#parts.filename; }
  get lineno() { return this.#parts.lineno; }
  get colno() { return this.#parts.colno; }
  get error() { return this.#parts.error; }
}
web.exposeClass(ErrorEvent);

class MessageEvent extends Event {
  #parts;
  constructor(type, options = undefined) {
    super(type, options);
    const { data = null, origin = '', lastEventId = '', source = null, ports = [] } =
      web.toDictionary(options, 'MessageEvent');
    this.#set(data, origin, lastEventId, source, ports);
  }
  #set(data, origin, lastEventId, source, ports) {
    if (source !== null && !web.isMessagePort(source))
      throw new TypeError('The source of a MessageEvent is a MessagePort or null');
    const list = [...ports];
    for (let i = 0; i < list.length; i++)
      if (!web.isMessagePort(list[i])) throw new TypeError('ports holds MessagePorts');
    this.#parts = { __proto__: null, data, origin: web.toText(origin),
      lastEventId: web.toText(lastEventId), source, ports: ObjectFreeze(list) };
  }
  get data() { return this.#parts.data; }
  get origin() { return this.#parts.origin; }
  get lastEventId() { return this.#parts.lastEventId; }
  get source() { return this.#parts.source; }
  get ports() { return this.#parts.ports; }
  initMessageEvent(type, bubbles = false, cancelable = false, data = null, origin = '',
    lastEventId = '', source = null, ports = []) {
    web.needArguments(arguments.length, 1, 'initMessageEvent');
    if (this.eventPhase !== kNone) return;
    this.initEvent(type, bubbles, cancelable);
    this.#set(data, origin, lastEventId, source, ports);
  }
}
web.exposeClass(MessageEvent);

class PromiseRejectionEvent extends Event {
  #promise;
  #reason;
  constructor(type, options) {
    web.needArguments(arguments.length, 2, 'PromiseRejectionEvent');
    super(type, options);
    const { promise, reason } = web.toDictionary(options, 'PromiseRejectionEvent');
    if (typeof promise !== 'object' || promise === null)
      throw new TypeError('PromiseRejectionEvent needs a promise');
    this.#promise = promise;
    this.#reason = reason;
  }
  get promise() { return this.#promise; }
  get reason() { return this.#reason; }
}
web.exposeClass(PromiseRejectionEvent);

let dispatch;
let handlerOf;
let hasListener;
let setHandler;

class EventTarget {
  #listeners = [];

  static {
    /// The object whose list it is: the global scope keeps its list in an object of its own.
    const slotOf = (target) => (target === globalThis ? globalSlot : target);
    const same = (a, type, callback, capture) =>
      a.type === type && a.callback === callback && a.capture === capture;
    const removeFrom = (list, listener) => {
      listener.removed = true;
      const at = ArrayPrototypeIndexOf(list, listener);
      if (at >= 0) ArrayPrototypeSplice(list, at, 1);
    };
    EventTarget.add = (target, type, callback, options) => {
      const list = slotOf(target).#listeners;
      const dictionary = typeof options === 'object' && options !== null
        || typeof options === 'function';
      const capture = !!(dictionary ? options.capture : options);
      const once = dictionary && !!options.once;
      const passive = dictionary && !!options.passive;
      const signal = dictionary ? options.signal : undefined;
      if (signal !== undefined && !web.isAbortSignal(signal))
        throw new TypeError('The signal of a listener is an AbortSignal');
      if (callback === null || signal?.aborted) return;
      for (let i = 0; i < list.length; i++) if (same(list[i], type, callback, capture)) return;
      const listener = { __proto__: null, type, callback, capture, once, passive, removed: false };
      ArrayPrototypePush(list, listener);
      if (type === 'abort') web.retainSignal(target);
      if (signal !== undefined)
        web.whenAborted(signal, () => { removeFrom(list, listener); });
    };
    EventTarget.remove = (target, type, callback, options) => {
      const list = slotOf(target).#listeners;
      const capture = !!(typeof options === 'object' && options !== null
        ? options.capture : options);
      for (let i = 0; i < list.length; i++)
        if (same(list[i], type, callback, capture)) return removeFrom(list, list[i]);
    };
    /// Calls the listeners of one phase among those there were when the dispatch began.
    const invoke = (target, list, now, event, capture) => {
      for (let i = 0; i < now.length; i++) {
        const listener = now[i];
        if (listener.removed || listener.capture !== capture
          || listener.type !== listenerOf.type(event)) continue;
        if (listener.once) removeFrom(list, listener);
        listenerOf.setPassive(event, listener.passive);
        try {
          const { callback } = listener;
          if (typeof callback === 'function') {
            ReflectApply(callback, target, [event]);
          } else {
            const handle = callback.handleEvent;
            if (typeof handle !== 'function')
              throw new TypeError('A listener is a function or has a handleEvent function');
            ReflectApply(handle, callback, [event]);
          }
        } catch (error) {
          web.report(error, 'an event listener');
        }
        listenerOf.setPassive(event, false);
        if (listenerOf.stoppedNow(event)) return;
      }
    };
    dispatch = (target, event) => {
      begin(event, target);
      const list = slotOf(target).#listeners;
      if (list.length > 0) {
        const now = ArrayPrototypeSlice(list);
        if (!listenerOf.stopped(event)) invoke(target, list, now, event, true);
        if (!listenerOf.stopped(event)) invoke(target, list, now, event, false);
      }
      return finish(event);
    };
    EventTarget.check = (target) => {
      const found = target ?? globalThis;
      if (found !== globalThis && (typeof found !== 'object' || !(#listeners in found)))
        throw new TypeError('Illegal invocation');
      return found;
    };
    const find = (list, type) => {
      for (let i = 0; i < list.length; i++)
        if (list[i].type === type && list[i].handler !== undefined) return list[i];
      return undefined;
    };
    hasListener = (target, type) => {
      const list = slotOf(target).#listeners;
      for (let i = 0; i < list.length; i++) if (list[i].type === type) return true;
      return false;
    };
    handlerOf = (target, type) => find(slotOf(target).#listeners, type)?.handler ?? null;
    setHandler = (target, type, handler, call) => {
      const list = slotOf(target).#listeners;
      const found = find(list, type);
      if ((typeof handler !== 'object' && typeof handler !== 'function') || handler === null) {
        if (found !== undefined) removeFrom(list, found);
        return;
      }
      if (found !== undefined) {
        found.handler = handler;
        return;
      }
      const listener = { __proto__: null, type, handler, capture: false, once: false,
        passive: false, removed: false, callback: undefined };
      listener.callback = function callHandler(event) {
        if (typeof listener.handler !== 'function') return;
        call(listener.handler, this, event);
      };
      ArrayPrototypePush(list, listener);
      if (type === 'abort') web.retainSignal(target);
    };
  }

  constructor() {}
  addEventListener(type, callback, options = undefined) {
    web.needArguments(arguments.length, 2, 'addEventListener');
    const target = check(this);
    add(target, web.toText(type), toCallback(callback), options);
  }
  removeEventListener(type, callback, options = undefined) {
    web.needArguments(arguments.length, 2, 'removeEventListener');
    const target = check(this);
    remove(target, web.toText(type), toCallback(callback), options);
  }
  dispatchEvent(event) {
    web.needArguments(arguments.length, 1, 'dispatchEvent');
    const target = check(this);
    if (!listenerOf.isEvent(event)) throw new TypeError('dispatchEvent takes an Event');
    listenerOf.setTrusted(event, false);
    return dispatch(target, event);
  }
}
const { add, remove, check } = EventTarget;
delete EventTarget.add;
delete EventTarget.remove;
delete EventTarget.check;
const globalSlot = new EventTarget();
const toCallback = (callback) => {
  if (callback === null || callback === undefined) return null;
  if (typeof callback !== 'object' && typeof callback !== 'function')
    throw new TypeError('A listener is a function or an object');
  return callback;
};

web.exposeClass(EventTarget);
web.Event = Event;
web.hasListener = hasListener;
web.EventTarget = EventTarget;
/// Dispatches an event of the platform's own making; false when it was canceled.
web.dispatchTrusted = (target, event) => {
  listenerOf.setTrusted(event, true);
  return dispatch(target, event);
};
const callHandler = (handler, target, event) => {
  if (ReflectApply(handler, target, [event]) === false) listenerOf.cancel(event);
};
/// The attribute `on<type>` of a class, or of the global scope.
web.defineHandler = (object, type, call = callHandler) => {
  const name = `on${type}`;
  const { get, set } = ObjectGetOwnPropertyDescriptor({
    get [name]() { return handlerOf(check(this), type); },
    set [name](handler) { setHandler(check(this), type, handler, call); },
  }, name);
  ObjectDefineProperty(object, name,
    { __proto__: null, get, set, enumerable: true, configurable: true });
};
