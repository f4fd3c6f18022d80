// One counter for each path, which forgets its number after a day without calls.
const kDayMs = 86_400_000;

export class Counter {
  constructor(ctx) {
    this.storage = ctx.storage;
  }

  async fetch(request) {
    let count = (await this.storage.get('count')) ?? 0;
    if (request.method === 'POST') {
      await this.storage.put('count', ++count);
      await this.storage.setAlarm(Date.now() + kDayMs);
    }
    return Response.json({ count });
  }

  async alarm() {
    await this.storage.deleteAll();
  }
}

export default {
  async fetch(request, env) {
    const name = new URL(request.url).pathname;
    return env.ACTORS.get(name).fetch(request);
  },
};
