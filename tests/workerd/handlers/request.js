//// seen: method, url and the rest of what came
//// GET /
//// GET /a/b?c=d&e
//// GET /%C3%BC/%2f/../x?q=%20+
//// POST /form {"headers": {"content-type": "text/plain;charset=UTF-8"}, "body": "grüße"}
//// DELETE /thing
//// PATCH /thing {"body": "p"}
export default {
  async fetch(request) {
    const { method, url, redirect, bodyUsed } = request;
    return Response.json({
      method,
      url,
      redirect,
      bodyUsed,
      hasBody: request.body !== null,
      text: await request.text(),
    });
  },
};
//// constructors: from text, a URL, another Request
//// GET /
import { report } from './report.js';
const told = ({ method, url, redirect, body }) => [method, url, redirect, body !== null];
export default report({
  text: () => told(new Request('https://example.org/a?b')),
  url: () => told(new Request(new URL('https://example.org/'))),
  normal: () => told(new Request('HTTPS://EXAMPLE.org:443/a/../b')),
  object: () => told(new Request({ toString: () => 'https://example.org/o' })),
  relative: () => told(new Request('/relative')),
  'no url': () => told(new Request('http://[')),
  nothing: () => told(new Request()),
  init: () => told(new Request('https://example.org/', { method: 'POST', body: 'x' })),
  request: () =>
    told(new Request(new Request('https://example.org/', { method: 'PUT', body: 'x' }))),
  overridden: () =>
    told(
      new Request(new Request('https://example.org/', { method: 'PUT', body: 'x' }), {
        method: 'POST',
      }),
    ),
  credentials: () => told(new Request('https://user:pass@example.org/')),
  fragment: () => told(new Request('https://example.org/#part')),
});
//// methods: names in any case, and those that are none
//// GET /
import { report } from './report.js';
const method = (name) => () => new Request('https://a/', { method: name }).method;
export default report({
  get: method('get'),
  Post: method('Post'),
  patch: method('patch'),
  PATCH: method('PATCH'),
  head: method('head'),
  options: method('options'),
  put: method('pUT'),
  delete: method('delete'),
  own: method('PURGE'),
  ownLower: method('purge'),
  connect: method('CONNECT'),
  trace: method('trace'),
  track: method('TRACK'),
  space: method('A B'),
  empty: method(''),
  null: method(null),
  undefined: method(undefined),
});
//// bodies: which kinds, and which methods may have one
//// GET /
import { report } from './report.js';
const made = (body, more) => async () => {
  const request = new Request('https://a/', { method: 'POST', body, ...more });
  return [request.headers.get('content-type'), await request.text()];
};
export default report({
  text: made('x'),
  params: made(new URLSearchParams('a=1&b=ü')),
  blob: made(new Blob(['b'], { type: 'a/b' })),
  bytes: made(new Uint8Array([104, 105])),
  null: made(null),
  number: made(1),
  object: made({ a: 1 }),
  'own type': made('x', { headers: { 'content-type': 'own/type' } }),
  get: made('x', { method: 'GET' }),
  head: made('x', { method: 'HEAD' }),
  'get with empty': made('', { method: 'GET' }),
  delete: made('x', { method: 'DELETE' }),
  options: made('x', { method: 'OPTIONS' }),
});
//// streams-as-bodies: a stream needs duplex where a browser asks for it
//// GET /
import { report } from './report.js';
const stream = () => new Blob(['from a stream']).stream();
export default report({
  'with duplex': () =>
    new Request('https://a/', { method: 'POST', body: stream(), duplex: 'half' }).text(),
  'without duplex': () => new Request('https://a/', { method: 'POST', body: stream() }).text(),
  locked: () => {
    const s = stream();
    s.getReader();
    return new Request('https://a/', { method: 'POST', body: s, duplex: 'half' }).text();
  },
  disturbed: async () => {
    const s = stream();
    const reader = s.getReader();
    await reader.read();
    reader.releaseLock();
    return new Request('https://a/', { method: 'POST', body: s, duplex: 'half' }).text();
  },
});
//// clone: before and after it was read
//// POST / {"body": "the body"}
import { report } from './report.js';
export default report({
  'clone, then both': async ({ request }) => {
    const copy = request.clone();
    return [await copy.text(), copy.method, copy.url === request.url];
  },
  'the first': ({ request }) => request.text(),
  'clone of a used one': ({ request }) => request.clone(),
  again: ({ request }) => request.text(),
  used: ({ request }) => request.bodyUsed,
});
//// takes-the-body: a new Request from one takes its body away
//// POST / {"body": "only once"}
import { report } from './report.js';
let taken;
export default report({
  take: async ({ request }) => {
    taken = new Request(request);
    return taken.bodyUsed;
  },
  'the old one': ({ request }) => request.bodyUsed,
  'old text': ({ request }) => request.text(),
  'new text': () => taken.text(),
});
//// redirect-modes: follow, manual, error
//// GET /
import { report } from './report.js';
const mode = (redirect) => () => new Request('https://a/', { redirect }).redirect;
export default report({
  default: mode(undefined),
  follow: mode('follow'),
  manual: mode('manual'),
  error: mode('error'),
  other: mode('other'),
  null: mode(null),
});
//// signals: given, followed, absent
//// GET /
import { report } from './report.js';
export default report({
  'of a new one': () => String(new Request('https://a/').signal),
  given: () => {
    const controller = new AbortController();
    const request = new Request('https://a/', { signal: controller.signal });
    controller.abort();
    return request.signal.aborted;
  },
  null: () => String(new Request('https://a/', { signal: null }).signal),
  'no signal': () => new Request('https://a/', { signal: {} }).signal,
  copied: () => {
    const controller = new AbortController();
    const copy = new Request(new Request('https://a/', { signal: controller.signal }));
    controller.abort(new RangeError('why'));
    return [copy.signal.aborted, copy.signal.reason.name];
  },
  'of the incoming': ({ request }) => request.signal?.aborted,
});
//// attributes: which there are
//// GET /
import { report } from './report.js';
const names = [
  'method',
  'url',
  'headers',
  'redirect',
  'signal',
  'body',
  'bodyUsed',
  'text',
  'json',
  'bytes',
  'arrayBuffer',
  'blob',
  'formData',
  'clone',
  'cache',
  'integrity',
  'keepalive',
  'mode',
  'credentials',
  'destination',
  'referrer',
  'referrerPolicy',
  'duplex',
];
export default report(
  Object.fromEntries(names.map((name) => [name, () => name in Request.prototype])),
);
//// wrong-init: init that is none
//// GET /
import { report } from './report.js';
const init = (value) => () => new Request('https://a/', value).method;
export default report({
  number: init(3),
  text: init('POST'),
  null: init(null),
  function: init(() => {}),
  array: init([]),
  'bad header': init({ headers: { 'a b': 'c' } }),
  'headers null': init({ headers: null }),
  'symbol as method': init({ method: Symbol('x') }),
});
//// cache-option: RequestInit.cache
//// GET /
import { report } from './report.js';
const cache = (value) => () => new Request('https://a/', { cache: value }).cache;
export default report({
  'no-store': cache('no-store'),
  'no-cache': cache('no-cache'),
  default: cache('default'),
  reload: cache('reload'),
  wrong: cache('wrong'),
  none: cache(undefined),
});
//// cf: what Cloudflare adds
//// GET /
export default {
  fetch(request) {
    return Response.json({ cf: typeof request.cf, fetcher: typeof request.fetcher });
  },
};
