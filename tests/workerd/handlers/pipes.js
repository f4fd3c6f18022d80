//// transform: TransformStream's own rules
//// GET /
import { report } from './report.js';
const through = async (transformer, input) => {
  const out = [];
  for await (const x of ReadableStream.from(input).pipeThrough(new TransformStream(transformer)))
    out.push(x);
  return out;
};
export default report({
  map: () =>
    through(
      {
        transform(x, c) {
          c.enqueue(x * 2);
        },
      },
      [1, 2, 3],
    ),
  filter: () =>
    through(
      {
        transform(x, c) {
          if (x % 2) c.enqueue(x);
        },
      },
      [1, 2, 3],
    ),
  expand: () =>
    through(
      {
        transform(x, c) {
          c.enqueue(x);
          c.enqueue(-x);
        },
      },
      [1, 2],
    ),
  flush: () =>
    through(
      {
        transform() {},
        flush(c) {
          c.enqueue('end');
        },
      },
      [1, 2],
    ),
  start: () =>
    through(
      {
        start(c) {
          c.enqueue('begin');
        },
      },
      ['x'],
    ),
  async: () =>
    through(
      {
        async transform(x, c) {
          await null;
          c.enqueue(x + 1);
        },
      },
      [1, 2],
    ),
  throws: () =>
    through(
      {
        transform() {
          throw new RangeError('bad');
        },
      },
      [1],
    ),
  terminate: () =>
    through(
      {
        transform(x, c) {
          c.enqueue(x);
          c.terminate();
        },
      },
      [1, 2, 3],
    ),
  identity: () => through(undefined, ['a', 'b']),
});
//// pipes: pipeTo and its options
//// GET /
import { report } from './report.js';
const sink = () => {
  const seen = [];
  return [
    seen,
    new WritableStream({
      write(x) {
        seen.push(x);
      },
      close() {
        seen.push('closed');
      },
      abort(r) {
        seen.push(`aborted ${r?.name ?? r}`);
      },
    }),
  ];
};
const source = (...list) => ReadableStream.from(list);
export default report({
  plain: async () => {
    const [seen, w] = sink();
    await source(1, 2).pipeTo(w);
    return seen;
  },
  preventClose: async () => {
    const [seen, w] = sink();
    await source(1).pipeTo(w, { preventClose: true });
    return [seen, w.locked];
  },
  'source fails': async () => {
    const [seen, w] = sink();
    const s = new ReadableStream({
      start(c) {
        c.error(new RangeError('x'));
      },
    });
    try {
      await s.pipeTo(w);
    } catch (e) {
      return [e.name, seen];
    }
  },
  preventAbort: async () => {
    const [seen, w] = sink();
    const s = new ReadableStream({
      start(c) {
        c.error(new RangeError('x'));
      },
    });
    try {
      await s.pipeTo(w, { preventAbort: true });
    } catch (e) {
      return [e.name, seen];
    }
  },
  'sink fails': async () => {
    let why;
    const s = new ReadableStream({
      pull(c) {
        c.enqueue(1);
      },
      cancel(r) {
        why = r.name;
      },
    });
    try {
      await s.pipeTo(
        new WritableStream({
          write() {
            throw new SyntaxError('full');
          },
        }),
      );
    } catch (e) {
      return [e.name, why];
    }
  },
  signal: async () => {
    const [seen, w] = sink();
    const c = new AbortController();
    c.abort();
    try {
      await source(1).pipeTo(w, { signal: c.signal });
    } catch (e) {
      return [e.name, seen];
    }
  },
  locked: () => {
    const s = source(1);
    s.getReader();
    return s.pipeTo(new WritableStream());
  },
  'no stream': () => source(1).pipeTo({}),
  'pipeThrough no pair': () => source(1).pipeThrough({}),
});
//// writing: WritableStream, its writer, backpressure
//// GET /
import { report } from './report.js';
export default report({
  order: async () => {
    const seen = [];
    const w = new WritableStream({
      start() {
        seen.push('start');
      },
      write(x) {
        seen.push(x);
      },
      close() {
        seen.push('close');
      },
    }).getWriter();
    w.write(1);
    w.write(2);
    await w.close();
    return seen;
  },
  desiredSize: async () => {
    const w = new WritableStream(
      {
        write() {
          return new Promise(() => {});
        },
      },
      { highWaterMark: 2 },
    ).getWriter();
    const sizes = [w.desiredSize];
    w.write(1);
    sizes.push(w.desiredSize);
    w.write(2);
    sizes.push(w.desiredSize);
    return sizes;
  },
  ready: async () => {
    let done;
    const w = new WritableStream({
      write() {
        return new Promise((r) => {
          done = r;
        });
      },
    }).getWriter();
    await w.ready;
    w.write(1);
    const early = await Promise.race([
      w.ready.then(() => 'ready'),
      new Promise((r) => setTimeout(r, 2, 'waits')),
    ]);
    done();
    await w.ready;
    return [early, w.desiredSize];
  },
  abort: async () => {
    let why;
    const w = new WritableStream({
      abort(r) {
        why = r;
      },
    }).getWriter();
    await w.abort('stop');
    return [why, await w.closed.catch((e) => `closed by ${e}`)];
  },
  'write fails': async () => {
    const w = new WritableStream({
      write() {
        throw new RangeError('x');
      },
    }).getWriter();
    return w.write(1);
  },
  'write after close': async () => {
    const w = new WritableStream().getWriter();
    await w.close();
    return w.write(1);
  },
  locked: () => {
    const s = new WritableStream();
    s.getWriter();
    return s.getWriter();
  },
  'close twice': async () => {
    const w = new WritableStream().getWriter();
    await w.close();
    return w.close();
  },
  'controller error': async () => {
    let c;
    const w = new WritableStream({
      start(own) {
        c = own;
      },
    }).getWriter();
    c.error(new SyntaxError('e'));
    return w.closed;
  },
  signal: async () => {
    let signal;
    const s = new WritableStream({
      start(c) {
        signal = c.signal;
      },
    });
    await s.abort('r');
    return [signal.aborted, signal.reason];
  },
});
