// POST counts a visit, GET shows the visits of this minute and of 30 before, which a cron line writes down.
const kMinutes = 30; // as [minute, visits] within the 1,024 bytes of a value

const read = (text) => JSON.parse(text ?? '[]');

export default {
  async fetch(request, env) {
    if (request.method === 'POST')
      await env.STATE.transaction(['now'], ([now]) => [String(Number(now ?? 0) + 1)]);
    const [now, minutes] = await Promise.all([env.STATE.get('now'), env.STATE.get('minutes')]);
    return Response.json({ now: Number(now ?? 0), minutes: read(minutes) });
  },

  /// A cron line may run twice: the minute that it is for says whether it has.
  async scheduled(controller, env) {
    const until = new Date(controller.scheduledTime).toISOString().slice(0, 16);
    await env.STATE.transaction(['now', 'minutes'], ([now, minutes]) => {
      const old = read(minutes);
      if (old.at(-1)?.[0] === until) return [undefined, undefined];
      return ['0', JSON.stringify([...old, [until, Number(now ?? 0)]].slice(-kMinutes))];
    });
  },
};
