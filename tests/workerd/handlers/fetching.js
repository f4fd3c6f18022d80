//// plain: GET, and what an answer has
//// GET /
//// @origin
import { report } from './report.js';
export default report({
  status: async ({ env }) => {
    const r = await fetch(`${env.ORIGIN}/a?b=c`);
    const { path, method } = await r.json();
    return [r.status, r.ok, r.redirected, r.type, path, method, r.headers.get('content-type')];
  },
  url: async ({ env }) => (await fetch(`${env.ORIGIN}/a#b`)).url.replace(env.ORIGIN, ''),
  text: async ({ env }) => (await fetch(`${env.ORIGIN}/status/200`)).statusText,
  post: async ({ env }) => {
    const { method, body, headers } = await (
      await fetch(`${env.ORIGIN}/p`, { method: 'POST', body: 'grüße', headers: { 'x-mine': '1' } })
    ).json();
    return [method, body, headers['x-mine'], headers['content-type']];
  },
  json: async ({ env }) =>
    (
      await (
        await fetch(`${env.ORIGIN}/j`, {
          method: 'PUT',
          body: JSON.stringify({ a: 1 }),
          headers: { 'content-type': 'application/json' },
        })
      ).json()
    ).headers,
  request: async ({ env }) =>
    (await (await fetch(new Request(`${env.ORIGIN}/r`, { method: 'PATCH', body: 'x' }))).json())
      .method,
  head: async ({ env }) => {
    const r = await fetch(`${env.ORIGIN}/h`, { method: 'HEAD' });
    return [r.status, await r.text()];
  },
  404: async ({ env }) => {
    const r = await fetch(`${env.ORIGIN}/status/404`);
    return [r.status, r.ok, await r.text()];
  },
  204: async ({ env }) => {
    const r = await fetch(`${env.ORIGIN}/status/204`);
    return [r.status, r.body];
  },
});
//// redirects: followed, refused, given as they are
//// GET /
//// @origin
import { report } from './report.js';
export default report({
  follow: async ({ env }) => {
    const r = await fetch(`${env.ORIGIN}/redirect/302/to`);
    return [r.status, r.redirected, r.url.replace(env.ORIGIN, '')];
  },
  manual: async ({ env }) => {
    const r = await fetch(`${env.ORIGIN}/redirect/302/to`, { redirect: 'manual' });
    return [r.status, r.headers.get('location'), r.type];
  },
  'post by 303': async ({ env }) => {
    const { method, body } = await (
      await fetch(`${env.ORIGIN}/redirect/303/to`, { method: 'POST', body: 'x' })
    ).json();
    return [method, body];
  },
  'post by 307': async ({ env }) => {
    const { method, body } = await (
      await fetch(`${env.ORIGIN}/redirect/307/to`, { method: 'POST', body: 'x' })
    ).json();
    return [method, body];
  },
  'post by 301': async ({ env }) =>
    (await (await fetch(`${env.ORIGIN}/redirect/301/to`, { method: 'POST', body: 'x' })).json())
      .method,
});
//// proxy: the request goes on, the answer comes back
//// GET /a?b=c {"headers": {"x-through": "1"}}
//// POST /p {"headers": {"content-type": "text/x"}, "body": "a body"}
//// GET /cookies
//// GET /redirect/302/to
//// GET /status/404
//// @origin
export default {
  fetch(request, env) {
    const url = new URL(request.url);
    return fetch(new Request(env.ORIGIN + url.pathname + url.search, request));
  },
};
//// streams: an answer that comes in chunks
//// GET /
//// @origin
export default {
  async fetch(request, env) {
    const { body } = await fetch(`${env.ORIGIN}/chunks`);
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of body) text += decoder.decode(chunk, { stream: true });
    return new Response(text);
  },
};
//// parallel: five at once
//// GET /
//// @origin
export default {
  async fetch(request, env) {
    const answers = await Promise.all(
      [1, 2, 3, 4, 5].map(async (n) => (await fetch(`${env.ORIGIN}/${n}`)).json()),
    );
    return Response.json(answers.map(({ path }) => path));
  },
};
//// errors: what cannot be fetched
//// GET /
//// @origin
import { report } from './report.js';
export default report({
  'no url': () => fetch('nothing'),
  relative: () => fetch('/path'),
  scheme: () => fetch('ftp://example.org/'),
  'get with body': ({ env }) => fetch(env.ORIGIN, { body: 'x' }),
  nothing: () => fetch(),
  aborted: ({ env }) => fetch(env.ORIGIN, { signal: AbortSignal.abort(new RangeError('early')) }),
  'abort error': ({ env }) => fetch(env.ORIGIN, { signal: AbortSignal.abort() }),
  credentials: ({ env }) => fetch(env.ORIGIN.replace('://', '://a:b@')).then((r) => r.status),
  refused: () => fetch('http://127.0.0.1:1/'),
});
//// cookies: two of them in one answer
//// GET /
//// @origin
export default {
  async fetch(request, env) {
    const { headers } = await fetch(`${env.ORIGIN}/cookies`);
    return Response.json([headers.getSetCookie(), headers.get('set-cookie')]);
  },
};
