//// text: a string, with its content type
//// GET /
//// HEAD /
//// OPTIONS /
//// POST / {"body": "ignored"}
export default {
  fetch() {
    return new Response('hello');
  },
};
//// nobody: null, undefined and no argument at all
//// GET /null
//// GET /undefined
//// GET /none
export default {
  fetch(request) {
    switch (new URL(request.url).pathname) {
      case '/null':
        return new Response(null);
      case '/undefined':
        return new Response(undefined, { status: 201 });
      default:
        return new Response();
    }
  },
};
//// kinds: the type that each kind of body brings
//// GET /string
//// GET /params
//// GET /blob
//// GET /plain-blob
//// GET /buffer
//// GET /bytes
//// GET /view
//// GET /number
//// GET /object
const bodies = {
  '/string': () => 'grüße',
  '/params': () => new URLSearchParams({ a: '1 2', b: 'ü' }),
  '/blob': () => new Blob(['<p>'], { type: 'text/html' }),
  '/plain-blob': () => new Blob(['none']),
  '/buffer': () => new Uint8Array([1, 2, 3]).buffer,
  '/bytes': () => new Uint8Array([0, 255]),
  '/view': () => new DataView(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2),
  '/number': () => 42,
  '/object': () => ({ toString: () => 'from toString' }),
};
export default {
  fetch(request) {
    return new Response(bodies[new URL(request.url).pathname]());
  },
};
//// statuses: what init.status says goes out
//// GET /200
//// GET /201
//// GET /206
//// GET /299
//// GET /400
//// GET /404
//// GET /418
//// GET /451
//// GET /500
//// GET /503
//// GET /599
export default {
  fetch(request) {
    const status = Number(new URL(request.url).pathname.slice(1));
    return new Response(`status ${status}`, { status });
  },
};
//// wrong-statuses: what is no status is refused
//// GET /
import { report } from './report.js';
const status = (value) => () => new Response(null, { status: value }).status;
export default report({
  zero: status(0),
  99: status(99),
  100: status(100),
  101: status(101),
  103: status(103),
  199: status(199),
  600: status(600),
  1000: status(1000),
  negative: status(-200),
  text: status('404'),
  word: status('abc'),
  float: status(204.9),
  NaN: status(NaN),
  null: status(null),
  undefined: status(undefined),
  bool: status(true),
});
//// null-bodies: statuses that have no body
//// GET /204
//// GET /205
//// GET /304
//// HEAD /204
//// DELETE /204
export default {
  fetch(request) {
    const status = Number(new URL(request.url).pathname.slice(1));
    return new Response(null, { status, headers: { 'x-status': String(status), etag: '"1"' } });
  },
};
//// null-bodies-with-body: refused at once
//// GET /
import { report } from './report.js';
export default report({
  204: () => new Response('x', { status: 204 }).status,
  205: () => new Response('x', { status: 205 }).status,
  304: () => new Response('x', { status: 304 }).status,
  'empty string': () => new Response('', { status: 204 }).status,
  'null is fine': () => new Response(null, { status: 204 }).status,
  json: () => Response.json({}, { status: 204 }).status,
});
//// status-text: kept by the object
//// GET /
import { report } from './report.js';
export default report({
  none: () => JSON.stringify(new Response().statusText),
  given: () => new Response('', { statusText: 'Well Done' }).statusText,
  number: () => new Response('', { statusText: 7 }).statusText,
  'line break': () => new Response('', { statusText: 'a\nb' }).statusText,
  'beyond latin-1': () => new Response('', { statusText: 'ł' }).statusText,
});
//// json: Response.json and its init
//// GET /object
//// GET /array
//// GET /text
//// GET /null
//// GET /status
//// GET /type
//// GET /headers
export default {
  fetch(request) {
    switch (new URL(request.url).pathname) {
      case '/object':
        return Response.json({ a: 1, b: [true, null], c: undefined, d: 'ü' });
      case '/array':
        return Response.json([1, 'two', { three: 3 }]);
      case '/text':
        return Response.json('text');
      case '/null':
        return Response.json(null);
      case '/status':
        return Response.json({ error: 'no' }, { status: 422 });
      case '/type':
        return Response.json({}, { headers: { 'content-type': 'application/problem+json' } });
      default:
        return Response.json(
          {},
          {
            headers: [
              ['x-a', '1'],
              ['x-a', '2'],
            ],
          },
        );
    }
  },
};
//// json-errors: what has no JSON
//// GET /
import { report } from './report.js';
const circle = {};
circle.self = circle;
export default report({
  undefined: () => Response.json(undefined).status,
  nothing: () => Response.json().status,
  function: () => Response.json(() => {}).status,
  symbol: () => Response.json(Symbol('a')).status,
  bigint: () => Response.json(1n).status,
  circle: () => Response.json(circle).status,
  'toJSON that throws': () =>
    Response.json({
      toJSON() {
        throw new RangeError('no');
      },
    }).status,
  toJSON: () => Response.json({ toJSON: () => 'short' }).text(),
});
//// redirect: Response.redirect
//// GET /302
//// GET /301
//// GET /303
//// GET /307
//// GET /308
export default {
  fetch(request) {
    const status = Number(new URL(request.url).pathname.slice(1));
    return status === 302
      ? Response.redirect('https://example.org/a b?c=ü')
      : Response.redirect(new URL('/next', 'https://example.org'), status);
  },
};
//// redirect-errors: what is no redirect
//// GET /
import { report } from './report.js';
export default report({
  'status 200': () => Response.redirect('https://example.org/', 200).status,
  'status 304': () => Response.redirect('https://example.org/', 304).status,
  'status text': () => Response.redirect('https://example.org/', '303').status,
  relative: () => Response.redirect('/only/a/path').headers.get('location'),
  'no url': () => Response.redirect('http://[').status,
  nothing: () => Response.redirect().status,
  'headers are immutable': () => Response.redirect('https://example.org/').headers.set('a', 'b'),
  'has no body': () => Response.redirect('https://example.org/').body,
});
//// error: Response.error
//// GET /
import { report } from './report.js';
export default report({
  type: () => Response.error().type,
  status: () => Response.error().status,
  ok: () => Response.error().ok,
  body: () => Response.error().body,
  headers: () => Response.error().headers.set('a', 'b'),
});
//// error-returned: Response.error() as the answer
//// GET /
export default { fetch: () => Response.error() };
//// attributes: of a new Response
//// GET /
import { report } from './report.js';
let plain;
export default report({
  made: () => {
    plain = new Response('x', { status: 404, headers: { a: 'b' } });
  },
  ok: () => plain.ok,
  status: () => plain.status,
  type: () => plain.type,
  url: () => plain.url,
  redirected: () => plain.redirected,
  used: () => plain.bodyUsed,
  body: () => String(plain.body),
  tag: () => String(plain),
  name: () => Response.name,
  length: () => Response.length,
  'static names': () => ['json', 'redirect', 'error'].map((name) => Response[name].length),
  'without new': () => Response('x'),
  'read only': () => {
    'use strict';
    plain.status = 200;
    return plain.status;
  },
});
//// clone: both can be read, and headers are apart
//// GET /
import { report } from './report.js';
export default report({
  texts: async () => {
    const first = new Response('twice', { status: 201, statusText: 'Made', headers: { a: '1' } });
    const second = first.clone();
    second.headers.set('a', '2');
    return [
      await first.text(),
      await second.text(),
      second.status,
      second.statusText,
      first.headers.get('a'),
      second.headers.get('a'),
    ];
  },
  stream: async () => {
    const first = new Response(new Blob(['streamed']).stream());
    const second = first.clone();
    return [await second.text(), await first.text()];
  },
  used: async () => {
    const first = new Response('x');
    await first.text();
    return first.clone();
  },
  locked: () => {
    const first = new Response('x');
    first.body.getReader();
    return first.clone();
  },
  null: () => new Response(null).clone().body,
});
//// copies: a Response made from another one
//// GET /
export default {
  fetch() {
    const old = new Response('the old body', { status: 202, headers: { 'x-old': '1' } });
    const copy = new Response(old.body, old);
    copy.headers.set('x-new', '2');
    return copy;
  },
};
//// wrong-init: init that is no dictionary, headers that are none
//// GET /
import { report } from './report.js';
export default report({
  number: () => new Response('x', 3).status,
  text: () => new Response('x', 'abc').status,
  null: () => new Response('x', null).status,
  function: () => new Response('x', () => {}).status,
  'headers null': () => new Response('x', { headers: null }).status,
  'headers text': () => new Response('x', { headers: 'a: b' }).status,
  'header name': () => new Response('x', { headers: { 'a b': 'c' } }).status,
  'header value': () => new Response('x', { headers: { a: 'c\nd' } }).status,
  'headers of three': () => new Response('x', { headers: [['a', 'b', 'c']] }).status,
  'symbol body': () => new Response(Symbol('s')).status,
});
//// no-response: handlers that answer something else
//// GET /undefined
//// GET /null
//// GET /text
//// GET /object
//// GET /used
export default {
  async fetch(request) {
    switch (new URL(request.url).pathname) {
      case '/null':
        return null;
      case '/text':
        return 'hello';
      case '/object':
        return { status: 200, body: 'x' };
      case '/used': {
        const response = new Response('gone');
        await response.text();
        return response;
      }
    }
  },
};
//// promised: an answer that is a promise, or a promise of one, or a thenable
//// GET /async
//// GET /promise
//// GET /thenable
export default {
  fetch(request) {
    switch (new URL(request.url).pathname) {
      case '/async':
        return (async () => new Response('async'))();
      case '/promise':
        return Promise.resolve(Promise.resolve(new Response('promise')));
      default:
        return {
          then(resolve) {
            resolve(new Response('thenable'));
          },
        };
    }
  },
};
