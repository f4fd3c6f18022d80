//// chunks: an answer made chunk by chunk
//// GET /
//// HEAD /
export default {
  fetch() {
    const encoder = new TextEncoder();
    let left = 3;
    return new Response(
      new ReadableStream({
        pull(controller) {
          if (left === 0) return controller.close();
          controller.enqueue(encoder.encode(`chunk ${left--}\n`));
        },
      }),
    );
  },
};
//// slow: chunks with time between them
//// GET /
export default {
  fetch() {
    const encoder = new TextEncoder();
    return new Response(
      new ReadableStream({
        async start(controller) {
          for (let i = 0; i < 5; i++) {
            await new Promise((resolve) => setTimeout(resolve, 5));
            controller.enqueue(encoder.encode(`${i} `));
          }
          controller.close();
        },
      }),
      { headers: { 'content-type': 'text/plain' } },
    );
  },
};
//// writer: an identity TransformStream that is written to
//// GET /
export default {
  fetch(request, env, ctx) {
    const { readable, writable } = new TransformStream();
    const writer = writable.getWriter();
    const encoder = new TextEncoder();
    ctx.waitUntil(
      (async () => {
        for (const word of ['one ', 'two ', 'three']) await writer.write(encoder.encode(word));
        await writer.close();
      })(),
    );
    return new Response(readable);
  },
};
//// text-chunks: a stream of strings as a body
//// GET /
export default {
  fetch() {
    return new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue('no bytes');
          controller.close();
        },
      }),
    );
  },
};
//// encoded: text through a TextEncoderStream
//// GET /
export default {
  fetch() {
    const words = ReadableStream.from(['grü', 'ße ', '\ud83d', '\ude00']);
    return new Response(words.pipeThrough(new TextEncoderStream()));
  },
};
//// empty: a stream that closes at once
//// GET /
export default {
  fetch() {
    return new Response(
      new ReadableStream({
        start(controller) {
          controller.close();
        },
      }),
    );
  },
};
//// declared: a stream of a length that is known
//// GET /
export default {
  fetch() {
    const { readable, writable } = new FixedLengthStream(10);
    const writer = writable.getWriter();
    writer.write(new TextEncoder().encode('0123456789'));
    writer.close();
    return new Response(readable);
  },
};
//// fails-late: a stream that breaks after its first chunk
//// GET /
export default {
  fetch() {
    let first = true;
    return new Response(
      new ReadableStream({
        async pull(controller) {
          if (!first) throw new Error('broken');
          first = false;
          controller.enqueue(new TextEncoder().encode('a beginning'));
          await new Promise((resolve) => setTimeout(resolve, 20));
        },
      }),
    );
  },
};
//// length-kept: a content-length on a stream
//// GET /
export default {
  fetch() {
    const body = new Blob(['exactly 16 bytes']).stream();
    return new Response(body, { headers: { 'content-length': '16' } });
  },
};
//// chain: four transformations
//// POST / {"body": "a,b\nc,d\ne,f"}
const lines = () => {
  let rest = '';
  return new TransformStream({
    transform(chunk, controller) {
      const parts = (rest + chunk).split('\n');
      rest = parts.pop();
      for (const part of parts) controller.enqueue(part);
    },
    flush(controller) {
      if (rest) controller.enqueue(rest);
    },
  });
};
export default {
  fetch(request) {
    const objects = new TransformStream({
      transform(line, controller) {
        controller.enqueue(`${JSON.stringify(line.split(','))}\n`);
      },
    });
    return new Response(
      request.body
        .pipeThrough(new TextDecoderStream())
        .pipeThrough(lines())
        .pipeThrough(objects)
        .pipeThrough(new TextEncoderStream()),
      { headers: { 'content-type': 'application/x-ndjson' } },
    );
  },
};
//// large: eight megabytes in chunks
//// GET /
export default {
  fetch() {
    let left = 128;
    return new Response(
      new ReadableStream({
        pull(controller) {
          if (left-- === 0) return controller.close();
          controller.enqueue(new Uint8Array(65536).fill(left));
        },
      }),
    );
  },
};
//// identity: streams of bytes that pass through, of a known length or any
//// GET /
import { report } from './report.js';
const through = async (stream, ...chunks) => {
  const writer = stream.writable.getWriter();
  const read = new Response(stream.readable).text();
  const wrote = (async () => {
    for (const chunk of chunks) await writer.write(chunk);
    await writer.close();
  })();
  wrote.catch(() => {});
  return read;
};
const bytes = (text) => new TextEncoder().encode(text);
export default report({
  any: () => through(new IdentityTransformStream(), bytes('a'), bytes('bc')),
  fixed: () => through(new FixedLengthStream(3), bytes('a'), bytes('bc')),
  buffer: () => through(new IdentityTransformStream(), bytes('x').buffer),
  'too many': () => through(new FixedLengthStream(2), bytes('abc')),
  'too few': () => through(new FixedLengthStream(4), bytes('abc')),
  bigint: () => through(new FixedLengthStream(1n), bytes('x')),
  negative: () => new FixedLengthStream(-1),
  none: () => new FixedLengthStream(),
  kind: () => new FixedLengthStream(1) instanceof IdentityTransformStream,
  text: async () => {
    const s = new IdentityTransformStream();
    s.readable
      .getReader()
      .read()
      .catch(() => {});
    return s.writable.getWriter().write(5);
  },
});
