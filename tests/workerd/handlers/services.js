//// backend: tells what it is asked
//// GET /direct
export default {
  async fetch(request) {
    const seen = [...request.headers].filter(
      ([name]) => name.startsWith('x-') || name === 'content-type',
    );
    return Response.json(
      { method: request.method, url: request.url, seen, body: await request.text() },
      { status: 202, headers: { 'x-backend': 'yes' } },
    );
  },
};
//// caller: asks another function
//// GET /
//// @use BACKEND=services/backend
export default {
  async fetch(request, env) {
    const response = await env.BACKEND.fetch('http://backend/path?q=1', {
      method: 'PUT',
      headers: { 'x-from': 'caller' },
      body: 'sent',
    });
    return Response.json([
      response.status,
      response.ok,
      response.headers.get('x-backend'),
      response.url,
      response.redirected,
      await response.json(),
    ]);
  },
};
//// passes: gives the request on and the answer back
//// POST /p?q {"headers": {"x-through": "1", "content-type": "text/x"}, "body": "through"}
//// GET /
//// DELETE /d
//// @use BACKEND=services/backend
export default { fetch: (request, env) => env.BACKEND.fetch(request) };
//// rewritten: changes the answer of another function
//// GET /
//// @use BACKEND=services/backend
export default {
  async fetch(request, env) {
    const old = await env.BACKEND.fetch(new Request('http://backend/rewritten', request));
    const response = new Response(old.body, old);
    response.headers.set('x-rewritten', '1');
    response.headers.delete('x-backend');
    return response;
  },
};
//// failing: throws
//// GET /
export default {
  fetch() {
    throw new RangeError('of the backend');
  },
};
//// catches: asks one that throws
//// GET /
//// @use FAILING=services/failing
export default {
  async fetch(request, env) {
    try {
      const response = await env.FAILING.fetch('http://x/');
      return new Response(`status ${response.status}`);
    } catch (error) {
      return new Response(`thrown ${error instanceof Error}`);
    }
  },
};
//// streamer: answers bit by bit
//// GET /
export default {
  fetch() {
    let left = 5;
    return new Response(
      new ReadableStream({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, 1));
          controller.enqueue(new TextEncoder().encode(`${left} `));
          if (--left === 0) controller.close();
        },
      }),
    );
  },
};
//// reads-stream: transforms what another function streams
//// GET /
//// @use STREAMER=services/streamer
export default {
  async fetch(request, env) {
    const { body } = await env.STREAMER.fetch('http://x/');
    const marked = new TransformStream({
      flush(controller) {
        controller.enqueue(new TextEncoder().encode('end'));
      },
    });
    return new Response(body.pipeThrough(marked));
  },
};
//// parallel: asks three times at once
//// GET /
//// @use BACKEND=services/backend
export default {
  async fetch(request, env) {
    const answers = await Promise.all([1, 2, 3].map((n) => env.BACKEND.fetch(`http://b/${n}`)));
    return Response.json(
      await Promise.all(answers.map(async (answer) => (await answer.json()).url)),
    );
  },
};
//// statuses: answers without bodies, redirects that are not followed
//// GET /
//// @use ANSWERS=services/answers
export default {
  async fetch(request, env) {
    const told = [];
    for (const status of [204, 302, 304, 404, 500]) {
      const response = await env.ANSWERS.fetch(`http://x/${status}`, { redirect: 'manual' });
      told.push([
        response.status,
        await response.text(),
        response.headers.get('location'),
        response.statusText,
      ]);
    }
    return Response.json(told);
  },
};
//// answers: a status by its path
//// GET /404
//// GET /302
export default {
  fetch(request) {
    const status = Number(new URL(request.url).pathname.slice(1));
    if (status === 302) return Response.redirect('http://x/404', 302);
    return new Response(status === 204 || status === 304 ? null : `body ${status}`, { status });
  },
};
//// follows: a redirect of another function, as fetch does by default
//// GET /
//// @use ANSWERS=services/answers
export default {
  async fetch(request, env) {
    const response = await env.ANSWERS.fetch('http://x/302');
    return Response.json([response.status, response.redirected, await response.text()]);
  },
};
//// errors: calls that cannot be made
//// GET /
//// @use BACKEND=services/backend
import { report } from './report.js';
export default report({
  'no url': ({ env }) => env.BACKEND.fetch('nothing'),
  relative: ({ env }) => env.BACKEND.fetch('/path').then((r) => r.status),
  'get with body': ({ env }) => env.BACKEND.fetch('http://x/', { body: 'x' }),
  nothing: ({ env }) => env.BACKEND.fetch(),
  aborted: ({ env }) =>
    env.BACKEND.fetch('http://x/', { signal: AbortSignal.abort(new RangeError('early')) }),
  'other scheme': ({ env }) => env.BACKEND.fetch('foo://x/').then((r) => r.status),
  tag: ({ env }) => Object.prototype.toString.call(env.BACKEND),
});
