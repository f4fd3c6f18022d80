//// streams: bodies of requests that go out as they are made
//// GET /
//// @origin
import { report } from './report.js';
const encoder = new TextEncoder();
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const slow = (...parts) => new ReadableStream({
  async pull(c) {
    await wait(2);
    if (parts.length === 0) c.close();
    else c.enqueue(encoder.encode(parts.shift()));
  },
});
const seen = async (url, body, init) => {
  const answer = await fetch(url, { method: 'POST', body, duplex: 'half', ...init });
  const { method, body: got, framing } = await answer.json();
  return [method, got, framing];
};
const fixed = (size, ...parts) => {
  const { readable, writable } = new FixedLengthStream(size);
  const writer = writable.getWriter();
  (async () => {
    for (const part of parts) await writer.write(encoder.encode(part));
    await writer.close();
  })().catch(() => {});
  return readable;
};
export default report({
  chunks: ({ env }) => seen(`${env.ORIGIN}/framing`, slow('one,', 'two,', 'three')),
  put: ({ env }) => seen(`${env.ORIGIN}/framing`, slow('put'), { method: 'PUT' }),
  request: ({ env }) => seen(new Request(`${env.ORIGIN}/framing`,
    { method: 'POST', body: slow('in', 'side'), duplex: 'half' })),
  nothing: ({ env }) => seen(`${env.ORIGIN}/framing`, slow()),
  transformed: ({ env }) => seen(`${env.ORIGIN}/framing`, slow('a', 'b')
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new TransformStream({ transform(t, c) { c.enqueue(t.toUpperCase()); } }))
    .pipeThrough(new TextEncoderStream())),
  identity: ({ env }) => {
    const { readable, writable } = new IdentityTransformStream();
    slow('through').pipeTo(writable);
    return seen(`${env.ORIGIN}/framing`, readable);
  },
  fixed: ({ env }) => seen(`${env.ORIGIN}/framing`, fixed(5, 'hel', 'lo')),
  'fixed, its own header': ({ env }) => seen(`${env.ORIGIN}/framing`, fixed(5, 'hello'),
    { headers: { 'content-length': '7' } }),
  'a header of its own': ({ env }) => seen(`${env.ORIGIN}/framing`, slow('hello'),
    { headers: { 'content-length': '7' } }),
  'fewer than fixed': ({ env }) => seen(`${env.ORIGIN}/framing`, fixed(9, 'hello')),
  'of a whole body': ({ env }) => seen(`${env.ORIGIN}/framing`, new Response('whole').body),
});
//// failing: streams that cannot be sent to their ends
//// GET /
//// @origin
import { report } from './report.js';
const encoder = new TextEncoder();
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const send = (url, body, init) => fetch(url, { method: 'POST', body, duplex: 'half', ...init });
const failing = (error) => new ReadableStream({
  async start(c) {
    c.enqueue(encoder.encode('some'));
    await wait(5);
    c.error(error);
  },
});
const endless = (told) => new ReadableStream({
  async pull(c) {
    await wait(1);
    c.enqueue(encoder.encode('x'));
  },
  cancel() { told.cancelled = true; },
});
export default report({
  'an error': ({ env }) => send(`${env.ORIGIN}/framing`, failing(new RangeError('broken'))),
  'a text': ({ env }) => send(`${env.ORIGIN}/framing`, new ReadableStream({
    start(c) { c.enqueue('text'); c.close(); },
  })),
  abort: async ({ env }) => {
    const told = {};
    const c = new AbortController();
    const sent = send(`${env.ORIGIN}/framing`, endless(told), { signal: c.signal });
    await wait(20);
    c.abort(new RangeError('enough'));
    try {
      await sent;
    } catch (error) {
      await wait(20);
      return [error.name, error.message, told];
    }
  },
  'used before': async ({ env }) => {
    const body = new Response('x').body;
    await new Response(body).text();
    return send(`${env.ORIGIN}/framing`, body);
  },
  locked: ({ env }) => {
    const body = new Response('x').body;
    body.getReader();
    return send(`${env.ORIGIN}/framing`, body);
  },
  'used afterwards': async ({ env }) => {
    const request = new Request(`${env.ORIGIN}/framing`,
      { method: 'POST', body: new Response('x').body, duplex: 'half' });
    await fetch(request);
    return [request.bodyUsed, await fetch(request).catch((e) => e.name)];
  },
});
//// redirects: of requests whose bodies are streams
//// GET /
//// @origin
import { report } from './report.js';
const send = async (url, init) => {
  const body = new ReadableStream({
    async start(c) {
      c.enqueue(new TextEncoder().encode('x'));
      await new Promise((resolve) => setTimeout(resolve, 2));
      c.close();
    },
  });
  const answer = await fetch(url, { method: 'POST', body, duplex: 'half', ...init });
  if (answer.status !== 200) return answer.status;
  const { method, body: got } = await answer.json();
  return [method, got, answer.redirected];
};
const steps = {};
for (const status of [301, 302, 303, 307, 308]) {
  for (const method of ['POST', 'PUT']) {
    steps[`${method} ${status}`] =
      ({ env }) => send(`${env.ORIGIN}/redirect/${status}/to`, { method });
  }
}
steps.manual = ({ env }) => send(`${env.ORIGIN}/redirect/307/to`, { redirect: 'manual' });
steps.error = ({ env }) => send(`${env.ORIGIN}/redirect/307/to`, { redirect: 'error' });
export default report(steps);
//// pipe: the body of the request that came in goes on as it comes
//// POST /framing {"body": "a body"}
//// POST /framing {"body": "0123456789", "repeat": 60000}
//// PUT /framing {"body": "0123456789", "repeat": 60000, "chunks": 5}
//// POST /redirect/307/to {"body": "0123456789", "repeat": 60000}
//// @origin
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const answer = await fetch(env.ORIGIN + url.pathname,
      { method: request.method, body: request.body, duplex: 'half', redirect: 'manual' });
    if (answer.status !== 200) return new Response(null, { status: answer.status });
    const { method, body, framing } = await answer.json();
    return Response.json([method, body.length, body.slice(0, 20), framing]);
  },
};
//// passed: the request that came in goes on, with what it has
//// POST /framing {"body": "0123456789", "repeat": 60000}
//// POST /framing {"body": "0123456789", "repeat": 60000, "chunks": 5}
//// @origin
export default {
  async fetch(request, env) {
    const answer = await fetch(env.ORIGIN + new URL(request.url).pathname, request);
    const { method, body, framing } = await answer.json();
    return Response.json([method, body.length, framing]);
  },
};
//// upper: the body goes on changed, and comes back as a stream
//// POST / {"body": "0123456789abcdef", "repeat": 30000}
//// @origin
export default {
  async fetch(request, env) {
    const upper = request.body.pipeThrough(new TextDecoderStream()).pipeThrough(
      new TransformStream({ transform(t, c) { c.enqueue(t.toUpperCase()); } }))
      .pipeThrough(new TextEncoderStream());
    const answer = await fetch(`${env.ORIGIN}/back`, { method: 'POST', body: upper, duplex: 'half' });
    const text = await answer.text();
    return Response.json([text.length, text.slice(0, 16), text === text.toUpperCase()]);
  },
};
