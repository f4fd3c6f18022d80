//// chunks: an answer made chunk by chunk
//// GET /
//// HEAD /
export default {
  fetch() {
    const encoder = new TextEncoder();
    let left = 3;
    return new Response(new ReadableStream({
      pull(controller) {
        if (left === 0) return controller.close();
        controller.enqueue(encoder.encode(`chunk ${left--}\n`));
      },
    }));
  },
};
//// slow: chunks with time between them
//// GET /
export default {
  fetch() {
    const encoder = new TextEncoder();
    return new Response(new ReadableStream({
      async start(controller) {
        for (let i = 0; i < 5; i++) {
          await new Promise((resolve) => setTimeout(resolve, 5));
          controller.enqueue(encoder.encode(`${i} `));
        }
        controller.close();
      },
    }), { headers: { 'content-type': 'text/plain' } });
  },
};
//// writer: an identity TransformStream that is written to
//// GET /
export default {
  fetch(request, env, ctx) {
    const { readable, writable } = new TransformStream();
    const writer = writable.getWriter();
    const encoder = new TextEncoder();
    ctx.waitUntil((async () => {
      for (const word of ['one ', 'two ', 'three']) await writer.write(encoder.encode(word));
      await writer.close();
    })());
    return new Response(readable);
  },
};
//// text-chunks: a stream of strings as a body
//// GET /
export default {
  fetch() {
    return new Response(new ReadableStream({
      start(controller) {
        controller.enqueue('no bytes');
        controller.close();
      },
    }));
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
  fetch() { return new Response(new ReadableStream({ start(controller) { controller.close(); } })); },
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
//// readers: read, releaseLock, cancel
//// GET /
import { report } from './report.js';
const make = () => new ReadableStream({ start(c) { c.enqueue('a'); c.enqueue('b'); c.close(); } });
export default report({
  read: async () => { const r = make().getReader(); return [await r.read(), await r.read(), await r.read()]; },
  locked: () => { const s = make(); s.getReader(); return s.locked; },
  twice: () => { const s = make(); s.getReader(); return s.getReader(); },
  released: async () => { const s = make(); const r = s.getReader(); r.releaseLock(); return [s.locked, await s.getReader().read()]; },
  'read after release': async () => { const s = make(); const r = s.getReader(); r.releaseLock(); return r.read(); },
  cancel: async () => { let why; const s = new ReadableStream({ cancel(reason) { why = reason; } }); await s.cancel('enough'); return why; },
  'cancel locked': () => { const s = make(); s.getReader(); return s.cancel(); },
  closed: async () => { const r = make().getReader(); await r.read(); await r.read(); await r.read(); return r.closed.then(() => 'closed'); },
  iterate: async () => { const seen = []; for await (const chunk of make()) seen.push(chunk); return seen; },
  'iterate and stop': async () => { const s = make(); for await (const _ of s) break; return s.locked; },
  'values preventCancel': async () => { const s = make(); for await (const _ of s.values({ preventCancel: true })) break; return s.getReader().read(); },
  'start throws': () => new ReadableStream({ start() { throw new RangeError('no'); } }),
  'pull throws': () => new ReadableStream({ pull() { throw new RangeError('no'); } }).getReader().read(),
  error: () => new ReadableStream({ start(c) { c.error(new SyntaxError('bad')); } }).getReader().read(),
});
//// queues: desiredSize and high-water marks
//// GET /
import { report } from './report.js';
export default report({
  count: () => { let c; new ReadableStream({ start(own) { c = own; } }, { highWaterMark: 3 }); c.enqueue(1); return c.desiredSize; },
  default: () => { let c; new ReadableStream({ start(own) { c = own; } }); return c.desiredSize; },
  size: () => { let c; new ReadableStream({ start(own) { c = own; } }, { highWaterMark: 10, size: (x) => x.length }); c.enqueue('1234'); return c.desiredSize; },
  bytes: () => { let c; new ReadableStream({ start(own) { c = own; } }, new ByteLengthQueuingStrategy({ highWaterMark: 100 })); c.enqueue(new Uint8Array(30)); return c.desiredSize; },
  strategy: () => [new CountQueuingStrategy({ highWaterMark: 2 }).highWaterMark, new CountQueuingStrategy({ highWaterMark: 2 }).size()],
  'enqueue after close': () => { let c; new ReadableStream({ start(own) { c = own; } }); c.close(); c.enqueue(1); },
  'close twice': () => { let c; new ReadableStream({ start(own) { c = own; } }); c.close(); c.close(); },
  'closed size': () => { let c; new ReadableStream({ start(own) { c = own; } }); c.close(); return c.desiredSize; },
  'bad mark': () => new ReadableStream({}, { highWaterMark: -1 }),
});
//// pulls: pull is called as often as there is room
//// GET /
import { report } from './report.js';
const tick = () => new Promise((resolve) => setTimeout(resolve, 1));
export default report({
  'fills to the mark': async () => { let pulls = 0; new ReadableStream({ pull(c) { c.enqueue(++pulls); } }, { highWaterMark: 4 }); await tick(); return pulls; },
  'none at zero': async () => { let pulls = 0; new ReadableStream({ pull(c) { c.enqueue(++pulls); } }, { highWaterMark: 0 }); await tick(); return pulls; },
  'one a read': async () => { let pulls = 0; const r = new ReadableStream({ pull(c) { c.enqueue(++pulls); } }, { highWaterMark: 0 }).getReader(); await r.read(); await r.read(); await tick(); return pulls; },
  'waits for a promise': async () => { let pulls = 0; const r = new ReadableStream({ async pull(c) { pulls++; await tick(); c.enqueue('x'); } }).getReader(); return [await r.read(), pulls >= 1]; },
});
//// tee: both branches see everything
//// GET /
import { report } from './report.js';
const make = () => new ReadableStream({ start(c) { for (const x of ['a', 'b', 'c']) c.enqueue(x); c.close(); } });
const all = async (stream) => { const out = []; for await (const x of stream) out.push(x); return out.join(''); };
export default report({
  both: async () => { const [a, b] = make().tee(); return [await all(a), await all(b)]; },
  locked: () => { const s = make(); s.tee(); return s.locked; },
  'cancel one': async () => { const [a, b] = make().tee(); await a.cancel(); return all(b); },
  'cancel both': async () => { let why; const s = new ReadableStream({ cancel(r) { why = r; } }); const [a, b] = s.tee(); a.cancel(1); await b.cancel(2); return why; },
  error: async () => { const [a, b] = new ReadableStream({ start(c) { c.error(new RangeError('x')); } }).tee(); return Promise.allSettled([a.getReader().read(), b.getReader().read()]).then((all2) => all2.map((x) => x.status)); },
  locked2: () => { const s = make(); s.getReader(); return s.tee(); },
});
//// transform: TransformStream's own rules
//// GET /
import { report } from './report.js';
const through = async (transformer, input) => {
  const out = [];
  for await (const x of ReadableStream.from(input).pipeThrough(new TransformStream(transformer))) out.push(x);
  return out;
};
export default report({
  map: () => through({ transform(x, c) { c.enqueue(x * 2); } }, [1, 2, 3]),
  filter: () => through({ transform(x, c) { if (x % 2) c.enqueue(x); } }, [1, 2, 3]),
  expand: () => through({ transform(x, c) { c.enqueue(x); c.enqueue(-x); } }, [1, 2]),
  flush: () => through({ transform() {}, flush(c) { c.enqueue('end'); } }, [1, 2]),
  start: () => through({ start(c) { c.enqueue('begin'); } }, ['x']),
  async: () => through({ async transform(x, c) { await null; c.enqueue(x + 1); } }, [1, 2]),
  throws: () => through({ transform() { throw new RangeError('bad'); } }, [1]),
  terminate: () => through({ transform(x, c) { c.enqueue(x); c.terminate(); } }, [1, 2, 3]),
  identity: () => through(undefined, ['a', 'b']),
});
//// pipes: pipeTo and its options
//// GET /
import { report } from './report.js';
const sink = () => { const seen = []; return [seen, new WritableStream({ write(x) { seen.push(x); }, close() { seen.push('closed'); }, abort(r) { seen.push(`aborted ${r?.name ?? r}`); } })]; };
const source = (...list) => ReadableStream.from(list);
export default report({
  plain: async () => { const [seen, w] = sink(); await source(1, 2).pipeTo(w); return seen; },
  preventClose: async () => { const [seen, w] = sink(); await source(1).pipeTo(w, { preventClose: true }); return [seen, w.locked]; },
  'source fails': async () => { const [seen, w] = sink(); const s = new ReadableStream({ start(c) { c.error(new RangeError('x')); } }); try { await s.pipeTo(w); } catch (e) { return [e.name, seen]; } },
  preventAbort: async () => { const [seen, w] = sink(); const s = new ReadableStream({ start(c) { c.error(new RangeError('x')); } }); try { await s.pipeTo(w, { preventAbort: true }); } catch (e) { return [e.name, seen]; } },
  'sink fails': async () => { let why; const s = new ReadableStream({ pull(c) { c.enqueue(1); }, cancel(r) { why = r.name; } }); try { await s.pipeTo(new WritableStream({ write() { throw new SyntaxError('full'); } })); } catch (e) { return [e.name, why]; } },
  signal: async () => { const [seen, w] = sink(); const c = new AbortController(); c.abort(); try { await source(1).pipeTo(w, { signal: c.signal }); } catch (e) { return [e.name, seen]; } },
  locked: () => { const s = source(1); s.getReader(); return s.pipeTo(new WritableStream()); },
  'no stream': () => source(1).pipeTo({}), 'pipeThrough no pair': () => source(1).pipeThrough({}),
});
//// writing: WritableStream, its writer, backpressure
//// GET /
import { report } from './report.js';
export default report({
  order: async () => { const seen = []; const w = new WritableStream({ start() { seen.push('start'); }, write(x) { seen.push(x); }, close() { seen.push('close'); } }).getWriter(); w.write(1); w.write(2); await w.close(); return seen; },
  desiredSize: async () => { const w = new WritableStream({ write() { return new Promise(() => {}); } }, { highWaterMark: 2 }).getWriter(); const sizes = [w.desiredSize]; w.write(1); sizes.push(w.desiredSize); w.write(2); sizes.push(w.desiredSize); return sizes; },
  ready: async () => { let done; const w = new WritableStream({ write() { return new Promise((r) => { done = r; }); } }).getWriter(); await w.ready; w.write(1); const early = await Promise.race([w.ready.then(() => 'ready'), new Promise((r) => setTimeout(r, 2, 'waits'))]); done(); await w.ready; return [early, w.desiredSize]; },
  abort: async () => { let why; const w = new WritableStream({ abort(r) { why = r; } }).getWriter(); await w.abort('stop'); return [why, await w.closed.catch((e) => `closed by ${e}`)]; },
  'write fails': async () => { const w = new WritableStream({ write() { throw new RangeError('x'); } }).getWriter(); return w.write(1); },
  'write after close': async () => { const w = new WritableStream().getWriter(); await w.close(); return w.write(1); },
  locked: () => { const s = new WritableStream(); s.getWriter(); return s.getWriter(); },
  'close twice': async () => { const w = new WritableStream().getWriter(); await w.close(); return w.close(); },
  'controller error': async () => { let c; const w = new WritableStream({ start(own) { c = own; } }).getWriter(); c.error(new SyntaxError('e')); return w.closed; },
  signal: async () => { let signal; const s = new WritableStream({ start(c) { signal = c.signal; } }); await s.abort('r'); return [signal.aborted, signal.reason]; },
});
//// byob: byte streams and readers that bring their buffer
//// GET /
import { report } from './report.js';
const make = () => new ReadableStream({ type: 'bytes', start(c) { c.enqueue(new Uint8Array([1, 2, 3, 4, 5])); c.close(); } });
export default report({
  read: async () => { const r = make().getReader({ mode: 'byob' }); const { value, done } = await r.read(new Uint8Array(3)); return [[...value], done, value.buffer.byteLength]; },
  rest: async () => { const r = make().getReader({ mode: 'byob' }); await r.read(new Uint8Array(3)); const { value } = await r.read(new Uint8Array(8)); return [...value]; },
  end: async () => { const r = make().getReader({ mode: 'byob' }); await r.read(new Uint8Array(8)); const { value, done } = await r.read(new Uint8Array(8)); return [value?.length, done]; },
  detached: async () => { const r = make().getReader({ mode: 'byob' }); const own = new Uint8Array(3); await r.read(own); return own.byteLength; },
  'other view': async () => { const r = make().getReader({ mode: 'byob' }); const { value } = await r.read(new Uint16Array(2)); return [value.constructor.name, value.length]; },
  min: async () => { let n = 0; const r = new ReadableStream({ type: 'bytes', pull(c) { c.enqueue(new Uint8Array([++n])); } }).getReader({ mode: 'byob' }); return [...(await r.read(new Uint8Array(4), { min: 3 })).value]; },
  respond: async () => { const r = new ReadableStream({ type: 'bytes', pull(c) { const view = c.byobRequest.view; view[0] = 9; c.byobRequest.respond(1); } }).getReader({ mode: 'byob' }); return [...(await r.read(new Uint8Array(4))).value]; },
  auto: async () => { const r = new ReadableStream({ type: 'bytes', autoAllocateChunkSize: 16, pull(c) { c.byobRequest.view[0] = 7; c.byobRequest.respond(1); } }).getReader(); return [...(await r.read()).value]; },
  'not a byte stream': () => new ReadableStream().getReader({ mode: 'byob' }),
  'empty view': () => make().getReader({ mode: 'byob' }).read(new Uint8Array(0)),
  'enqueue text': () => new ReadableStream({ type: 'bytes', start(c) { c.enqueue('x'); } }),
  'bad type': () => new ReadableStream({ type: 'text' }), 'bad mode': () => new ReadableStream().getReader({ mode: 'other' }),
});
//// from: ReadableStream.from
//// GET /
import { report } from './report.js';
const all = async (stream) => { const out = []; for await (const x of stream) out.push(x); return out; };
export default report({
  array: () => all(ReadableStream.from([1, 2])), set: () => all(ReadableStream.from(new Set(['a']))),
  generator: () => all(ReadableStream.from((function* g() { yield 1; yield 2; })())),
  async: () => all(ReadableStream.from((async function* g() { yield 'x'; })())),
  promises: () => all(ReadableStream.from([Promise.resolve(1), 2])), text: () => all(ReadableStream.from('ab')),
  stream: () => all(ReadableStream.from(ReadableStream.from([3]))), object: () => ReadableStream.from({}), null: () => ReadableStream.from(null),
  returned: async () => { let ended = false; const s = ReadableStream.from((function* g() { try { yield 1; yield 2; } finally { ended = true; } })()); const r = s.getReader(); await r.read(); await r.cancel(); return ended; },
});
//// fails-late: a stream that breaks after its first chunk
//// GET /
export default {
  fetch() {
    let first = true;
    return new Response(new ReadableStream({
      async pull(controller) {
        if (!first) throw new Error('broken');
        first = false;
        controller.enqueue(new TextEncoder().encode('a beginning'));
        await new Promise((resolve) => setTimeout(resolve, 20));
      },
    }));
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
    flush(controller) { if (rest) controller.enqueue(rest); },
  });
};
export default {
  fetch(request) {
    const objects = new TransformStream({
      transform(line, controller) { controller.enqueue(`${JSON.stringify(line.split(','))}\n`); } });
    return new Response(request.body.pipeThrough(new TextDecoderStream()).pipeThrough(lines())
      .pipeThrough(objects).pipeThrough(new TextEncoderStream()),
    { headers: { 'content-type': 'application/x-ndjson' } });
  },
};
//// large: eight megabytes in chunks
//// GET /
export default {
  fetch() {
    let left = 128;
    return new Response(new ReadableStream({
      pull(controller) {
        if (left-- === 0) return controller.close();
        controller.enqueue(new Uint8Array(65536).fill(left));
      },
    }));
  },
};
//// identity: streams of bytes that pass through, of a known length or any
//// GET /
import { report } from './report.js';
const through = async (stream, ...chunks) => {
  const writer = stream.writable.getWriter();
  const read = new Response(stream.readable).text();
  const wrote = (async () => { for (const chunk of chunks) await writer.write(chunk); await writer.close(); })();
  wrote.catch(() => {});
  return read;
};
const bytes = (text) => new TextEncoder().encode(text);
export default report({
  any: () => through(new IdentityTransformStream(), bytes('a'), bytes('bc')), fixed: () => through(new FixedLengthStream(3), bytes('a'), bytes('bc')), buffer: () => through(new IdentityTransformStream(), bytes('x').buffer), 'too many': () => through(new FixedLengthStream(2), bytes('abc')), 'too few': () => through(new FixedLengthStream(4), bytes('abc')), bigint: () => through(new FixedLengthStream(1n), bytes('x')),
  negative: () => new FixedLengthStream(-1), none: () => new FixedLengthStream(), kind: () => new FixedLengthStream(1) instanceof IdentityTransformStream, text: async () => { const s = new IdentityTransformStream(); s.readable.getReader().read().catch(() => {}); return s.writable.getWriter().write(5); },
});
