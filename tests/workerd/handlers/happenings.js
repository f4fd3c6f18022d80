//// queue: what a queue's messages come as
//// GET /
//// @queue [{"body": {"n": 1, "deep": [true, null]}}, {"body": "zwei"}, {"body": 3}]
import { report } from './report.js';
let seen;
const steps = (batch, env, ctx) => ({
  queue: () => typeof batch.queue,
  many: () => [Array.isArray(batch.messages), batch.messages.length],
  bodies: () => batch.messages.map((message) => message.body),
  attempts: () => batch.messages.map((message) => message.attempts),
  ids: () => batch.messages.map((message) => typeof message.id),
  'all different': () => new Set(batch.messages.map((message) => message.id)).size,
  times: () => batch.messages.map((message) => message.timestamp instanceof Date),
  methods: () => ['ack', 'retry'].map((name) => typeof batch.messages[0][name]),
  'methods of all': () => ['ackAll', 'retryAll'].map((name) => typeof batch[name]),
  'the same body': () => batch.messages[0].body === batch.messages[0].body,
  waits: () => ctx.waitUntil(Promise.resolve()),
  env: () => typeof env,
  retry: () => batch.messages[1].retry({ delaySeconds: 600 }),
  ack: () => batch.messages[0].ack(),
  ackAll: () => batch.ackAll(),
  'a wrong delay': () => batch.messages[2].retry({ delaySeconds: 'soon' }),
});
export default {
  async queue(batch, env, ctx) {
    seen ??= await (await report(steps(batch, env, ctx)).fetch(new Request('http://x/'))).text();
  },
  fetch: () => new Response(seen ?? 'nothing yet', { status: seen === undefined ? 404 : 200 }),
};
//// clock: what the clock calls
//// GET /
//// @cron
import { report } from './report.js';
let seen;
const steps = (controller, env, ctx, rest) => ({
  cron: () => controller.cron,
  time: () => [typeof controller.scheduledTime, Number.isInteger(controller.scheduledTime)],
  noRetry: () => [typeof controller.noRetry, controller.noRetry()],
  type: () => controller.type,
  waits: () => ctx.waitUntil(Promise.resolve()),
  env: () => typeof env,
  arguments: () => rest.length,
});
export default {
  async scheduled(controller, env, ctx, ...rest) {
    seen ??= await (await report(steps(controller, env, ctx, rest))
      .fetch(new Request('http://x/'))).text();
  },
  fetch: () => new Response(seen ?? 'nothing yet', { status: seen === undefined ? 404 : 200 }),
};
