//// text: decoding, with and without a mark
//// POST / {"body": "plain"}
//// POST / {"base64": "77u/Ym9t"}
//// POST / {"base64": "/2FiwyjD"}
//// POST / {"base64": ""}
//// GET /
export default {
  async fetch(request) {
    const text = await request.text();
    return Response.json([text.length, [...text].map((c) => c.codePointAt(0))]);
  },
};
//// json: good and bad
//// POST / {"body": {"a": [1, 2.5, "x", null]}}
//// POST / {"body": "\"text\""}
//// POST / {"body": "{bad"}
//// POST / {"body": ""}
//// POST / {"base64": "77u/eyJhIjoxfQ=="}
//// GET /
export default {
  async fetch(request) {
    try {
      return Response.json({ got: await request.json() });
    } catch (error) {
      return Response.json({ error: error.name, message: error.message !== '' }, { status: 400 });
    }
  },
};
//// binary: arrayBuffer, bytes, blob
//// POST /buffer {"base64": "AAEC/w=="}
//// POST /bytes {"base64": "AAEC/w=="}
//// POST /blob {"base64": "AAEC/w==", "headers": {"content-type": "Image/PNG"}}
//// POST /empty {"body": ""}
import { report } from './report.js';
export default {
  async fetch(request) {
    switch (new URL(request.url).pathname) {
      case '/buffer': {
        const buffer = await request.arrayBuffer();
        return Response.json([buffer instanceof ArrayBuffer, [...new Uint8Array(buffer)]]);
      }
      case '/bytes': {
        const bytes = await request.bytes();
        return Response.json([bytes instanceof Uint8Array, [...bytes]]);
      }
      case '/blob': {
        const blob = await request.blob();
        return Response.json([
          blob instanceof Blob,
          blob.type,
          blob.size,
          [...(await blob.bytes())],
        ]);
      }
      default:
        return Response.json([(await request.arrayBuffer()).byteLength, String(request.body)]);
    }
  },
};
//// once: a body is read once
//// POST / {"body": "x"}
import { report } from './report.js';
export default report({
  before: ({ request }) => request.bodyUsed,
  first: ({ request }) => request.text(),
  after: ({ request }) => request.bodyUsed,
  text: ({ request }) => request.text(),
  json: ({ request }) => request.json(),
  bytes: ({ request }) => request.bytes(),
  buffer: ({ request }) => request.arrayBuffer(),
  blob: ({ request }) => request.blob(),
  form: ({ request }) => request.formData(),
  body: ({ request }) => String(request.body),
  locked: ({ request }) => request.body?.locked,
});
//// none: a request without one
//// GET /
import { report } from './report.js';
export default report({
  body: ({ request }) => request.body,
  used: ({ request }) => request.bodyUsed,
  text: async ({ request }) => JSON.stringify(await request.text()),
  again: async ({ request }) => JSON.stringify(await request.text()),
  buffer: async ({ request }) => (await request.arrayBuffer()).byteLength,
  blob: async ({ request }) => {
    const blob = await request.blob();
    return [blob.size, blob.type];
  },
  json: ({ request }) => request.json(),
  'still not used': ({ request }) => request.bodyUsed,
});
//// of-responses: mixins on a Response
//// GET /
import { report } from './report.js';
export default report({
  text: () => new Response('grüße').text(),
  json: () => new Response('{"a":1}').json(),
  'bad json': () => new Response('{').json(),
  bytes: () => new Response('ab').bytes(),
  buffer: () => new Response('ab').arrayBuffer(),
  blob: async () => {
    const b = await new Response('x', { headers: { 'content-type': 'A/B; c=D' } }).blob();
    return [b.type, b.size];
  },
  form: async () => [...(await new Response(new URLSearchParams('a=1&a=2')).formData())],
  'no form': () => new Response('x').formData(),
  'null text': async () => JSON.stringify(await new Response(null).text()),
  'stream text': () =>
    new Response(
      new ReadableStream({
        start(c) {
          c.enqueue(new TextEncoder().encode('bit'));
          c.close();
        },
      }),
    ).text(),
  'stream of text chunks': () =>
    new Response(
      new ReadableStream({
        start(c) {
          c.enqueue('text');
          c.close();
        },
      }),
    ).text(),
  'stream that fails': () =>
    new Response(
      new ReadableStream({
        start(c) {
          c.error(new RangeError('x'));
        },
      }),
    ).text(),
});
//// stream: of a request, read chunk by chunk
//// POST / {"body": "0123456789", "repeat": 1000}
//// POST / {"body": "0123456789", "repeat": 1000, "chunks": 10}
//// POST / {"body": "", "chunks": 1}
export default {
  async fetch(request) {
    let bytes = 0;
    let sum = 0;
    for await (const chunk of request.body ?? []) {
      bytes += chunk.length;
      for (const byte of chunk) sum = (sum + byte) % 65536;
    }
    return Response.json({ bytes, sum, used: bytes === 0 || request.bodyUsed });
  },
};
//// echo: the request's body is the answer's
//// POST / {"body": "echo", "headers": {"content-type": "text/x-echo"}}
//// POST / {"body": "0123456789abcdef", "repeat": 10000}
//// POST / {"body": "0123456789abcdef", "repeat": 10000, "chunks": 7}
//// PUT / {"base64": "AP8A/w=="}
export default {
  fetch(request) {
    return new Response(request.body, {
      headers: { 'x-type': request.headers.get('content-type') ?? 'none' },
    });
  },
};
//// upper: a request's body through a TransformStream
//// POST / {"body": "make me larger ", "repeat": 3}
export default {
  fetch(request) {
    const upper = new TransformStream({
      transform(chunk, controller) {
        controller.enqueue(chunk.toUpperCase());
      },
    });
    return new Response(
      request.body
        .pipeThrough(new TextDecoderStream())
        .pipeThrough(upper)
        .pipeThrough(new TextEncoderStream()),
    );
  },
};
//// unread: bodies that nobody looks at
//// POST / {"body": "0123456789", "repeat": 100}
//// POST / {"body": "0123456789", "repeat": 100, "chunks": 3}
export default { fetch: () => new Response('did not look') };
//// large: a megabyte out
//// GET /text
//// GET /bytes
export default {
  fetch(request) {
    if (request.url.endsWith('/text')) return new Response('0123456789'.repeat(100000));
    return new Response(new Uint8Array(1000000).fill(7));
  },
};
