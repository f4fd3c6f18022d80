//// after: work that goes on after the answer
//// GET /count
//// GET /start
//// GET /wait
//// GET /count
let count = 0;
export default {
  async fetch(request, env, ctx) {
    switch (new URL(request.url).pathname) {
      case '/start':
        ctx.waitUntil(
          (async () => {
            await new Promise((resolve) => setTimeout(resolve, 5));
            count++;
          })(),
        );
        return new Response('started');
      case '/wait':
        await new Promise((resolve) => setTimeout(resolve, 50));
        return new Response('waited');
      default:
        return new Response(String(count));
    }
  },
};
//// rejected: a promise that fails there
//// GET /
//// GET /
export default {
  fetch(request, env, ctx) {
    ctx.waitUntil(Promise.reject(new Error('in waitUntil')));
    return new Response('answered');
  },
};
//// values: what waitUntil takes
//// GET /
export default {
  fetch(request, env, ctx) {
    const told = [];
    for (const value of [undefined, null, 5, 'x', {}, Promise.resolve(1)]) {
      try {
        told.push(String(ctx.waitUntil(value)));
      } catch (error) {
        told.push(error.name);
      }
    }
    return Response.json(told);
  },
};
//// context: what ctx is
//// GET /
import { report } from './report.js';
export default report({
  tag: ({ ctx }) => Object.prototype.toString.call(ctx),
  waitUntil: ({ ctx }) => typeof ctx.waitUntil,
  pass: ({ ctx }) => String(ctx.passThroughOnException()),
  detached: ({ ctx }) => {
    const { waitUntil } = ctx;
    return String(waitUntil(Promise.resolve()));
  },
  props: ({ ctx }) => typeof ctx.props,
  exports: ({ ctx }) => typeof ctx.exports,
});
//// globals: what a module keeps from one request to the next
//// GET /
//// GET /
//// GET /
const seen = new Map();
let requests = 0;
export default {
  fetch(request) {
    requests++;
    seen.set(requests, request.method);
    return Response.json({ requests, size: seen.size });
  },
};
