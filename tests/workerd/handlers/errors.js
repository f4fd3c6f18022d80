//// thrown: what a handler throws
//// GET /error
//// GET /type
//// GET /text
//// GET /null
//// GET /undefined
//// GET /response
//// GET /dom
export default {
  fetch(request) {
    switch (new URL(request.url).pathname) {
      case '/error':
        throw new Error('pssst');
      case '/type':
        return null.property;
      case '/text':
        throw 'just text';
      case '/null':
        throw null;
      case '/response':
        throw new Response('thrown', { status: 402 });
      case '/dom':
        throw new DOMException('m', 'AbortError');
      default:
        throw undefined;
    }
  },
};
//// rejected: the same from a promise
//// GET /
//// HEAD /
//// POST / {"body": "x"}
export default {
  async fetch() {
    await new Promise((resolve) => setTimeout(resolve, 1));
    throw new RangeError('late');
  },
};
//// caught: an error page of one's own
//// GET /
//// GET /?boom
const work = (request) => {
  if (request.url.endsWith('?boom')) throw new RangeError('boom');
  return new Response('fine');
};
export default {
  async fetch(request) {
    try {
      return work(request);
    } catch (error) {
      return Response.json(
        { error: { name: error.name, message: error.message } },
        { status: 500 },
      );
    }
  },
};
//// goes-on: the next request after an error
//// GET /fine
//// GET /boom
//// GET /fine
let count = 0;
export default {
  fetch(request) {
    count++;
    if (request.url.endsWith('/boom')) throw new Error(`number ${count}`);
    return new Response(`number ${count}`);
  },
};
//// classes: own errors, causes, aggregates
//// GET /
import { report } from './report.js';
class HttpError extends Error {
  name = 'HttpError';
  constructor(status, message, options) {
    super(message, options);
    this.status = status;
  }
}
export default report({
  own: () => {
    throw new HttpError(404, 'gone');
  },
  'is Error': () => new HttpError(1, 'x') instanceof Error,
  cause: () => new HttpError(500, 'a', { cause: new Error('b') }).cause.message,
  aggregate: () => {
    const e = new AggregateError([new Error('1'), 2], 'many');
    return [e.name, e.message, e.errors.length];
  },
  any: () => Promise.any([Promise.reject(new Error('1'))]),
  string: () => String(new HttpError(1, 'x')),
  stack: () => new Error('x').stack.includes('index.js'),
  'stack trace limit': () => typeof Error.stackTraceLimit,
  captureStackTrace: () => {
    const o = {};
    Error.captureStackTrace(o);
    return typeof o.stack;
  },
  isError: () => [Error.isError(new TypeError()), Error.isError({})],
});
//// built-in: messages that are there
//// GET /
import { report } from './report.js';
export default report({
  reference: () => nothing,
  assign: () => {
    const a = 1;
    a = 2;
  },
  call: () => (void 0)(),
  property: () => undefined.x,
  symbol: () => `${Symbol('x')}`,
  bigint: () => 1n + 1,
  range: () => new Array(-1),
  json: () => JSON.parse('{'),
  regexp: () => new RegExp('('),
  uri: () => decodeURIComponent('%'),
  frozen: () => {
    Object.freeze([]).push(1);
  },
  deep: () => {
    const f = () => f();
    return f();
  },
  private: () => {
    class A {
      #x;
      static f(o) {
        return o.#x;
      }
    }
    return A.f({});
  },
  iterate: () => {
    const [a] = {};
    return a;
  },
  construct: () => new (() => {})(),
  repeat: () => 'x'.repeat(-1),
  date: () => new Date(NaN).toISOString(),
  locale: () => new Intl.NumberFormat('not a locale'),
});
//// eval: code from text is refused
//// GET /
import { report } from './report.js';
export default report({
  eval: () => eval('1 + 1'),
  function: () => new Function('return 1')(),
  async: () => (async () => {}).constructor('return 1')(),
  timer: () => setTimeout('1', 0),
  wasm: () => new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])),
  compile: () => WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])),
});
//// unhandled: a rejection that nobody looks at
//// GET /
export default {
  async fetch() {
    Promise.reject(new Error('nobody'));
    await new Promise((resolve) => setTimeout(resolve, 2));
    return new Response('answered');
  },
};
//// listeners: unhandledrejection and rejectionhandled
//// GET /
const seen = [];
addEventListener('unhandledrejection', (event) => {
  seen.push(`unhandled ${event.reason.message}`);
  event.preventDefault();
});
addEventListener('rejectionhandled', (event) => {
  seen.push(`handled ${event.reason?.message}`);
});
export default {
  async fetch() {
    const promise = Promise.reject(new Error('late'));
    await new Promise((resolve) => setTimeout(resolve, 5));
    promise.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 5));
    return Response.json(seen);
  },
};
//// report-error: reportError and the error event
//// GET /
const seen = [];
addEventListener('error', (event) => {
  seen.push(event.message.includes('told'), event.error.message);
  event.preventDefault();
});
export default {
  fetch() {
    reportError(new Error('told'));
    return Response.json(seen);
  },
};
//// hangs: a promise that never settles
//// GET /
export default { fetch: () => new Promise(() => {}) };
//// no-fetch: a module that handles no requests
//// GET /
export default { scheduled() {} };
//// console: writing to the log changes nothing
//// GET /
export default {
  fetch() {
    const names = [
      'log',
      'info',
      'warn',
      'error',
      'debug',
      'trace',
      'dir',
      'table',
      'group',
      'groupEnd',
      'count',
      'countReset',
      'assert',
      'time',
      'timeLog',
      'timeEnd',
    ];
    const told = names.map((name) =>
      typeof console[name] === 'function' ? String(console[name]('x', { a: 1 })) : name,
    );
    console.log('%s is %d', 'x', 5, Symbol('s'), new Map([[1, 2]]));
    return Response.json(told);
  },
};
