'use strict';
// Actors (https://developers.cloudflare.com/durable-objects): env.COUNTER.get(id), and the one
// object behind it: its storage is in actor_storage.js; here are the gates between its calls. Runs
// when it is first needed.
const { RangeError, ReflectApply, TypeError, TypedArrayPrototypeLength } = primordials;

const kIdBytesMax = 256;

const bytesOf = (text) => TypedArrayPrototypeLength(native.utf8Encode(text));

let blockedBy;

class ActorContext {
  #blocked = undefined;
  static { blockedBy = (context) => context.#blocked; }
  constructor(id, storage) {
    this.id = id;
    this.storage = storage;
  }
  /// Runs `callback` while no other event comes in; when it throws, the actor starts anew.
  blockConcurrencyWhile(callback) {
    const run = async () => {
      const call = native.block();
      try {
        return await callback();
      } catch (error) {
        native.resetActor(`blockConcurrencyWhile: ${error?.message}`);
        throw error;
      } finally {
        native.unblock(call);
      }
    };
    this.#blocked = run();
    return this.#blocked;
  }
  /// An actor goes on after its calls anyway.
  waitUntil(promise) {
    const watch = async () => {
      try {
        await promise;
      } catch (error) {
        native.log(3, `Rejected in waitUntil: ${web.inspect(error)}`);
      }
    };
    watch();
  }
}

/// The handlers of an actor; its object is made by the first call.
web.makeActor = (Class, className, id, space, key) => {
  const { Storage, ring, pending } = web.library('actor_storage');
  const storage = new Storage(space, key, { className, id });
  const context = new ActorContext(id, storage);
  web.outputGate = () => pending(storage);
  let actor;
  let opening;
  const open = async () => {
    try {
      const made = new Class(context, web.env);
      await blockedBy(context);
      actor = made;
      return made;
    } finally {
      opening = undefined;
    }
  };
  const run = async (name, args) => {
    const on = actor ?? await (opening ??= open());
    if (typeof on[name] !== 'function') throw new TypeError(`The class ${className} has no ${name}`);
    return ReflectApply(on[name], on, args);
  };
  return {
    fetch: (request) => run('fetch', [request]),
    alarm: async (text) => ring(storage, +text, () => run('alarm', [])),
  };
};

class Actor {
  #target;
  constructor(className, id) {
    this.#target = `actor/${className}/${id}`;
    this.id = id;
  }
  /// What the actor's `fetch` answers; `input` and `init` are those of fetch().
  async fetch(input, init = undefined) {
    web.needArguments(arguments.length, 1, 'fetch');
    return web.askService(this.#target, input, init);
  }
}
class ActorNamespace {
  #className;
  constructor(className) { this.#className = className; }
  /// The one object of that id, wherever in the mesh it is; nothing is asked yet.
  get(id) {
    web.needArguments(arguments.length, 1, 'get');
    const text = web.toText(id);
    const bytes = bytesOf(text);
    if (bytes === 0 || bytes > kIdBytesMax)
      throw new RangeError(`too_large: an actor's id has 1 to ${kIdBytesMax} bytes, not ${bytes}`);
    return new Actor(this.#className, text);
  }
}
web.makeActors = (className) => new ActorNamespace(className);
