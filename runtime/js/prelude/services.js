'use strict';
// env.SERVICES and what a manifest names: other functions and C++ services, called by requests.

/// `target`: a service's name, or "fn/" and a function's.
const ask = async (target, input, init) => {
  const request = new web.Request(input, init);
  const gate = web.outputGate?.();
  if (gate !== undefined) await gate;
  await web.gatherBody(request, native.responseBytesMax());
  const data = web.takeBody(request);
  const answer = await native.askService(target, request.method, request.url,
    web.flattenHeaders(request.headers), data === null ? '' : data);
  return web.receiveResponse(answer[0], answer[1],
    answer[3] === 0 ? answer[2] : web.flowStream(answer[3], answer[2]));
};

class Services {
  /// Asks `service`, wherever in the mesh it runs; `input` and `init` are those of fetch(). Its
  /// answer is a Response, whatever the status; a service that cannot be asked is an Error.
  async fetch(service, input, init = undefined) {
    web.needArguments(arguments.length, 2, 'SERVICES.fetch');
    return ask(web.toText(service), input, init);
  }
}

/// One function or service: env.OTHER.fetch(input, init).
class Fetcher {
  #target;
  constructor(target) { this.#target = target; }
  async fetch(input, init = undefined) {
    web.needArguments(arguments.length, 1, 'fetch');
    return ask(this.#target, input, init);
  }
}

web.askService = ask;
web.services = new Services();
web.makeFetcher = (target) => new Fetcher(target);
