'use strict';
// env.QUEUE, which messages are sent to, and the batch of messages that a `queue` handler gets. Runs
// when there is one of either.
const {
  ArrayPrototypePush, Date, Error, JSONParse, JSONStringify, RangeError, TypeError,
  TypedArrayPrototypeBuffer,
} = primordials;

/// Messages of one sendBatch.
const kBatchMax = 100;
/// Twelve hours.
const kDelayMaxS = 43200;

const delayOf = (options) => {
  const value = options?.delaySeconds;
  if (value === undefined || value === null) return null;
  const delay = +value;
  if (!(delay >= 0 && delay <= kDelayMaxS))
    throw new RangeError(`delaySeconds is 0 to ${kDelayMaxS}`);
  return delay | 0;
};
const encode = (body, options) => {
  const type = options?.contentType ?? 'json';
  const delay = delayOf(options) ?? 0;
  if (type === 'text') return { type, body: web.toText(body), delay };
  if (type === 'bytes') {
    const bytes = web.asBytes(body);
    if (bytes === undefined) throw new TypeError('The body of type bytes is an ArrayBuffer');
    return { type, body: web.toHex(bytes), delay };
  }
  if (type !== 'json') throw new TypeError('contentType is "json", "text" or "bytes"');
  const text = JSONStringify(body);
  if (text === undefined) throw new TypeError('The body has no JSON form');
  return { type, body: text, delay };
};
const decode = (message) => {
  if (message.type === 'json') return JSONParse(message.body);
  if (message.type === 'text') return message.body;
  return TypedArrayPrototypeBuffer(web.fromHex(message.body));
};

class Queue {
  #target;
  constructor(name) { this.#target = `queue/${name}`; }
  async #send(messages) {
    const gate = web.outputGate?.();
    if (gate !== undefined) await gate;
    const answer = await native.askService(this.#target, 'POST', 'http://queue/', '',
      JSONStringify(messages));
    if (answer[0] !== 200) throw new Error(`The queue refused: ${answer[0]}`);
  }
  /// Settles when the message is on disk. `options`: contentType "json" (the default), "text" or
  /// "bytes"; delaySeconds.
  async send(body, options = undefined) {
    web.needArguments(arguments.length, 1, 'send');
    return this.#send([encode(body, options)]);
  }
  /// [{ body, contentType, delaySeconds }]: all are on disk, or none.
  async sendBatch(messages, options = undefined) {
    web.needArguments(arguments.length, 1, 'sendBatch');
    const all = [];
    for (const message of messages) {
      if (all.length >= kBatchMax) throw new RangeError(`A batch has at most ${kBatchMax} messages`);
      ArrayPrototypePush(all, encode(message.body, { __proto__: null,
        contentType: message.contentType,
        delaySeconds: message.delaySeconds ?? options?.delaySeconds }));
    }
    if (all.length > 0) await this.#send(all);
  }
}

let answerOf;

class Message {
  #answer;  // null: nothing was said; true: accepted; a number of seconds or undefined: again
  #body;
  #raw;
  static { answerOf = (message) => message.#answer; }
  constructor(raw) {
    this.#answer = null;
    this.#raw = raw;
    this.id = raw.id;
    this.timestamp = new Date(raw.timestamp);
    this.attempts = raw.attempts;
  }
  get body() {
    if (this.#raw !== null) {
      this.#body = decode(this.#raw);
      this.#raw = null;
    }
    return this.#body;
  }
  ack() { this.#answer = { ack: true }; }
  retry(options = undefined) { this.#answer = { delay: delayOf(options) }; }
}

class MessageBatch {
  #rest = null;
  constructor(queue, messages) {
    this.queue = queue;
    this.messages = messages;
  }
  ackAll() { this.#rest = { ack: true }; }
  retryAll(options = undefined) { this.#rest = { delay: delayOf(options) }; }
  static answers(batch, messages, failed) {
    const rest = batch.#rest ?? (failed ? { delay: null } : { ack: true });
    const all = [];
    for (let i = 0; i < messages.length; i++)
      ArrayPrototypePush(all, answerOf(messages[i]) ?? rest);
    return all;
  }
}
const { answers } = MessageBatch;
delete MessageBatch.answers;

const makeQueue = (name) => new Queue(name);
/// The batch of a call, and a function that says what became of each message; `failed`: the handler
/// threw, so what it said nothing of comes again.
const makeBatch = (call) => {
  const messages = [];
  for (let i = 0; i < call.messages.length; i++)
    ArrayPrototypePush(messages, new Message(call.messages[i]));
  const seen = [];
  for (let i = 0; i < messages.length; i++) ArrayPrototypePush(seen, messages[i]);
  const batch = new MessageBatch(call.queue, messages);
  return { batch, answers: (failed) => answers(batch, seen, failed) };
};
module.exports = { makeQueue, makeBatch };
