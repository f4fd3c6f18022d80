//// readers: read, releaseLock, cancel
//// GET /
import { report } from './report.js';
const make = () =>
  new ReadableStream({
    start(c) {
      c.enqueue('a');
      c.enqueue('b');
      c.close();
    },
  });
export default report({
  read: async () => {
    const r = make().getReader();
    return [await r.read(), await r.read(), await r.read()];
  },
  locked: () => {
    const s = make();
    s.getReader();
    return s.locked;
  },
  twice: () => {
    const s = make();
    s.getReader();
    return s.getReader();
  },
  released: async () => {
    const s = make();
    const r = s.getReader();
    r.releaseLock();
    return [s.locked, await s.getReader().read()];
  },
  'read after release': async () => {
    const s = make();
    const r = s.getReader();
    r.releaseLock();
    return r.read();
  },
  cancel: async () => {
    let why;
    const s = new ReadableStream({
      cancel(reason) {
        why = reason;
      },
    });
    await s.cancel('enough');
    return why;
  },
  'cancel locked': () => {
    const s = make();
    s.getReader();
    return s.cancel();
  },
  closed: async () => {
    const r = make().getReader();
    await r.read();
    await r.read();
    await r.read();
    return r.closed.then(() => 'closed');
  },
  iterate: async () => {
    const seen = [];
    for await (const chunk of make()) seen.push(chunk);
    return seen;
  },
  'iterate and stop': async () => {
    const s = make();
    for await (const _ of s) break;
    return s.locked;
  },
  'values preventCancel': async () => {
    const s = make();
    for await (const _ of s.values({ preventCancel: true })) break;
    return s.getReader().read();
  },
  'start throws': () =>
    new ReadableStream({
      start() {
        throw new RangeError('no');
      },
    }),
  'pull throws': () =>
    new ReadableStream({
      pull() {
        throw new RangeError('no');
      },
    })
      .getReader()
      .read(),
  error: () =>
    new ReadableStream({
      start(c) {
        c.error(new SyntaxError('bad'));
      },
    })
      .getReader()
      .read(),
});
//// queues: desiredSize and high-water marks
//// GET /
import { report } from './report.js';
export default report({
  count: () => {
    let c;
    new ReadableStream(
      {
        start(own) {
          c = own;
        },
      },
      { highWaterMark: 3 },
    );
    c.enqueue(1);
    return c.desiredSize;
  },
  default: () => {
    let c;
    new ReadableStream({
      start(own) {
        c = own;
      },
    });
    return c.desiredSize;
  },
  size: () => {
    let c;
    new ReadableStream(
      {
        start(own) {
          c = own;
        },
      },
      { highWaterMark: 10, size: (x) => x.length },
    );
    c.enqueue('1234');
    return c.desiredSize;
  },
  bytes: () => {
    let c;
    new ReadableStream(
      {
        start(own) {
          c = own;
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: 100 }),
    );
    c.enqueue(new Uint8Array(30));
    return c.desiredSize;
  },
  strategy: () => [
    new CountQueuingStrategy({ highWaterMark: 2 }).highWaterMark,
    new CountQueuingStrategy({ highWaterMark: 2 }).size(),
  ],
  'enqueue after close': () => {
    let c;
    new ReadableStream({
      start(own) {
        c = own;
      },
    });
    c.close();
    c.enqueue(1);
  },
  'close twice': () => {
    let c;
    new ReadableStream({
      start(own) {
        c = own;
      },
    });
    c.close();
    c.close();
  },
  'closed size': () => {
    let c;
    new ReadableStream({
      start(own) {
        c = own;
      },
    });
    c.close();
    return c.desiredSize;
  },
  'bad mark': () => new ReadableStream({}, { highWaterMark: -1 }),
});
//// pulls: pull is called as often as there is room
//// GET /
import { report } from './report.js';
const tick = () => new Promise((resolve) => setTimeout(resolve, 1));
export default report({
  'fills to the mark': async () => {
    let pulls = 0;
    new ReadableStream(
      {
        pull(c) {
          c.enqueue(++pulls);
        },
      },
      { highWaterMark: 4 },
    );
    await tick();
    return pulls;
  },
  'none at zero': async () => {
    let pulls = 0;
    new ReadableStream(
      {
        pull(c) {
          c.enqueue(++pulls);
        },
      },
      { highWaterMark: 0 },
    );
    await tick();
    return pulls;
  },
  'one a read': async () => {
    let pulls = 0;
    const r = new ReadableStream(
      {
        pull(c) {
          c.enqueue(++pulls);
        },
      },
      { highWaterMark: 0 },
    ).getReader();
    await r.read();
    await r.read();
    await tick();
    return pulls;
  },
  'waits for a promise': async () => {
    let pulls = 0;
    const r = new ReadableStream({
      async pull(c) {
        pulls++;
        await tick();
        c.enqueue('x');
      },
    }).getReader();
    return [await r.read(), pulls >= 1];
  },
});
//// tee: both branches see everything
//// GET /
import { report } from './report.js';
const make = () =>
  new ReadableStream({
    start(c) {
      for (const x of ['a', 'b', 'c']) c.enqueue(x);
      c.close();
    },
  });
const all = async (stream) => {
  const out = [];
  for await (const x of stream) out.push(x);
  return out.join('');
};
export default report({
  both: async () => {
    const [a, b] = make().tee();
    return [await all(a), await all(b)];
  },
  locked: () => {
    const s = make();
    s.tee();
    return s.locked;
  },
  'cancel one': async () => {
    const [a, b] = make().tee();
    await a.cancel();
    return all(b);
  },
  'cancel both': async () => {
    let why;
    const s = new ReadableStream({
      cancel(r) {
        why = r;
      },
    });
    const [a, b] = s.tee();
    a.cancel(1);
    await b.cancel(2);
    return why;
  },
  error: async () => {
    const [a, b] = new ReadableStream({
      start(c) {
        c.error(new RangeError('x'));
      },
    }).tee();
    return Promise.allSettled([a.getReader().read(), b.getReader().read()]).then((all2) =>
      all2.map((x) => x.status),
    );
  },
  locked2: () => {
    const s = make();
    s.getReader();
    return s.tee();
  },
});
//// byob: byte streams and readers that bring their buffer
//// GET /
import { report } from './report.js';
const make = () =>
  new ReadableStream({
    type: 'bytes',
    start(c) {
      c.enqueue(new Uint8Array([1, 2, 3, 4, 5]));
      c.close();
    },
  });
export default report({
  read: async () => {
    const r = make().getReader({ mode: 'byob' });
    const { value, done } = await r.read(new Uint8Array(3));
    return [[...value], done, value.buffer.byteLength];
  },
  rest: async () => {
    const r = make().getReader({ mode: 'byob' });
    await r.read(new Uint8Array(3));
    const { value } = await r.read(new Uint8Array(8));
    return [...value];
  },
  end: async () => {
    const r = make().getReader({ mode: 'byob' });
    await r.read(new Uint8Array(8));
    const { value, done } = await r.read(new Uint8Array(8));
    return [value?.length, done];
  },
  detached: async () => {
    const r = make().getReader({ mode: 'byob' });
    const own = new Uint8Array(3);
    await r.read(own);
    return own.byteLength;
  },
  'other view': async () => {
    const r = make().getReader({ mode: 'byob' });
    const { value } = await r.read(new Uint16Array(2));
    return [value.constructor.name, value.length];
  },
  min: async () => {
    let n = 0;
    const r = new ReadableStream({
      type: 'bytes',
      pull(c) {
        c.enqueue(new Uint8Array([++n]));
      },
    }).getReader({ mode: 'byob' });
    return [...(await r.read(new Uint8Array(4), { min: 3 })).value];
  },
  respond: async () => {
    const r = new ReadableStream({
      type: 'bytes',
      pull(c) {
        const view = c.byobRequest.view;
        view[0] = 9;
        c.byobRequest.respond(1);
      },
    }).getReader({ mode: 'byob' });
    return [...(await r.read(new Uint8Array(4))).value];
  },
  auto: async () => {
    const r = new ReadableStream({
      type: 'bytes',
      autoAllocateChunkSize: 16,
      pull(c) {
        c.byobRequest.view[0] = 7;
        c.byobRequest.respond(1);
      },
    }).getReader();
    return [...(await r.read()).value];
  },
  'not a byte stream': () => new ReadableStream().getReader({ mode: 'byob' }),
  'empty view': () => make().getReader({ mode: 'byob' }).read(new Uint8Array(0)),
  'enqueue text': () =>
    new ReadableStream({
      type: 'bytes',
      start(c) {
        c.enqueue('x');
      },
    }),
  'bad type': () => new ReadableStream({ type: 'text' }),
  'bad mode': () => new ReadableStream().getReader({ mode: 'other' }),
});
//// from: ReadableStream.from
//// GET /
import { report } from './report.js';
const all = async (stream) => {
  const out = [];
  for await (const x of stream) out.push(x);
  return out;
};
export default report({
  array: () => all(ReadableStream.from([1, 2])),
  set: () => all(ReadableStream.from(new Set(['a']))),
  generator: () =>
    all(
      ReadableStream.from(
        (function* g() {
          yield 1;
          yield 2;
        })(),
      ),
    ),
  async: () =>
    all(
      ReadableStream.from(
        (async function* g() {
          yield 'x';
        })(),
      ),
    ),
  promises: () => all(ReadableStream.from([Promise.resolve(1), 2])),
  text: () => all(ReadableStream.from('ab')),
  stream: () => all(ReadableStream.from(ReadableStream.from([3]))),
  object: () => ReadableStream.from({}),
  null: () => ReadableStream.from(null),
  returned: async () => {
    let ended = false;
    const s = ReadableStream.from(
      (function* g() {
        try {
          yield 1;
          yield 2;
        } finally {
          ended = true;
        }
      })(),
    );
    const r = s.getReader();
    await r.read();
    await r.cancel();
    return ended;
  },
});
