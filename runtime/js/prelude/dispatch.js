'use strict';
// One call: a Request in, the handler's fetch, a Response out; or an event and its handler. C++
// calls web.dispatch and web.dispatchEvent.
const { ArrayPrototypePush, JSONParse, JSONStringify, ReflectApply } = primordials;

let waitsOf;

const logged = async (promise) => {
  try {
    await promise;
  } catch (error) {
    native.log(3, `Rejected in waitUntil: ${web.inspect(error)}`);
  }
};

class ExecutionContext {
  #waits = undefined;
  static { waitsOf = (context) => context.#waits; }
  waitUntil(promise) { ArrayPrototypePush(this.#waits ??= [], logged(promise)); }
  /// There is nothing behind a function that a request could pass through to.
  passThroughOnException() {}
}

primordials.ObjectDefineProperty(ExecutionContext.prototype, primordials.SymbolToStringTag,
  { __proto__: null, value: 'ExecutionContext', configurable: true });

/// Keeps the call alive until all that it asked to wait for has settled.
const drain = async (id, context) => {
  const waits = waitsOf(context);
  for (let i = 0; waits !== undefined && i < waits.length; i++) await waits[i];
  native.end(id);
};

/// A call of an exported function by another function; see web.runRemote.
web.dispatchRemote = async (id, method, name, args, isOwn) => {
  const context = new ExecutionContext();
  try {
    if (web.runRemote === undefined) web.library('remote');
    const self = { env: web.env, ctx: context };
    const answer = await web.runRemote(method, name, self, args, isOwn);
    native.respond(id, answer[0], '', answer[1], waitsOf(context) !== undefined);
  } catch (error) {
    native.fail(id, error, waitsOf(context) !== undefined);
  }
  if (waitsOf(context) !== undefined) drain(id, context);
};

const run = async (handler, fetch, id, call) => {
  const { context } = call;
  let sent;
  try {
    const response = await ReflectApply(fetch, handler,
      [call.request, web.env, context]);
    web.checkResponse(response);
    // An actor says nothing that a crash could still undo.
    const gate = web.outputGate?.();
    if (gate !== undefined) await gate;
    sent = web.sendResponse(id, response, waitsOf(context) !== undefined, call.flow);
  } catch (error) {
    const gate = web.outputGate?.();
    if (gate !== undefined) await gate;
    native.fail(id, error, waitsOf(context) !== undefined);
  }
  call.settled = true;
  if (sent !== undefined) {  // a stream or a WebSocket: waitUntil may be called as long as it goes on
    call.cancel = sent.cancel;
    await sent.over;
  }
  if (sent !== undefined || waitsOf(context) !== undefined) drain(id, context);
};

/// Answers what C++ gives to web.onGone.
web.dispatch = (handler, fetch, id, method, url, headers, body, flow, isSocket) => {
  const isStream = flow !== undefined && !isSocket;
  const stream = isStream ? web.flowStream(flow) : undefined;
  const request = web.makeRequest(method, url, headers, isStream ? stream : body);
  if (isStream) {
    web.noteBody(stream, { __proto__: null,
      length: () => request.headers.get('content-length') ?? undefined });
  }
  const call = { __proto__: null, request, context: new ExecutionContext(), settled: false,
    cancel: undefined, flow: isSocket ? flow : undefined };
  run(handler, fetch, id, call);
  return call;
};

/// Nobody waits for this call any more. Answers whether waitUntil goes on.
web.onGone = (id, call) => {
  const reason = new web.DOMException('The client went away', 'AbortError');
  web.abortRequest(call.request, reason);
  if (call.cancel !== undefined) call.cancel(reason);
  const hasWaits = waitsOf(call.context) !== undefined;
  if (hasWaits && !call.settled) drain(id, call.context);
  return hasWaits;
};

/// A `scheduled` handler's call; its answer is empty. `text`: { scheduledTime, cron } as JSON.
const runScheduled = async (handler, method, context, text) => {
  const { scheduledTime, cron } = JSONParse(text);
  const controller = { scheduledTime, cron, noRetry() {} };
  await ReflectApply(method, handler, [controller, web.env, context]);
  return '';
};
/// A `queue` handler's call; its answer says what to do with each message.
const runQueue = async (handler, method, context, text) => {
  const { batch, answers } = web.library('queues').makeBatch(JSONParse(text));
  try {
    await ReflectApply(method, handler, [batch, web.env, context]);
  } catch (error) {
    native.log(3, `Uncaught in queue: ${web.inspect(error)}`);
    return JSONStringify(answers(true));
  }
  return JSONStringify(answers(false));
};
/// An actor's alarm; its answer is empty. `text`: the time it was set to.
const runAlarm = async (handler, method, context, text) => {
  await ReflectApply(method, handler, [text]);
  await web.outputGate();
  return '';
};
/// `event`: as in the engine's header.
const kEvents = [undefined, runScheduled, runQueue, runAlarm];
web.dispatchEvent = async (handler, method, id, event, text) => {
  const context = new ExecutionContext();
  try {
    const answer = await kEvents[event](handler, method, context, text);
    native.respond(id, 200, '', answer, waitsOf(context) !== undefined);
  } catch (error) {
    native.fail(id, error, waitsOf(context) !== undefined);
  }
  if (waitsOf(context) !== undefined) drain(id, context);
};
