//// classes: fields, private names, static blocks, accessors
//// GET /
import { report } from './report.js';
class Account {
  static #count = 0;
  static {
    Account.created = 'in a static block';
  }
  #balance = 0;
  owner;
  constructor(owner) {
    this.owner = owner;
    Account.#count++;
  }
  get balance() {
    return this.#balance;
  }
  set balance(value) {
    if (value < 0) throw new RangeError('negative');
    this.#balance = value;
  }
  #secret() {
    return `${this.owner}'s`;
  }
  tell() {
    return this.#secret();
  }
  static get count() {
    return Account.#count;
  }
  static has(object) {
    return #balance in object;
  }
  *[Symbol.iterator]() {
    yield this.owner;
    yield this.#balance;
  }
}
class Savings extends Account {
  rate = super.balance + 1;
  toString() {
    return `Savings of ${this.owner}`;
  }
}
export default report({
  field: () => new Account('ada').owner,
  private: () => {
    const a = new Account('x');
    a.balance = 5;
    return a.balance;
  },
  throws: () => {
    new Account('x').balance = -1;
  },
  method: () => new Account('ada').tell(),
  static: () => [Account.count > 0, Account.created],
  brand: () => [Account.has(new Account('x')), Account.has({})],
  iterate: () => [...new Account('ada')],
  extends: () => [
    String(new Savings('bo')),
    new Savings('c').rate,
    new Savings('d') instanceof Account,
  ],
  newTarget: () => {
    function F() {
      return new.target === F;
    }
    return typeof new F();
  },
  species: () => {
    class Mine extends Array {}
    return Mine.from([1]).map((x) => x) instanceof Mine;
  },
});
//// generators: lazy sequences and helpers
//// GET /
import { report } from './report.js';
function* naturals() {
  let n = 1;
  while (true) yield n++;
}
export default report({
  take: () => [
    ...naturals()
      .filter((n) => n % 2)
      .map((n) => n * n)
      .take(4),
  ],
  drop: () => naturals().drop(3).next().value,
  reduce: () =>
    naturals()
      .take(5)
      .reduce((a, b) => a + b),
  some: () => naturals().some((n) => n > 10),
  flat: () => [
    ...naturals()
      .take(3)
      .flatMap((n) => [n, -n]),
  ],
  from: () => Iterator.from({ next: () => ({ done: true }) }).toArray(),
  return: () => {
    const seen = [];
    function* g() {
      try {
        yield 1;
        yield 2;
      } finally {
        seen.push('ended');
      }
    }
    for (const x of g()) {
      seen.push(x);
      break;
    }
    return seen;
  },
  delegate: () => {
    function* g() {
      const r = yield* h();
      yield r;
    }
    function* h() {
      yield 1;
      return 'r';
    }
    return [...g()];
  },
  send: () => {
    function* g() {
      const x = yield 'q';
      return `got ${x}`;
    }
    const i = g();
    i.next();
    return i.next('a').value;
  },
  async: async () => {
    async function* g() {
      yield 1;
      await null;
      yield 2;
    }
    const out = [];
    for await (const x of g()) out.push(x);
    return out;
  },
  fromAsync: () =>
    Array.fromAsync(
      (async function* g() {
        yield 'x';
      })(),
    ),
});
//// promises: combinators, order, thenables
//// GET /
import { report } from './report.js';
export default report({
  withResolvers: async () => {
    const { promise, resolve } = Promise.withResolvers();
    resolve('r');
    return promise;
  },
  try: () =>
    Promise.try(() => {
      throw new RangeError('sync');
    }),
  allSettled: async () =>
    (await Promise.allSettled([1, Promise.reject(2)])).map((x) => x.value ?? x.reason),
  any: () => Promise.any([Promise.reject(1), 2]),
  race: () => Promise.race([new Promise(() => {}), 3]),
  thenable: async () =>
    await {
      then(r) {
        r('thenable');
      },
    },
  finally: async () => {
    const seen = [];
    await Promise.resolve(1)
      .finally(() => seen.push('f'))
      .then((x) => seen.push(x));
    return seen;
  },
  order: async () => {
    const seen = [];
    const p = Promise.resolve();
    p.then(() => seen.push(1)).then(() => seen.push(3));
    p.then(() => seen.push(2)).then(() => seen.push(4));
    await new Promise((r) => setTimeout(r, 1));
    return seen;
  },
  'await order': async () => {
    const seen = [];
    const f = async (n) => {
      seen.push(n);
      await null;
      seen.push(-n);
    };
    await Promise.all([f(1), f(2)]);
    return seen;
  },
  rejects: () => Promise.reject(new SyntaxError('x')),
  empty: () => Promise.any([]),
  all: () =>
    Promise.all([
      1,
      Promise.resolve(2),
      {
        then(r) {
          r(3);
        },
      },
    ]),
});
//// new-syntax: what the engine has of late
//// GET /
import { report } from './report.js';
export default report({
  separators: () => 1_000_000,
  nullish: () => null ?? 'default',
  'catch without name': () => {
    try {
      throw 1;
    } catch {
      return 'caught';
    }
  },
  labels: () => {
    outer: for (let i = 0; i < 3; i++)
      for (;;) {
        if (i === 1) break outer;
        continue outer;
      }
    return 'left';
  },
  'class fields': () =>
    new (class {
      x = 1;
      static y = 2;
    })().x,
  'error cause': () => new Error('a', { cause: 1 }).cause,
  'array grouping': () => typeof Object.groupBy,
  'symbol dispose': () => typeof Symbol.dispose,
  'explicit resources': () => typeof DisposableStack,
  upsert: () => typeof Map.prototype.getOrInsert,
  'iterator concat': () => typeof Iterator.concat,
  'math sum': () => typeof Math.sumPrecise,
  base64: () => typeof Uint8Array.fromBase64,
  'async context': () => typeof AsyncContext,
  'shadow realm': () => typeof ShadowRealm,
});
//// atomics: shared memory
//// GET /
import { report } from './report.js';
export default report({
  buffer: () => typeof SharedArrayBuffer,
  add: () => Atomics.add(new Int32Array(1), 0, 5),
  load: () => {
    const a = new Int32Array(2);
    Atomics.store(a, 1, 7);
    return Atomics.load(a, 1);
  },
  wait: () => Atomics.wait(new Int32Array(new ArrayBuffer(4)), 0, 0, 1),
  memory: () =>
    new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer.constructor.name,
});
//// memory: objects that go, and a megabyte that comes
//// GET /
export default {
  async fetch() {
    const refs = [];
    for (let i = 0; i < 50; i++) refs.push(new WeakRef(new Uint8Array(100000)));
    await new Promise((resolve) => setTimeout(resolve, 1));
    const text = 'x'.repeat(1 << 20);
    return Response.json({ length: text.length, refs: refs.length });
  },
};
//// sorting: ten thousand numbers, the same order everywhere
//// GET /
export default {
  fetch() {
    let state = 1;
    const random = () => (state = (state * 16807) % 2147483647);
    const list = Array.from({ length: 10000 }, random);
    list.sort((a, b) => (a % 100) - (b % 100));
    let hash = 0;
    for (const n of list) hash = (hash * 31 + n) % 1000000007;
    return Response.json({ hash, first: list.slice(0, 3) });
  },
};
//// json-large: a hundred kilobytes of it
//// POST / {"body": "[1,\"two\",{\"three\":[null,true,4.5e3]}]"}
export default {
  async fetch(request) {
    const one = await request.json();
    const text = JSON.stringify(Array.from({ length: 3000 }, (_, i) => [i, ...one]));
    const again = JSON.parse(text);
    return Response.json({ length: text.length, last: again.at(-1) });
  },
};
