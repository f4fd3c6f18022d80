'use strict';
// env, which C++ makes of a function's manifest, and the service-worker syntax: handlers that are
// listeners of the global scope.
const { ArrayPrototypePush, Error, JSONParse, ObjectDefineProperty, TypeError } = primordials;

web.env = { STATE: web.state, SERVICES: web.services };
const names = [];

const makeBinding = (kind, name, value) => {
  switch (kind) {
    case 'text': return value;
    case 'json':
      try {
        return JSONParse(value);
      } catch (error) {
        throw new TypeError(`env.${name} is no JSON: ${error.message}`);
      }
    case 'queue/': return web.library('queues').makeQueue(value);
    case 'actor/':
      if (web.makeActors === undefined) web.library('actors');
      return web.makeActors(value);
    default: return web.makeFetcher(kind + value);
  }
};
/// C++ calls it once: kind, name and value of each.
web.configure = (list) => {
  for (let i = 0; i < list.length; i += 3) {
    if (list[i] === 'shared') {
      web.shareMemory(list[i + 1], list[i + 2]);
      continue;
    }
    web.env[list[i + 1]] = makeBinding(list[i], list[i + 1], list[i + 2]);
    ArrayPrototypePush(names, list[i + 1]);
  }
};

/// C++ calls it once for an actor: the class, its name, the id, where its storage is.
web.openActor = (Class, className, id, space, key) => {
  if (web.makeActor === undefined) web.library('actors');
  return web.makeActor(Class, className, id, space, key);
};

class ExtendableEvent extends web.Event {
  #context;
  constructor(key, type, context) {
    web.needInternal(key);
    super(type);
    this.#context = context;
  }
  waitUntil(promise) { this.#context.waitUntil(promise); }
  passThroughOnException() {}
}
let answerOf;
class FetchEvent extends ExtendableEvent {
  #request;
  #answer;
  static { answerOf = (event) => event.#answer; }
  constructor(key, request, context) {
    super(key, 'fetch', context);
    this.#request = request;
  }
  get request() { return this.#request; }
  respondWith(response) {
    if (this.#answer !== undefined) throw new Error('respondWith was called before');
    this.#answer = { response };
  }
}
class ScheduledEvent extends ExtendableEvent {
  constructor(key, controller, context) {
    super(key, 'scheduled', context);
    this.scheduledTime = controller.scheduledTime;
    this.cron = controller.cron;
  }
}
web.exposeClass(ExtendableEvent);
web.exposeClass(FetchEvent);
web.exposeClass(ScheduledEvent);

const fetch = (request, env, context) => {
  const event = new FetchEvent(web.kInternal, request, context);
  web.dispatchTrusted(globalThis, event);
  const answer = answerOf(event);
  if (answer === undefined)
    throw new TypeError('No listener to "fetch" called respondWith; the log has what it threw');
  return answer.response;
};
const scheduled = (controller, env, context) => {
  web.dispatchTrusted(globalThis, new ScheduledEvent(web.kInternal, controller, context));
};
/// The handlers of a function that listens; undefined when it does not. What env has is global for
/// such a function, unless it made a global of that name.
web.listeners = () => {
  const handlers = { __proto__: null };
  if (web.hasListener(globalThis, 'fetch')) handlers.fetch = fetch;
  if (web.hasListener(globalThis, 'scheduled')) handlers.scheduled = scheduled;
  if (handlers.fetch === undefined && handlers.scheduled === undefined) return undefined;
  ArrayPrototypePush(names, 'STATE');
  ArrayPrototypePush(names, 'SERVICES');
  for (let i = 0; i < names.length; i++) {
    if (!(names[i] in globalThis))
      ObjectDefineProperty(globalThis, names[i], { __proto__: null, value: web.env[names[i]],
        writable: true, configurable: true, enumerable: true });
  }
  return handlers;
};
