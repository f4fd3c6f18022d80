'use strict';
// env.SERVICES and what a manifest names: other functions and C++ services, called by requests.

/// `target`: a service's name, or "fn/" and a function's.
const ask = (target, input, init) => {
  if (web.runFetch === undefined) web.library('fetch');
  return web.runFetch(input, init, (method, url, headers, body, upload) =>
    native.askService(target, method, url, headers, body, upload),
  { __proto__: null, outward: false, streams: primordials.StringPrototypeStartsWith(target, 'fn/') });
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

primordials.ObjectDefineProperty(Fetcher.prototype, primordials.SymbolToStringTag,
  { __proto__: null, value: 'Fetcher', configurable: true });

web.exposeLater('themis', () => { web.library('remote'); });
web.askService = ask;
web.services = new Services();
web.makeFetcher = (target) => new Fetcher(target);
