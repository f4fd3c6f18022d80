'use strict';
// One call: a Request in, the handler's fetch, a Response out. C++ calls web.dispatch.
const { ArrayPrototypePush, ReflectApply } = primordials;

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
      [web.makeRequest(method, url, headers, body), { STATE: web.state, SERVICES: web.services },
        context]);
    const gathered = web.checkResponse(response);
    if (gathered !== undefined) await gathered;
    settle(id, context, (more) => { web.sendResponse(id, response, more); });
  } catch (error) {
    settle(id, context, (more) => { native.fail(id, error, more); });
  }
};
