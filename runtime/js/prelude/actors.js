'use strict';
// Actors (https://developers.cloudflare.com/durable-objects): env.COUNTER.get(id), and what the one
// object behind it is given: storage, an alarm, and gates between its calls. Runs when it is first
// needed.
const {
  ArrayPrototypePush, ArrayPrototypeShift, JSONParse, JSONStringify, Map,
  MapIteratorPrototypeNext, MapPrototypeEntries, MapPrototypeGet, MapPrototypeSet, MapPrototypeSize,
  MathTrunc, ObjectKeys, RangeError, ReflectApply, StringPrototypeIndexOf, StringPrototypeSlice,
  TypeError,
  TypedArrayPrototypeLength,
} = primordials;

const kIdBytesMax = 256;
/// With its actor's 32 digits and "/" before it, a key of the state.
const kKeyBytesMax = 94;
const kValueBytesMax = 1024;
/// What one transaction of the state writes.
const kChangesMax = 8;
const kChangesBytesMax = 1744;
/// Values in memory, so that who reads them again need not ask.
const kKnownMax = 1024;
/// Writes that wait for the disk.
const kWaitingMax = 1024;
// Questions to the state, for the gate: while a read waits, no other event comes in.
const kRead = 1;
const kWrite = 2;

const bytesOf = (text) => TypedArrayPrototypeLength(native.utf8Encode(text));
const checkKey = (key) => {
  const text = web.toText(key);
  const bytes = bytesOf(text);
  if (bytes === 0 || bytes > kKeyBytesMax)
    throw new RangeError(`too_large: a key has 1 to ${kKeyBytesMax} bytes, not ${bytes}`);
  return text;
};
const encode = (key, value) => {
  if (value === undefined) throw new TypeError('invalid: storage keeps no undefined');
  const bytes = native.serialize(value);
  const size = TypedArrayPrototypeLength(bytes);
  if (size > kValueBytesMax) {
    throw new RangeError(`too_large: a value has at most ${kValueBytesMax} bytes in storage; that `
      + `of "${StringPrototypeSlice(key, 0, 80)}" has ${size}`);
  }
  return bytes;
};
const decode = (bytes) => (bytes === null ? undefined : native.deserialize(bytes));
const sizeOf = (value) => {
  if (value === null) return 0;
  return typeof value === 'string' ? value.length : TypedArrayPrototypeLength(value);
};
const forEach = (map, visit) => {
  const entries = MapPrototypeEntries(map);
  for (let next = MapIteratorPrototypeNext(entries); !next.done;
    next = MapIteratorPrototypeNext(entries)) visit(next.value[0], next.value[1]);
};
/// Of an alarm as it is stored.
const timeOf = (alarm) => +StringPrototypeSlice(alarm, 0, StringPrototypeIndexOf(alarm, ' '));
/// put(key, value) and put({ key: value }): calls `visit` with each.
const eachEntry = (key, value, visit) => {
  if (typeof key !== 'object' || key === null) return visit(checkKey(key), value);
  const names = ObjectKeys(key);
  for (let i = 0; i < names.length; i++) visit(checkKey(names[i]), key[names[i]]);
  return undefined;
};

/// What a transaction sees and will write. `read` answers what is stored under a key.
class Transaction {
  #read;
  #changes = new Map();
  #isOver = false;
  constructor(read) { this.#read = read; }
  async get(key) {
    const name = checkKey(key);
    const own = MapPrototypeGet(this.#changes, name);
    return decode(own === undefined ? await this.#read(name) : own);
  }
  async put(key, value) {
    eachEntry(key, value, (name, one) => MapPrototypeSet(this.#changes, name, encode(name, one)));
  }
  async delete(key) {
    const had = (await this.get(key)) !== undefined;
    MapPrototypeSet(this.#changes, checkKey(key), null);
    return had;
  }
  rollback() { this.#isOver = true; }
  static changes(transaction) { return transaction.#isOver ? new Map() : transaction.#changes; }
}
const changesOf = Transaction.changes;
delete Transaction.changes;

class Storage {
  #space;
  #prefix;
  #alarmKey;
  #name;
  #known = new Map();  // by whole key: bytes, null for nothing, a text for the alarm
  #waiting = [];       // Maps of what is written at once, in order
  #flushing = false;
  #written = 0;  // Maps so far, and how many of them are on disk
  #saved = 0;
  #ringing = undefined;  // the alarm whose handler runs, until it is set anew
  constructor(space, key, name) {
    this.#space = space;
    this.#prefix = `${key}/`;
    this.#alarmKey = `alarm/${key}`;
    this.#name = name;
  }

  /// The value, or of an array of keys a Map of those that are there.
  async get(key) {
    if (typeof key !== 'object' || key === null)
      return decode(await this.#read(this.#prefix + checkKey(key)));
    const found = new Map();
    for (let i = 0; i < key.length; i++) {
      const value = decode(await this.#read(this.#prefix + checkKey(key[i])));
      if (value !== undefined) MapPrototypeSet(found, key[i], value);
    }
    return found;
  }
  /// put(key, value) or put({ key: value, ... }). Settles at once: what leaves the actor afterwards
  /// waits until it is on disk.
  async put(key, value) {
    const changes = new Map();
    eachEntry(key, value, (name, one) => MapPrototypeSet(changes, this.#prefix + name,
      encode(name, one)));
    this.#write(changes);
  }
  /// Whether there was a value; of an array of keys how many.
  async delete(key) {
    if (typeof key !== 'object' || key === null) return this.#remove(key);
    let count = 0;
    for (let i = 0; i < key.length; i++) count += (await this.#remove(key[i])) ? 1 : 0;
    return count;
  }
  /// Everything, and the alarm.
  async deleteAll() {
    return this.#alone(async () => {
      const keys = await this.#list(web.toDictionary(undefined, 'list'));
      forEach(keys, (key) => this.#change(this.#prefix + key, null));
      if ((await this.getAlarm()) !== null) this.#change(this.#alarmKey, null);
    });
  }
  /// A Map in the order of the keys. `options`: prefix, start, startAfter, end, limit, reverse.
  async list(options = undefined) {
    return this.#alone(() => this.#list(web.toDictionary(options, 'list')));
  }
  /// Runs `closure` while nothing else comes in; what it wrote to the transaction that it is given
  /// is written at once, or, when it throws, not at all.
  async transaction(closure) {
    return this.#alone(async () => {
      const transaction = new Transaction((name) => this.#read(this.#prefix + name));
      const answer = await closure(transaction);
      const changes = new Map();
      forEach(changesOf(transaction), (key, value) => MapPrototypeSet(changes, this.#prefix + key,
        value));
      this.#write(changes);
      return answer;
    });
  }
  /// Settles when all that was written before is on disk; undefined: it is.
  async sync() { if (this.#flushing) await native.join(this.#written); }

  /// Milliseconds since 1970, or null.
  async getAlarm() {
    const alarm = await this.#read(this.#alarmKey);
    return alarm === null || this.#ringing !== undefined ? null : timeOf(alarm);
  }
  async setAlarm(time) {
    const at = +time;
    if (!(at >= 0 && at <= 8.64e15))
      throw new TypeError('invalid: an alarm is a Date, or milliseconds since 1970');
    const { className, id } = this.#name;
    this.#ringing = undefined;
    this.#change(this.#alarmKey, `${MathTrunc(at)} ${className} ${id}`);
  }
  async deleteAlarm() {
    this.#ringing = undefined;
    if ((await this.#read(this.#alarmKey)) !== null) this.#change(this.#alarmKey, null);
  }

  async #ask(question, kind) {
    return JSONParse(await native.askState(JSONStringify(question), this.#space, kind));
  }
  async #read(key) {
    let value = MapPrototypeGet(this.#known, key);
    if (value !== undefined) return value;
    const answer = await this.#ask({ op: 'get', key }, kRead);
    value = MapPrototypeGet(this.#known, key);  // it was written meanwhile
    if (value !== undefined) return value;
    value = answer.value !== null && typeof answer.value === 'object' ? web.fromHex(answer.value.hex)
      : answer.value;
    if (!this.#flushing && MapPrototypeSize(this.#known) >= kKnownMax)
      this.#known = new Map();
    MapPrototypeSet(this.#known, key, value);
    return value;
  }
  async #remove(key) {
    const whole = this.#prefix + checkKey(key);
    const had = (await this.#read(whole)) !== null;
    if (had) this.#change(whole, null);
    return had;
  }
  #change(key, value) {
    const changes = new Map();
    MapPrototypeSet(changes, key, value);
    this.#write(changes);
  }
  /// At once, or not at all.
  #write(changes) {
    let bytes = 0;
    forEach(changes, (key, value) => { bytes += sizeOf(value); });
    if (MapPrototypeSize(changes) > kChangesMax || bytes > kChangesBytesMax) {
      throw new RangeError(`too_large: at once at most ${kChangesMax} keys and ${kChangesBytesMax} `
        + `bytes are written, not ${MapPrototypeSize(changes)} and ${bytes}`);
    }
    if (MapPrototypeSize(changes) === 0) return;
    if (this.#waiting.length >= kWaitingMax)
      throw new RangeError(`overloaded: ${kWaitingMax} writes wait for the disk; await sync()`);
    forEach(changes, (key, value) => MapPrototypeSet(this.#known, key, value));
    ArrayPrototypePush(this.#waiting, changes);
    this.#written++;
    if (this.#flushing) return;
    this.#flushing = true;
    native.whenTurnEnds(() => { this.#flush(); });
  }
  /// What was written first, with all after it that fits.
  #take() {
    const all = ArrayPrototypeShift(this.#waiting);
    while (this.#waiting.length > 0) {
      const merged = new Map();
      let bytes = 0;
      const add = (key, value) => MapPrototypeSet(merged, key, value);
      forEach(all, add);
      forEach(this.#waiting[0], add);
      forEach(merged, (key, value) => { bytes += sizeOf(value); });
      if (MapPrototypeSize(merged) > kChangesMax || bytes > kChangesBytesMax) break;
      forEach(ArrayPrototypeShift(this.#waiting), (key, value) => MapPrototypeSet(all, key, value));
    }
    return all;
  }
  async #flush() {
    try {
      while (this.#waiting.length > 0) {
        const changes = [];
        const before = this.#waiting.length;
        forEach(this.#take(), (key, value) => ArrayPrototypePush(changes, { key,
          value: value === null || typeof value === 'string' ? value : { hex: web.toHex(value) } }));
        const taken = before - this.#waiting.length;
        await this.#ask({ op: 'transaction', changes }, kWrite);
        this.#saved += taken;
        native.saved(this.#saved);
      }
    } catch (error) {
      // What its callers were to be told may not be true: nobody is told anything.
      native.resetActor(`its storage failed: ${error.message}`);
      return;
    }
    this.#flushing = false;
  }
  async #list(options) {
    await this.sync();
    const prefix = web.toText(options.prefix ?? '');
    const limit = options.limit ?? Infinity;
    if (!(limit > 0)) throw new TypeError('invalid: limit is a number above 0');
    const end = options.end === undefined ? undefined : web.toText(options.end);
    const start = options.start === undefined ? '' : web.toText(options.start);
    let after = options.startAfter === undefined ? '' : web.toText(options.startAfter);
    if (after < prefix) after = '';
    const rows = [];
    for (let more = true; more;) {
      const answer = await this.#ask({ op: 'list', prefix: this.#prefix + prefix,
        after: after === '' ? '' : this.#prefix + after }, kRead);
      more = answer.more;
      for (let i = 0; i < answer.entries.length; i++) {
        const { key, value } = answer.entries[i];
        after = StringPrototypeSlice(key, this.#prefix.length);
        if (end !== undefined && after >= end) more = false;
        else if (after >= start) ArrayPrototypePush(rows, [after, value]);
      }
      if (!options.reverse && rows.length >= limit) more = false;
    }
    const found = new Map();
    for (let i = 0; i < rows.length && i < limit; i++) {
      const [key, value] = rows[options.reverse ? rows.length - 1 - i : i];
      MapPrototypeSet(found, key, decode(web.fromHex(value.hex)));
    }
    return found;
  }
  async #alone(work) {
    const call = native.block();
    try {
      return await work();
    } finally {
      native.unblock(call);
    }
  }

  /// Runs `handler` for the alarm of `at`, unless that one is no longer set; it is over when the
  /// handler has run.
  static async ring(storage, at, handler) {
    const alarm = await storage.#read(storage.#alarmKey);
    if (alarm === null || timeOf(alarm) > at) return;
    const ringing = {};
    storage.#ringing = ringing;
    try {
      await handler();
      if (storage.#ringing === ringing) storage.#change(storage.#alarmKey, null);
    } finally {
      if (storage.#ringing === ringing) storage.#ringing = undefined;
    }
  }
  /// A promise while something is not on disk.
  static pending(storage) {
    return storage.#flushing ? native.join(storage.#written) : undefined;
  }
}
const { ring, pending } = Storage;
delete Storage.ring;
delete Storage.pending;

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
