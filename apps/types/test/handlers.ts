// Compiled by a test and never run: what a user writes has the types it should, and what is wrong
// is an error.
import page from './page.html';
import bytes from './raw.bin';

interface MyEnv extends Themis.Env {
  GREETING: string;
  CART: Themis.Fetcher;
  JOBS: Themis.Queue<{ n: number }>;
  ACTORS: Themis.Actors;
}

export class Counter implements Themis.Actor {
  constructor(private readonly ctx: Themis.ActorContext, readonly env: MyEnv) {
    ctx.blockConcurrencyWhile(async () => { await ctx.storage.put({ a: 1, b: new Date() }); });
  }
  async fetch(request: Request) {
    const { storage, id } = this.ctx;
    const n: number = (await storage.get<number>('n')) ?? 0;
    await storage.put('n', n + 1);
    const all: Map<string, unknown> = await storage.list({ prefix: 'a', limit: 2 });
    const moved: boolean = await storage.transaction((txn) => txn.delete('n'));
    await storage.setAlarm(new Date(Date.now() + 1000));
    // @ts-expect-error: a time is no text
    await storage.setAlarm('tomorrow');
    return this.env.ACTORS.get(id + n + all.size + moved).fetch(request);
  }
  async alarm() {
    await this.ctx.storage.deleteAll();
  }
}

export default {
  async fetch(request, env, ctx) {
    const text: string = env.GREETING + page;
    const size: number = bytes.byteLength;
    const answer: Response = await env.CART.fetch('http://cart/', { method: 'PUT', body: text });
    await env.JOBS.send({ n: size }, { delaySeconds: 5 });
    await env.JOBS.sendBatch([{ body: { n: 1 }, contentType: 'json' }]);
    // @ts-expect-error: the body of this queue has a number
    await env.JOBS.send({ n: 'x' });
    // @ts-expect-error: no such kind
    await env.JOBS.send({ n: 1 }, { contentType: 'v8' });
    const cart = themis.remote<{ add(a: number, b: number): number; then(): void }>('cart');
    const sum: number = await cart.add(1, 2);
    // @ts-expect-error: it adds numbers
    await cart.add(String(sum), 2);
    const untyped: unknown = await themis.remote('cart').total({ a: [1] });
    void untyped;
    const value: string | Uint8Array | null = await env.STATE.get('k');
    const { epoch } = await env.STATE.get('k', { receipt: true });
    const certain: number = epoch;
    const next = await env.STATE.transaction(['a'], ([old]) => [String(Number(old ?? 0) + 1)]);
    const first: string | undefined = next[0];
    await env.STATE.namespace('orders').cas('k', null, new Uint8Array(2), { wait: true });
    const service = await env.SERVICES.fetch('check', 'http://check/');
    ctx.waitUntil(Promise.resolve(certain));
    const stream = new Response(request.body).body?.pipeThrough(new CompressionStream('gzip'));
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
    // @ts-expect-error: not in this function's env
    env.OTHER;
    return Response.json({ value, first, answer: answer.status, service: service.ok, stream,
      digest: digest.byteLength, url: new URL(request.url).pathname, id: crypto.randomUUID() });
  },
  scheduled(controller, env) {
    const time: number = controller.scheduledTime;
    console.log(time, controller.cron, env.GREETING);
  },
  async queue(batch) {
    for (const message of batch.messages) {
      const n: number = message.body.n;
      if (n > 0) message.ack();
      else message.retry({ delaySeconds: message.attempts });
    }
    batch.retryAll();
    // @ts-expect-error: seconds are a number
    batch.retryAll({ delaySeconds: '1' });
  },
} satisfies Themis.Handler<MyEnv, { n: number }>;

// @ts-expect-error: an answer is a Response
export const wrong = { fetch: () => 'text' } satisfies Themis.Handler;

export const echo = {
  fetch() {
    const { 0: client, 1: server } = new WebSocketPair();
    server.accept();
    server.addEventListener('message', (event) => { server.send(event.data); });
    return new Response(null, { status: 101, webSocket: client });
  },
} satisfies Themis.Handler;

export const sent = {
  fetch(request) {
    // @ts-expect-error: there is no other one
    new Request(request.url, { method: 'POST', body: request.body, duplex: 'full' });
    return fetch(request.url, { method: 'POST', body: request.body, duplex: 'half' });
  },
} satisfies Themis.Handler;

addEventListener('fetch', (event) => {
  event.waitUntil(Promise.resolve());
  event.respondWith(new Response(event.request.method));
});
addEventListener('scheduled', (event) => { console.log(event.cron, event.scheduledTime); });

export const routed = {
  async fetch(request) {
    const { readable, writable } = new FixedLengthStream(3);
    await scheduler.wait(1, { signal: request.signal });
    const id: string | undefined =
      new URLPattern({ pathname: '/posts/:id' }).exec(request.url)?.pathname.groups.id;
    const same: boolean = crypto.subtle.timingSafeEqual(new Uint8Array(1), new ArrayBuffer(1));
    await writable.getWriter().write(new Uint8Array(same && id !== undefined ? 3 : 0));
    // @ts-expect-error: a pattern has no such part
    new URLPattern({ path: '/' });
    // @ts-expect-error: a length is a number
    new FixedLengthStream('3');
    return new Response(readable);
  },
} satisfies Themis.Handler;
