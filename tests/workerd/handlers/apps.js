//// task: a JSON API with state in memory
//// GET /tasks
//// POST /tasks {"body": {"title": "write"}, "headers": {"content-type": "application/json"}}
//// POST /tasks {"body": {"title": "test"}, "headers": {"content-type": "application/json"}}
//// GET /tasks
//// PATCH /tasks/1 {"body": {"done": true}}
//// GET /tasks/1
//// DELETE /tasks/2
//// GET /tasks/2
//// POST /tasks {"body": "not json"}
//// PUT /tasks
const tasks = new Map();
let next = 1;
const problem = (status, detail) =>
  Response.json(
    { status, detail },
    { status, headers: { 'content-type': 'application/problem+json' } },
  );
export default {
  async fetch(request) {
    const [, , id] = new URL(request.url).pathname.split('/');
    try {
      if (request.method === 'GET' && id === undefined) return Response.json([...tasks.values()]);
      if (request.method === 'POST') {
        const task = { id: next++, done: false, ...(await request.json()) };
        tasks.set(task.id, task);
        return Response.json(task, { status: 201, headers: { location: `/tasks/${task.id}` } });
      }
      const task = tasks.get(Number(id));
      if (id !== undefined && task === undefined) return problem(404, 'no such task');
      if (request.method === 'PATCH') Object.assign(task, await request.json());
      else if (request.method === 'DELETE')
        return tasks.delete(task.id) && new Response(null, { status: 204 });
      else if (request.method !== 'GET')
        return new Response(null, { status: 405, headers: { allow: 'GET, POST' } });
      return Response.json(task);
    } catch (error) {
      return problem(error instanceof SyntaxError ? 400 : 500, error.name);
    }
  },
};
//// router: a small framework
//// GET /
//// GET /hello/ada?loud
//// GET /hello/
//// POST /hello/ada
//// GET /files/a/b/c.txt
class Router {
  #routes = [];
  on(method, path, run) {
    const names = [];
    const source = path
      .replace(/:(\w+)/g, (_, name) => {
        names.push(name);
        return '([^/]+)';
      })
      .replace('*', '(.*)');
    if (path.includes('*')) names.push('rest');
    this.#routes.push({ method, regexp: new RegExp(`^${source}$`), names, run });
    return this;
  }
  async fetch(request, env, ctx) {
    const url = new URL(request.url);
    const allowed = new Set();
    for (const { method, regexp, names, run } of this.#routes) {
      const match = regexp.exec(url.pathname);
      if (match === null) continue;
      if (method !== request.method) {
        allowed.add(method);
        continue;
      }
      const params = Object.fromEntries(
        names.map((name, i) => [name, decodeURIComponent(match[i + 1])]),
      );
      return run({ request, env, ctx, url, params });
    }
    return allowed.size
      ? new Response('method', { status: 405, headers: { allow: [...allowed].join(', ') } })
      : new Response('path', { status: 404 });
  }
}
const app = new Router()
  .on('GET', '/', () => new Response('home'))
  .on(
    'GET',
    '/hello/:name',
    ({ params, url }) =>
      new Response(url.searchParams.has('loud') ? params.name.toUpperCase() : params.name),
  )
  .on('GET', '/files/*', ({ params }) => Response.json(params));
export default { fetch: (...args) => app.fetch(...args) };
//// middleware: layers around a handler
//// GET / {"headers": {"x-user": "ada"}}
//// GET /
//// GET /fail {"headers": {"x-user": "ada"}}
const compose = (...layers) =>
  layers.reduceRight((next, layer) => (context) => layer(context, () => next(context)));
const run = compose(
  async (context, next) => {
    const response = await next();
    response.headers.set('x-trace', context.trace.join('>'));
    return response;
  },
  async (context, next) => {
    try {
      return await next();
    } catch (error) {
      return new Response(error.message, { status: 500 });
    }
  },
  (context, next) => {
    context.trace.push('auth');
    return context.request.headers.has('x-user') ? next() : new Response('who?', { status: 401 });
  },
  (context) => {
    context.trace.push('work');
    if (context.request.url.endsWith('/fail')) throw new Error('failed');
    return new Response(`hello ${context.request.headers.get('x-user')}`);
  },
);
export default { fetch: (request) => run({ request, trace: [] }) };
//// html: pages from templates, escaped
//// GET /?name=%3Cscript%3E&items=a&items=b%26c
const escaped = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const html = (strings, ...values) => ({
  html: strings.reduce((all, part, i) => {
    const value = values[i - 1];
    return (
      all +
      (value?.html ??
        (Array.isArray(value) ? value.map((v) => v.html ?? escaped(v)).join('') : escaped(value))) +
      part
    );
  }),
});
export default {
  fetch(request) {
    const { searchParams } = new URL(request.url);
    const page = html`<!doctype html><title>${searchParams.get('name')}</title>
      <ul>
        ${searchParams.getAll('items').map((item) => html`<li>${item}</li>`)}
      </ul>`;
    return new Response(page.html, { headers: { 'content-type': 'text/html;charset=utf-8' } });
  },
};
//// sse: server-sent events
//// GET /
export default {
  fetch() {
    const events = [
      { event: 'start', data: 'one' },
      { data: 'two\nlines' },
      { id: 7, data: '{"three":3}' },
    ];
    const text = ({ event, id, data }) =>
      [
        event && `event: ${event}`,
        id && `id: ${id}`,
        ...data.split('\n').map((line) => `data: ${line}`),
        '',
        '',
      ]
        .filter((x) => x !== undefined)
        .join('\n');
    const stream = new ReadableStream({
      async start(controller) {
        for (const event of events) {
          controller.enqueue(new TextEncoder().encode(text(event)));
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
        controller.close();
      },
    });
    return new Response(stream, {
      headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' },
    });
  },
};
//// shortener: redirects by a table
//// POST /short {"body": "https://example.org/a/long/path"}
//// GET /1
//// GET /2
const urls = new Map();
export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (request.method === 'POST') {
      const target = URL.parse(await request.text());
      if (target === null) return new Response('no url', { status: 400 });
      urls.set(String(urls.size + 1), target.href);
      return new Response(`/${urls.size}`, { status: 201 });
    }
    const found = urls.get(pathname.slice(1));
    return found ? Response.redirect(found, 301) : new Response('unknown', { status: 404 });
  },
};
//// primes: the worker of Oyster's samples
//// POST / {"body": {"num": 10}}
//// POST / {"body": {"num": 20}}
//// POST / {"body": {"num": 600}}
//// POST / {"body": {}}
//// POST / {"body": "x"}
export default {
  async fetch(request) {
    try {
      let { num } = await request.json();
      if (typeof num !== 'number')
        return new Response("Please provide a valid integer as input in the format{'num':10}");
      const factors = [];
      let i = 2;
      while (num > 2) {
        if (num % i === 0) {
          factors.push(i);
          num /= i;
        } else {
          i++;
        }
      }
      return new Response(
        factors.length ? factors.join(',') : 'No prime factor for the provided number',
      );
    } catch {
      return new Response('Please provide a valid JSON input');
    }
  },
};
//// limiter: a token bucket per client
//// GET / {"headers": {"x-client": "a"}}
//// GET / {"headers": {"x-client": "a"}}
//// GET / {"headers": {"x-client": "a"}}
//// GET / {"headers": {"x-client": "b"}}
const left = new Map();
export default {
  fetch(request) {
    const client = request.headers.get('x-client');
    const tokens = left.get(client) ?? 2;
    if (tokens === 0)
      return new Response('slow down', { status: 429, headers: { 'retry-after': '1' } });
    left.set(client, tokens - 1);
    return new Response('go on', { headers: { 'x-ratelimit-remaining': String(tokens - 1) } });
  },
};
//// csv: text in, JSON out, line by line
//// POST / {"body": "name,age\nAda,36\n\"Hopper, Grace\",85\n", "headers": {"content-type": "text/csv"}}
const row = (line) =>
  [...line.matchAll(/("([^"]*)"|[^,]*)(,|$)/g)].slice(0, -1).map((m) => m[2] ?? m[1]);
export default {
  async fetch(request) {
    const [names, ...rows] = (await request.text()).trim().split('\n').map(row);
    return Response.json(
      rows.map((values) => Object.fromEntries(names.map((name, i) => [name, values[i]]))),
    );
  },
};
//// graphql: a query with a small parser
//// POST / {"body": {"query": "{ user(id: 1) { name friends { name } } }"}}
//// POST / {"body": {"query": "{ nothing }"}}
const users = { 1: { name: 'Ada', friends: [2] }, 2: { name: 'Grace', friends: [1] } };
const tokensOf = (text) => text.match(/[{}():]|\w+/g);
const parse = (tokens) => {
  const fields = [];
  while (tokens.length && tokens[0] !== '}') {
    const field = { name: tokens.shift(), args: {}, fields: undefined };
    if (tokens[0] === '(') {
      tokens.shift();
      while (tokens[0] !== ')') {
        const key = tokens.shift();
        tokens.shift();
        field.args[key] = tokens.shift();
      }
      tokens.shift();
    }
    if (tokens[0] === '{') {
      tokens.shift();
      field.fields = parse(tokens);
      tokens.shift();
    }
    fields.push(field);
  }
  return fields;
};
const pick = (user, fields) =>
  Object.fromEntries(
    fields.map(({ name, fields: inner }) => [
      name,
      name === 'friends' ? user.friends.map((id) => pick(users[id], inner)) : user[name],
    ]),
  );
export default {
  async fetch(request) {
    const tokens = tokensOf((await request.json()).query);
    tokens.shift();
    const [{ name, args, fields }] = parse(tokens);
    if (name !== 'user')
      return Response.json({ errors: [{ message: `no field ${name}` }] }, { status: 400 });
    return Response.json({ data: { user: pick(users[args.id], fields) } });
  },
};
//// proxy-page: rewrites what another answers
//// GET /
//// @use PAGES=apps/html
export default {
  async fetch(request, env) {
    const response = await env.PAGES.fetch('http://pages/?name=old&items=1');
    const page = (await response.text()).replaceAll('old', 'new');
    return new Response(page, response);
  },
};
//// calculator: an expression
//// GET /?q=1%2B2*(3-4)/5
//// GET /?q=2**
const evaluate = (text) => {
  const tokens = text.match(/\d+(\.\d+)?|[-+*/()]/g) ?? [];
  const factor = () => {
    const token = tokens.shift();
    if (token === '(') {
      const value = sum();
      tokens.shift();
      return value;
    }
    if (token === '-') return -factor();
    if (token === undefined || Number.isNaN(Number(token)))
      throw new SyntaxError(`unexpected ${token}`);
    return Number(token);
  };
  const product = () => {
    let value = factor();
    while (tokens[0] === '*' || tokens[0] === '/')
      value = tokens.shift() === '*' ? value * factor() : value / factor();
    return value;
  };
  const sum = () => {
    let value = product();
    while (tokens[0] === '+' || tokens[0] === '-')
      value = tokens.shift() === '+' ? value + product() : value - product();
    return value;
  };
  return sum();
};
export default {
  fetch(request) {
    try {
      return new Response(String(evaluate(new URL(request.url).searchParams.get('q'))));
    } catch (error) {
      return new Response(`${error.name}: ${error.message}`, { status: 400 });
    }
  },
};
//// markdown: text to HTML
//// POST / {"body": "# Title\n\nSome *words* and `code`.\n\n- one\n- two\n"}
const inline = (text) =>
  text.replace(/\*(.+?)\*/g, '<em>$1</em>').replace(/`(.+?)`/g, '<code>$1</code>');
export default {
  async fetch(request) {
    const blocks = (await request.text()).trim().split(/\n{2,}/);
    const out = blocks.map((block) =>
      block.startsWith('# ')
        ? `<h1>${inline(block.slice(2))}</h1>`
        : block.startsWith('- ')
          ? `<ul>${block
              .split('\n')
              .map((line) => `<li>${inline(line.slice(2))}</li>`)
              .join('')}</ul>`
          : `<p>${inline(block)}</p>`,
    );
    return new Response(out.join('\n'), { headers: { 'content-type': 'text/html' } });
  },
};
//// counter-stream: numbers on demand, until the client has enough
//// GET /?n=20
export default {
  fetch(request) {
    const n = Number(new URL(request.url).searchParams.get('n'));
    async function* numbers() {
      for (let i = 1; i <= n; i++) yield `${i}${i === n ? '' : ','}`;
    }
    return new Response(ReadableStream.from(numbers()).pipeThrough(new TextEncoderStream()));
  },
};
