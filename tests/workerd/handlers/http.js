//// methods: what the method is, and who gets a body
//// GET /
//// POST / {"body": "b"}
//// PUT / {"body": "b"}
//// PATCH / {"body": "b"}
//// DELETE /
//// DELETE / {"body": "b"}
//// OPTIONS /
//// HEAD /
export default {
  async fetch(request) {
    return new Response(`${request.method} ${await request.text()}`, {
      headers: { 'x-method': request.method },
    });
  },
};
//// head: answered without a body whatever the handler gives
//// HEAD /text
//// HEAD /stream
//// HEAD /empty
//// HEAD /404
//// GET /404
export default {
  fetch(request) {
    switch (new URL(request.url).pathname) {
      case '/text':
        return new Response('0123456789');
      case '/stream':
        return new Response(new Blob(['streamed']).stream());
      case '/empty':
        return new Response('');
      default:
        return new Response('not here', { status: 404 });
    }
  },
};
//// options: an answer to CORS
//// OPTIONS / {"headers": {"origin": "https://a", "access-control-request-method": "PUT", "access-control-request-headers": "x-a"}}
//// GET / {"headers": {"origin": "https://a"}}
const cors = { 'access-control-allow-origin': 'https://a', vary: 'origin' };
export default {
  fetch(request) {
    if (request.method === 'OPTIONS') {
      return new Response(null, {
        status: 204,
        headers: {
          ...cors,
          'access-control-allow-methods': 'GET, PUT',
          'access-control-allow-headers': request.headers.get('access-control-request-headers'),
          'access-control-max-age': '600',
        },
      });
    }
    return Response.json({ ok: true }, { headers: cors });
  },
};
//// switching: 101 without a WebSocket
//// GET /
export default { fetch: () => new Response(null, { status: 101 }) };
//// upload: a body of a megabyte less a bit
//// POST / {"body": "0123456789abcdef", "repeat": 60000}
//// POST / {"body": "0123456789abcdef", "repeat": 60000, "chunks": 20}
export default {
  async fetch(request) {
    const bytes = await request.bytes();
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
    return Response.json([bytes.length, hash[0], hash[31], request.headers.get('content-length')]);
  },
};
//// streamed-upload: four megabytes, counted as they come
//// POST / {"body": "0123456789abcdef", "repeat": 262144}
//// POST / {"body": "0123456789abcdef", "repeat": 262144, "chunks": 64}
export default {
  async fetch(request) {
    let bytes = 0;
    for await (const chunk of request.body) bytes += chunk.length;
    return new Response(String(bytes));
  },
};
//// early: an answer before the body was read
//// POST / {"body": "0123456789", "repeat": 5000}
export default { fetch: () => new Response('too early to read', { status: 413 }) };
//// query: long and strange targets
//// GET /?a=1&a=2&b[]=3&c.d=4
//// GET /?q=%F0%9F%98%80+%26
//// GET /path;v=1/a,b/(c)/'d'/*
//// GET /%E4%BD%A0/%zz
//// GET /a%20b/?x=%00
//// GET /very/long/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789
export default {
  fetch(request) {
    const url = new URL(request.url);
    return Response.json([url.pathname, url.search, [...url.searchParams]]);
  },
};
//// accept: choosing by a header
//// GET / {"headers": {"accept": "application/json"}}
//// GET / {"headers": {"accept": "text/html, */*;q=0.1"}}
//// GET /
export default {
  fetch(request) {
    const accept = request.headers.get('accept') ?? '';
    const headers = { vary: 'accept' };
    if (accept.includes('json')) return Response.json({ hello: 'json' }, { headers });
    if (accept.includes('html'))
      return new Response('<p>hello', { headers: { ...headers, 'content-type': 'text/html' } });
    return new Response('hello', { headers });
  },
};
//// ranges: part of a body
//// GET / {"headers": {"range": "bytes=2-4"}}
//// GET / {"headers": {"range": "bytes=50-"}}
//// GET /
const data = new TextEncoder().encode('0123456789');
export default {
  fetch(request) {
    const match = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get('range') ?? '');
    if (!match) return new Response(data, { headers: { 'accept-ranges': 'bytes' } });
    const from = Number(match[1]);
    const to = match[2] === '' ? data.length - 1 : Number(match[2]);
    if (from >= data.length)
      return new Response(null, {
        status: 416,
        headers: { 'content-range': `bytes */${data.length}` },
      });
    return new Response(data.slice(from, to + 1), {
      status: 206,
      headers: { 'content-range': `bytes ${from}-${to}/${data.length}` },
    });
  },
};
//// basic: a password
//// GET /
//// GET / {"headers": {"authorization": "Basic YWRhOmxvdmVsYWNl"}}
//// GET / {"headers": {"authorization": "Basic eDp5"}}
export default {
  fetch(request) {
    const given = request.headers.get('authorization');
    if (given === null)
      return new Response('who?', {
        status: 401,
        headers: { 'www-authenticate': 'Basic realm="corpus"' },
      });
    return given === `Basic ${btoa('ada:lovelace')}`
      ? new Response('welcome')
      : new Response('no', { status: 403 });
  },
};
//// cache: validators and lifetimes
//// GET /
//// GET / {"headers": {"if-modified-since": "Thu, 01 Jan 2026 00:00:00 GMT"}}
const changed = new Date('2026-01-01T00:00:00Z');
export default {
  fetch(request) {
    const headers = {
      'last-modified': changed.toUTCString(),
      'cache-control': 'public, max-age=3600, stale-while-revalidate=60',
      age: '1',
    };
    const since = request.headers.get('if-modified-since');
    if (since !== null && new Date(since) >= changed)
      return new Response(null, { status: 304, headers });
    return new Response('fresh', {
      headers: { ...headers, expires: 'Thu, 01 Jan 2026 01:00:00 GMT' },
    });
  },
};
//// cookies: read and set
//// GET / {"headers": {"cookie": "session=abc; theme=dark; odd=a=b"}}
//// GET /
const parse = (text) =>
  Object.fromEntries(
    (text ?? '')
      .split('; ')
      .filter(Boolean)
      .map((pair) => {
        const at = pair.indexOf('=');
        return [pair.slice(0, at), pair.slice(at + 1)];
      }),
  );
export default {
  fetch(request) {
    const cookies = parse(request.headers.get('cookie'));
    const headers = new Headers();
    headers.append(
      'set-cookie',
      `visits=${Number(cookies.visits ?? 0) + 1}; Path=/; HttpOnly; SameSite=Lax`,
    );
    headers.append('set-cookie', 'old=; Max-Age=0');
    headers.append('set-cookie', 'when=x; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Secure');
    return Response.json(cookies, { headers });
  },
};
//// teapot: numbers that have no name
//// GET /218
//// GET /418
//// GET /420
//// GET /530
export default {
  fetch: (request) =>
    new Response('odd', {
      status: Number(new URL(request.url).pathname.slice(1)),
      statusText: 'Odd',
    }),
};
//// hosts: what the Host header does to the URL
//// GET /
export default {
  fetch: (request) =>
    Response.json([
      request.headers.get('host'),
      new URL(request.url).host,
      new URL(request.url).protocol,
    ]),
};
//// proxied: headers of proxies are just headers
//// GET / {"headers": {"x-forwarded-for": "1.2.3.4", "x-forwarded-proto": "https", "forwarded": "for=1.2.3.4", "cf-connecting-ip": "1.2.3.4", "x-real-ip": "1.2.3.4"}}
export default {
  fetch: (request) =>
    Response.json(
      ['x-forwarded-for', 'x-forwarded-proto', 'forwarded', 'cf-connecting-ip', 'x-real-ip'].map(
        (name) => request.headers.get(name),
      ),
    ),
};
//// hops: headers that are for one connection
//// GET / {"headers": {"connection": "keep-alive, x-secret", "x-secret": "1", "te": "trailers", "keep-alive": "timeout=1", "x-other": "2"}}
export default {
  fetch: (request) =>
    Response.json(
      ['connection', 'x-secret', 'te', 'keep-alive', 'x-other'].map((name) =>
        request.headers.get(name),
      ),
    ),
};
//// expects: 100-continue
//// POST / {"headers": {"content-type": "text/plain"}, "body": "after"}
export default {
  fetch: async (request) =>
    new Response(await request.text(), { headers: { 'content-language': 'de' } }),
};
