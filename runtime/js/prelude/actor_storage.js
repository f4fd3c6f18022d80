'use strict';
// What an actor keeps (https://developers.cloudflare.com/durable-objects): values of the verified
// state, written behind its back and in order, and its alarm. Runs when an actor is made.
const {
  ArrayPrototypePush, ArrayPrototypeShift, ArrayPrototypeSlice, Error, JSONParse, JSONStringify,
  Map, MapIteratorPrototypeNext, MapPrototypeDelete, MapPrototypeEntries, MapPrototypeGet,
  MapPrototypeSet, MapPrototypeSize, MathTrunc, ObjectKeys, RangeError,
  StringPrototypeIndexOf, StringPrototypeSlice, TypeError, TypedArrayPrototypeLength,
} = primordials;

/// With its actor's 32 digits and "/" before it, a key of the state.
const kKeyBytesMax = 94;
const kValueBytesMax = 128 * 1024;
/// Of one value of the state; what is longer is there in pieces.
const kShortBytesMax = 1024;
/// What one transaction of the state writes.
const kChangesMax = 8;
const kChangesBytesMax = 1744;
/// Values in memory, so that who reads them again need not ask.
const kKnownMax = 1024;
/// Writes that wait for the disk.
const kWaitingMax = 1024;
/// Of long values among them.
const kWaitingBytesMax = 8 * 1024 * 1024;
/// Times that a long value is read again which is written anew meanwhile.
const kTriesMax = 8;
// Questions to the state, for the gate: while a read waits, no other event comes in.
const kRead = 1;
const kWrite = 2;

const longValues = () => web.library('long_values');

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
  if (value.isLong === true) return TypedArrayPrototypeLength(value.head);
  return typeof value === 'string' ? value.length : TypedArrayPrototypeLength(value);
};
const forEach = (map, visit) => {
  const entries = MapPrototypeEntries(map);
  for (let next = MapIteratorPrototypeNext(entries); !next.done;
    next = MapIteratorPrototypeNext(entries)) visit(next.value[0], next.value[1]);
};
const isShort = (value) => value === null || typeof value === 'string'
  || (value.isLong !== true && value[0] !== 0);
/// As it is sent to the state.
const toState = (value) => {
  if (value === null || typeof value === 'string') return value;
  return { hex: web.toHex(value.isLong === true ? value.head : value) };
};
const fromState = (value) =>
  (value !== null && typeof value === 'object' ? web.fromHex(value.hex) : value);
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
  #key;
  #prefix;
  #alarmKey;
  #name;
  // By whole key: bytes, null for nothing, a text for the alarm; of a long value its head, and as
  // long as it is not on disk what `make` of long_values.js made of it.
  #known = new Map();
  // What is written at once, in order: changes, and what was known of the same keys before.
  #waiting = [];
  #waitingBytes = 0;  // of long values
  #long = undefined;  // how those are read and written, once that is needed
  #hasLong = undefined;
  #flushing = false;
  #written = 0;  // Maps so far, and how many of them are on disk
  #saved = 0;
  #ringing = undefined;  // the alarm whose handler runs, until it is set anew
  constructor(space, key, name) {
    this.#space = space;
    this.#key = key;
    this.#prefix = `${key}/`;
    this.#alarmKey = `alarm/${key}`;
    this.#name = name;
  }

  /// The value, or of an array of keys a Map of those that are there.
  async get(key) {
    if (typeof key !== 'object' || key === null)
      return decode(await this.#value(this.#prefix + checkKey(key)));
    const found = new Map();
    for (let i = 0; i < key.length; i++) {
      const value = decode(await this.#value(this.#prefix + checkKey(key[i])));
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
      const rows = await this.#rows(web.toDictionary(undefined, 'list'));
      for (let i = 0; i < rows.length; i++) {
        if (this.#waiting.length > kWaitingMax / 2) await this.sync();
        const key = this.#prefix + rows[i][0];
        if (MapPrototypeGet(this.#known, key) === undefined)
          MapPrototypeSet(this.#known, key, rows[i][1]);
        this.#change(key, null);
      }
      await this.#longs().sweep();
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
      const transaction = new Transaction((name) => this.#value(this.#prefix + name));
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
    value = fromState(answer.value);
    if (!this.#flushing && MapPrototypeSize(this.#known) >= kKnownMax)
      this.#known = new Map();
    MapPrototypeSet(this.#known, key, value);
    return value;
  }
  #longs() {
    return this.#long ??= longValues().open(
      (question, kind) => this.#ask(question, kind), this.#key, { read: kRead, write: kWrite });
  }
  /// The same, whole.
  async #value(key) {
    for (let tries = 0; tries < kTriesMax; tries++) {
      const value = await this.#read(key);
      if (isShort(value)) return value;
      if (value.isLong === true) return value.bytes;
      const bytes = await this.#longs().gather(value);
      if (bytes !== undefined) return bytes;
      if (MapPrototypeGet(this.#known, key) === value) MapPrototypeDelete(this.#known, key);
    }
    throw new Error('internal: some of a value in storage is missing');
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
    let longBytes = this.#waitingBytes;
    forEach(changes, (key, value) => {
      if (sizeOf(value) > kShortBytesMax) {
        MapPrototypeSet(changes, key, longValues().make(value));
        longBytes += sizeOf(value);
      }
      bytes += sizeOf(MapPrototypeGet(changes, key));
    });
    if (MapPrototypeSize(changes) > kChangesMax || bytes > kChangesBytesMax) {
      throw new RangeError(`too_large: at once at most ${kChangesMax} keys and ${kChangesBytesMax} `
        + `bytes are written, not ${MapPrototypeSize(changes)} and ${bytes}`);
    }
    if (MapPrototypeSize(changes) === 0) return;
    if (this.#waiting.length >= kWaitingMax)
      throw new RangeError(`overloaded: ${kWaitingMax} writes wait for the disk; await sync()`);
    if (longBytes > kWaitingBytesMax)
      throw new RangeError('overloaded: 8 MB of long values wait for the disk; await sync()');
    const before = new Map();
    forEach(changes, (key, value) => {
      MapPrototypeSet(before, key, MapPrototypeGet(this.#known, key));
      MapPrototypeSet(this.#known, key, value);
    });
    this.#waitingBytes = longBytes;
    ArrayPrototypePush(this.#waiting, { __proto__: null, changes, before });
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
      forEach(all.changes, add);
      forEach(this.#waiting[0].changes, add);
      forEach(merged, (key, value) => { bytes += sizeOf(value); });
      if (MapPrototypeSize(merged) > kChangesMax || bytes > kChangesBytesMax) break;
      const next = ArrayPrototypeShift(this.#waiting);
      forEach(next.before, (key, value) => {
        const own = MapPrototypeGet(all.changes, key);
        if (own === undefined) MapPrototypeSet(all.before, key, value);
        else if (own?.isLong === true) this.#waitingBytes -= own.size;
      });
      forEach(next.changes, (key, value) => MapPrototypeSet(all.changes, key, value));
    }
    return all;
  }
  /// The long values that are on disk under these keys. Who has none is asked that once.
  async #replaced(before) {
    const unknown = [];
    const gone = [];
    const look = (key, value) => {
      if (value === undefined || isShort(value)) return;
      const { id, size } = value.isLong === true ? value : longValues().parse(value);
      ArrayPrototypePush(gone, { __proto__: null, key, id, size });
    };
    forEach(before, (key, value) => {
      if (value === undefined && key !== this.#alarmKey) ArrayPrototypePush(unknown, key);
      look(key, value);
    });
    if (unknown.length === 0 || !(this.#hasLong ??= await this.#longs().any())) return gone;
    for (let i = 0; i < unknown.length; i++)
      look(unknown[i], fromState((await this.#ask({ op: 'get', key: unknown[i] }, kWrite)).value));
    return gone;
  }
  /// What of it is long goes before, in pieces; what it takes the place of, afterwards.
  async #save(changes, before, saved) {
    const gone = await this.#replaced(before);
    const made = [];
    const list = [];
    forEach(changes, (key, value) => {
      ArrayPrototypePush(list, { key, value: toState(value) });
      if (value?.isLong !== true) return;
      value.key = key;
      ArrayPrototypePush(made, value);
    });
    if (made.length > 0) this.#hasLong = true;
    const isLong = made.length + gone.length > 0;
    if (isLong) await this.#longs().begin(made, gone);
    await this.#ask({ op: 'transaction', changes: list }, kWrite);
    saved();
    for (let i = 0; i < made.length; i++) {
      const { key, size, head } = made[i];
      this.#waitingBytes -= size;
      if (MapPrototypeGet(this.#known, key) === made[i]) MapPrototypeSet(this.#known, key, head);
    }
    if (isLong) await this.#longs().finish(made, gone);
  }
  async #flush() {
    try {
      while (this.#waiting.length > 0) {
        const count = this.#waiting.length;
        const { changes, before } = this.#take();
        const taken = count - this.#waiting.length;
        await this.#save(changes, before, () => {
          this.#saved += taken;
          native.saved(this.#saved);
        });
      }
    } catch (error) {
      // What its callers were to be told may not be true: nobody is told anything.
      native.resetActor(`its storage failed: ${error.message}`);
      return;
    }
    this.#flushing = false;
  }
  /// [key, what is under it] in the order of the keys, as far as `options` say.
  async #rows(options) {
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
        else if (after >= start) ArrayPrototypePush(rows, [after, fromState(value)]);
      }
      if (!options.reverse && rows.length >= limit) more = false;
    }
    if (!options.reverse) return rows.length > limit ? ArrayPrototypeSlice(rows, 0, limit) : rows;
    const reversed = [];
    for (let i = 0; i < rows.length && i < limit; i++)
      ArrayPrototypePush(reversed, rows[rows.length - 1 - i]);
    return reversed;
  }
  async #list(options) {
    const rows = await this.#rows(options);
    const found = new Map();
    for (let i = 0; i < rows.length; i++) {
      const [key, value] = rows[i];
      const whole = isShort(value) ? value : await this.#value(this.#prefix + key);
      if (whole !== null) MapPrototypeSet(found, key, decode(whole));
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

module.exports = { Storage, ring, pending };
