'use strict';
// One call: a Request in, the handler's fetch, a Response out; or an event and its handler. C++
// calls web.dispatch and web.dispatchEvent.
const { ArrayPrototypePush, JSONParse, JSONStringify, ReflectApply } = primordials;

let waitsOf;

class ExecutionContext {
  #waits = undefined;
  static { waitsOf = (context) => context.#waits; }
  waitUntil(promise) { ArrayPrototypePush(this.#waits ??= [], promise); }
  /// There is nothing behind a function that a request could pass through to.
  passThroughOnException() {}
}

/// Keeps the call alive until all that it asked to wait for has settled.
const drain = async (id, waits) => {
  for (let i = 0; i < waits.length; i++) {
    try {
      await waits[i];
    } catch (error) {
      native.log(3, `Rejected in waitUntil: ${web.inspect(error)}`);
    }
  }
  native.end(id);
};

const settle = (id, context, deliver) => {
  const waits = waitsOf(context);
  try {
    deliver(waits !== undefined);
  } catch (error) {
    native.fail(id, error, waits !== undefined);
  }
  if (waits !== undefined) drain(id, waits);
};

web.dispatch = async (handler, fetch, id, method, url, headers, body) => {
  const context = new ExecutionContext();
  try {
    const response = await ReflectApply(fetch, handler,
      [web.makeRequest(method, url, headers, body), web.env, context]);
    const gathered = web.checkResponse(response);
    if (gathered !== undefined) await gathered;
    settle(id, context, (more) => { web.sendResponse(id, response, more); });
  } catch (error) {
    settle(id, context, (more) => { native.fail(id, error, more); });
  }
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
  const { batch, answers } = web.makeBatch(JSONParse(text));
  try {
    await ReflectApply(method, handler, [batch, web.env, context]);
  } catch (error) {
    native.log(3, `Uncaught in queue: ${web.inspect(error)}`);
    return JSONStringify(answers(true));
  }
  return JSONStringify(answers(false));
};
web.dispatchEvent = async (handler, method, id, isQueue, text) => {
  const context = new ExecutionContext();
  try {
    const answer = await (isQueue ? runQueue : runScheduled)(handler, method, context, text);
    settle(id, context, (more) => { native.respond(id, 200, '', answer, more); });
  } catch (error) {
    settle(id, context, (more) => { native.fail(id, error, more); });
  }
};
