//// values: what structuredClone copies
//// GET /
import { report } from './report.js';
const copy =
  (value, look = (x) => x) =>
  () =>
    look(structuredClone(value));
export default report({
  object: copy({ a: 1, b: [2, { c: null }] }),
  date: copy(new Date(0), (d) => [d instanceof Date, d.toISOString()]),
  regexp: copy(/a+/gi, String),
  map: copy(new Map([[1, { a: 2 }]]), (m) => [...m]),
  set: copy(new Set(['a']), (s) => [...s]),
  bigint: copy(12345678901234567890n),
  undefined: copy({ a: undefined }, (o) => 'a' in o),
  nan: copy([NaN, -0, Infinity], (a) => a.map((x) => (Object.is(x, -0) ? '-0' : String(x)))),
  sparse: copy([1, , 3], (a) => [a.length, 1 in a]),
  error: copy(new RangeError('r', { cause: 'c' }), (e) => [
    e.name,
    e.message,
    e instanceof RangeError,
  ]),
  typed: copy(new Uint16Array([1, 2])),
  buffer: copy(new Uint8Array([1]).buffer),
  wrapped: copy([Object(1), Object('x'), Object(true)], (a) => a.map((x) => typeof x)),
  circle: () => {
    const a = {};
    a.a = a;
    const b = structuredClone(a);
    return b.a === b && b !== a;
  },
  shared: () => {
    const x = {};
    const [a, b] = structuredClone([x, x]);
    return a === b;
  },
  prototype: copy(
    new (class A {
      x = 1;
    })(),
    (o) => [o.x, o.constructor.name],
  ),
  getter: copy({
    get a() {
      return 7;
    },
  }),
});
//// refused: what cannot be cloned
//// GET /
import { report } from './report.js';
const copy = (value) => () => structuredClone(value);
export default report({
  function: copy(() => {}),
  symbol: copy(Symbol('x')),
  promise: copy(Promise.resolve()),
  weak: copy(new WeakMap()),
  nested: copy({ a: [() => {}] }),
  response: () => structuredClone(new Response('x')),
  request: copy(new Request('http://a/')),
  stream: () => structuredClone(new ReadableStream()),
  url: copy(new URL('http://a/')),
  nothing: () => structuredClone(),
  kind: () => {
    try {
      structuredClone(() => {});
    } catch (e) {
      return [e.name, e.code, e instanceof DOMException];
    }
  },
  proxy: copy(new Proxy({}, {})),
  headers: () => structuredClone(new Headers([['a', 'b']])),
});
//// transfer: buffers that move
//// GET /
import { report } from './report.js';
export default report({
  buffer: () => {
    const b = new Uint8Array([1, 2]).buffer;
    const c = structuredClone(b, { transfer: [b] });
    return [b.byteLength, c.byteLength, b.detached];
  },
  view: () => {
    const v = new Uint8Array([1, 2]);
    const c = structuredClone(v, { transfer: [v.buffer] });
    return [v.length, [...c]];
  },
  twice: () => {
    const b = new ArrayBuffer(1);
    return structuredClone(b, { transfer: [b, b] });
  },
  'no buffer': () => structuredClone({}, { transfer: [{}] }),
  detached: () => {
    const b = new ArrayBuffer(1);
    structuredClone(b, { transfer: [b] });
    return structuredClone(b);
  },
  'own transfer': () => new ArrayBuffer(4).transfer(8).byteLength,
});
//// blobs: platform objects that can be cloned
//// GET /
import { report } from './report.js';
export default report({
  blob: () => structuredClone(new Blob(['x'], { type: 'a/b' })).text(),
  exception: () => {
    const e = structuredClone(new DOMException('m', 'AbortError'));
    return [e.name, e.message, e.code];
  },
});
//// channel: MessageChannel
//// GET /
import { report } from './report.js';
const answer = (message, transfer) =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port2.onmessage = ({ data }) => resolve(data);
    port1.postMessage(message, transfer);
  });
export default report({
  text: () => answer('hi'),
  object: () => answer({ a: [1] }),
  bad: () => answer(() => {}),
  order: () =>
    new Promise((resolve) => {
      const { port1, port2 } = new MessageChannel();
      const seen = [];
      port2.onmessage = ({ data }) => {
        seen.push(data);
        if (data === 3) resolve(seen);
      };
      for (const n of [1, 2, 3]) port1.postMessage(n);
    }),
  event: () =>
    new Promise((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port2.onmessage = (e) => resolve([e.type, e.constructor.name, e.origin, e.ports?.length]);
      port1.postMessage(1);
    }),
  start: () =>
    new Promise((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port2.addEventListener('message', ({ data }) => resolve(data));
      port2.start();
      port1.postMessage('started');
    }),
});
