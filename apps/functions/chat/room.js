// One room, an actor: the last lines on disk, and the feeds of those who read now.
const kLinesKept = 100;
const kTextMax = 200; // characters: a stored value has 1,024 bytes at most
/// A feed in which nothing is said sends an empty line so often: a stream that stands still for [workers] wall_ms ends.
const kBeatMs = 10_000;

const key_of = (number) => `line-${String(number).padStart(12, '0')}`;
const encode = (line) => new TextEncoder().encode(JSON.stringify(line) + '\n');

export class Room {
  constructor(ctx) {
    this.storage = ctx.storage;
    this.feeds = new Map(); // of controllers, to the timers of their empty lines
  }

  /// POST: a line is said. GET /lines: what is kept. GET /feed?after=NUMBER: those after it, and what is said from now on.
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (request.method === 'POST') return this.say(await request.text());
    const after = Number(searchParams.get('after') ?? 0);
    const lines = [...(await this.storage.list({ start: key_of(after + 1), limit: kLinesKept })).values()];
    return pathname === '/feed' ? this.feed(lines) : Response.json(lines);
  }

  async say(text) {
    const number = ((await this.storage.get('last')) ?? 0) + 1;
    const line = { number, text: text.slice(0, kTextMax) };
    this.storage.put({ last: number, [key_of(number)]: line });
    this.storage.delete(key_of(number - kLinesKept));
    await this.storage.sync(); // what readers were told is never unsaid
    for (const feed of this.feeds.keys()) {
      // Who is that far behind is sent away, and asks again from the line that it has.
      if (feed.desiredSize > 0) feed.enqueue(encode(line));
      else this.end(feed);
    }
    return Response.json(line, { status: 201 });
  }

  feed(lines) {
    let feed;
    const body = new ReadableStream({
      start: (controller) => {
        feed = controller;
        for (const line of lines) feed.enqueue(encode(line));
        this.feeds.set(feed, setInterval(() => feed.enqueue(new Uint8Array([10])), kBeatMs));
      },
      cancel: () => this.forget(feed),
    }, { highWaterMark: 2 * kLinesKept });
    return new Response(body, { headers: { 'content-type': 'application/x-ndjson' } });
  }

  forget(feed) {
    clearInterval(this.feeds.get(feed));
    this.feeds.delete(feed);
  }

  end(feed) {
    this.forget(feed);
    feed.close();
  }
}
