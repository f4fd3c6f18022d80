//// dates: parsing, printing, calendars
//// GET /
import { report } from './report.js';
const moment = new Date(Date.UTC(2026, 10, 21, 20, 15, 30, 123));
export default report({
  iso: () => moment.toISOString(),
  utc: () => moment.toUTCString(),
  text: () => String(moment),
  json: () => JSON.stringify(moment),
  parse: () => [
    Date.parse('2026-11-21'),
    Date.parse('2026-11-21T10:00:00+02:00'),
    Date.parse('21 Nov 2026 10:00 GMT'),
    Date.parse('nonsense'),
  ],
  local: () => [moment.getHours(), moment.getTimezoneOffset()],
  set: () => {
    const d = new Date(0);
    d.setUTCMonth(14);
    return d.toISOString();
  },
  invalid: () => String(new Date(NaN)),
  temporal: () => typeof Temporal,
});
//// intl: numbers, dates, lists in languages
//// GET /
import { report } from './report.js';
const moment = new Date(Date.UTC(2026, 10, 21, 20, 15));
export default report({
  number: () => new Intl.NumberFormat('de-DE').format(1234567.891),
  currency: () =>
    new Intl.NumberFormat('en-US', { style: 'currency', currency: 'EUR' }).format(12.5),
  percent: () => new Intl.NumberFormat('fr', { style: 'percent' }).format(0.256),
  compact: () => new Intl.NumberFormat('en', { notation: 'compact' }).format(123456),
  date: () =>
    new Intl.DateTimeFormat('de-DE', { dateStyle: 'full', timeZone: 'Europe/Berlin' }).format(
      moment,
    ),
  time: () =>
    new Intl.DateTimeFormat('en-GB', { timeStyle: 'long', timeZone: 'Asia/Tokyo' }).format(moment),
  plural: () => ['one', 2, 5].map((_, i) => new Intl.PluralRules('pl').select([1, 2, 5][i])),
  list: () => new Intl.ListFormat('es', { type: 'conjunction' }).format(['a', 'b', 'c']),
  relative: () => new Intl.RelativeTimeFormat('ja').format(-3, 'day'),
  collator: () => ['z', 'ä', 'a'].sort(new Intl.Collator('de').compare),
  swedish: () => ['z', 'ä', 'a'].sort(new Intl.Collator('sv').compare),
  segmenter: () =>
    [...new Intl.Segmenter('en', { granularity: 'word' }).segment('Hello, big world')].filter(
      (s) => s.isWordLike,
    ).length,
  names: () => new Intl.DisplayNames(['it'], { type: 'region' }).of('JP'),
  locale: () => new Intl.Locale('zh-Hans-CN').maximize().baseName,
  default: () => new Intl.NumberFormat().resolvedOptions().locale,
  locale2: () => (1234.5).toLocaleString('ar-EG'),
  upper: () => ['i'.toLocaleUpperCase('tr'), 'ß'.toUpperCase()],
  normal: () => 'é'.normalize('NFD').length,
});
//// regexps: flags, names, look-behind, sets
//// GET /
import { report } from './report.js';
export default report({
  named: () => /(?<y>\d{4})-(?<m>\d\d)/.exec('2026-11').groups,
  behind: () => 'a1b2'.match(/(?<=b)\d/)[0],
  sticky: () => {
    const r = /a/y;
    r.lastIndex = 1;
    return r.test('ba');
  },
  unicode: () => ['😀'.match(/./u)[0].length, /\p{L}/u.test('ß')],
  v: () => ['a-z'.replace(/[\w--[a-y]]/gv, '!'), /^\p{RGI_Emoji}$/v.test('👨‍👩‍👧')],
  indices: () => /b/d.exec('abc').indices[0],
  all: () => [...'a1b22'.matchAll(/\d+/g)].map((m) => m[0]),
  replaceAll: () => 'a.a.a'.replaceAll('.', '-'),
  function: () => 'abc'.replace(/b/, (m, at) => m + at),
  dotAll: () => /a.b/s.test('a\nb'),
  modifiers: () => /(?i:A)b/.test('ab'),
  escape: () => RegExp.escape('a.b'),
  duplicate: () => /(?<x>a)|(?<x>b)/.exec('b').groups.x,
});
//// collections: Map, Set, WeakMap, WeakRef, grouping
//// GET /
import { report } from './report.js';
export default report({
  map: () => [
    ...new Map([
      ['a', 1],
      ['a', 2],
    ]),
  ],
  set: () => [...new Set([3, 1, 3])],
  union: () => [...new Set([1, 2]).union(new Set([2, 3]))],
  minus: () => [...new Set([1, 2, 3]).difference(new Set([2]))],
  subset: () => new Set([1]).isSubsetOf(new Set([1, 2])),
  weak: () => {
    const k = {};
    const m = new WeakMap([[k, 'v']]);
    return [m.get(k), m.has({})];
  },
  ref: () => {
    const o = { a: 1 };
    return new WeakRef(o).deref().a;
  },
  registry: () => typeof new FinalizationRegistry(() => {}).register,
  group: () => Object.groupBy([1, 2, 3], (n) => (n % 2 ? 'odd' : 'even')),
  mapGroup: () => [...Map.groupBy(['aa', 'b'], (s) => s.length).keys()],
  nan: () => new Set([NaN, NaN, 0, -0]).size,
  order: () => [...new Map(Object.entries({ b: 1, a: 2, 1: 3 })).keys()],
  symbolKey: () => {
    const m = new WeakMap();
    m.set(Symbol('x'), 1);
    return 'fine';
  },
});
//// arrays: copies, search, sorting, flattening
//// GET /
import { report } from './report.js';
export default report({
  sorted: () => {
    const a = [3, 1, 2];
    return [a.toSorted(), a];
  },
  stable: () =>
    [
      ['b', 1],
      ['a', 1],
      ['c', 0],
    ]
      .sort((x, y) => x[1] - y[1])
      .map((x) => x[0]),
  with: () => [1, 2, 3].with(1, 9),
  spliced: () => [1, 2, 3].toSpliced(1, 1, 'x', 'y'),
  reversed: () => [1, 2].toReversed(),
  at: () => [1, 2, 3].at(-1),
  findLast: () => [1, 2, 3, 4].findLast((n) => n % 2),
  flat: () => [1, [2, [3, [4]]]].flat(Infinity),
  includes: () => [NaN].includes(NaN),
  from: () => Array.from({ length: 3 }, (_, i) => i * i),
  copyWithin: () => [1, 2, 3, 4, 5].copyWithin(0, 3),
  holes: () => [1, , 3].map((x) => x * 2).length,
  default: () => [10, 9, 1].sort(),
  spread: () => Math.max(...[1, 5, 3]),
  destructure: () => {
    const [a, , b = 'd', ...rest] = [1, 2, undefined, 4, 5];
    return [a, b, rest];
  },
  fill: () => new Array(3).fill().map((_, i) => i),
  concat: () => [].concat(1, [2], [[3]]),
});
//// typed-arrays: views, byte order, overflow
//// GET /
import { report } from './report.js';
export default report({
  overflow: () => [...new Uint8Array([256, -1, 1.9])],
  clamped: () => [...new Uint8ClampedArray([300, -5, 1.5])],
  shared: () => {
    const f = new Float32Array([1]);
    return new Uint8Array(f.buffer);
  },
  view: () => {
    const v = new DataView(new ArrayBuffer(8));
    v.setInt16(0, -2);
    v.setUint32(2, 0x01020304, true);
    return new Uint8Array(v.buffer);
  },
  big: () => new BigUint64Array([2n ** 64n - 1n]).toString(),
  float16: () => [typeof Float16Array, Math.f16round?.(1.337)],
  sub: () => {
    const a = new Uint8Array([1, 2, 3]);
    a.subarray(1)[0] = 9;
    return a;
  },
  set: () => {
    const a = new Uint8Array(4);
    a.set([1, 2], 1);
    return a;
  },
  sorted: () => new Uint8Array([3, 1]).toSorted(),
  'odd offset': () => new Uint16Array(new ArrayBuffer(4), 1),
  resizable: () => new ArrayBuffer(2, { maxByteLength: 4 }).resizable,
  transfer: () => {
    const b = new ArrayBuffer(2);
    const c = b.transfer(4);
    return [b.detached, c.byteLength];
  },
  nan: () => Object.is(new Float64Array([NaN])[0], NaN),
  large: () => new Uint8Array(1 << 20).length,
});
//// numbers: arithmetic and its printing
//// GET /
import { report } from './report.js';
export default report({
  floats: () => [0.1 + 0.2, 1e21, 1 / 3, -0 === 0, 5e-324].map(String),
  bigint: () => 2n ** 100n,
  division: () => -7n / 2n,
  asInt: () => [BigInt.asIntN(8, 255n), BigInt.asUintN(8, -1n)].map(String),
  fixed: () => [
    (1.005).toFixed(2),
    (1e21).toFixed(2),
    (0).toPrecision(3),
    (255).toString(16),
    (0.5).toString(2),
  ],
  parse: () =>
    [parseInt('12px'), parseFloat('.5e1x'), Number(''), Number('0b11'), Number('1_000')].map(
      String,
    ),
  math: () => [
    Math.hypot(3, 4),
    Math.clz32(1),
    Math.fround(5.5),
    Math.sign(-3),
    Math.cbrt(27),
    Math.trunc(-4.7),
    Math.imul(0xffffffff, 5),
  ],
  sum: () => typeof Math.sumPrecise,
  trig: () => [Math.sin(1), Math.exp(1), Math.pow(2, 0.5), Math.atan2(1, 2), Math.log10(1000)],
  mod: () => [-5 % 3, 5.5 % 2],
  shift: () => [1 << 31, -1 >>> 0, 5 >> 1],
  safe: () => [Number.MAX_SAFE_INTEGER, Number.EPSILON > 0],
  logical: () => {
    let a = null;
    a ??= 5;
    let b = 0;
    b ||= 7;
    let c = 1;
    c &&= 9;
    return [a, b, c];
  },
});
//// strings: methods and Unicode
//// GET /
import { report } from './report.js';
export default report({
  pad: () => ['5'.padStart(3, '0'), 'ab'.padEnd(5, 'xy')],
  at: () => 'abc'.at(-1),
  points: () => [...'a😀é'].length,
  code: () => '😀'.codePointAt(0),
  raw: () => String.raw`a\n${1}`,
  wellFormed: () => ['\ud800'.isWellFormed(), '\ud800'.toWellFormed().charCodeAt(0)],
  trim: () => ['\u00a0 x \ufeff'.trim(), ' y'.trimStart()],
  split: () => ['a,b,'.split(','), 'abc'.split('')],
  compare: () => ['a'.localeCompare('B'), 'a' < 'B'],
  tag: () => {
    const t = (s, ...v) => s.raw.join('|') + v.join(',');
    return t`x${1}y${2}`;
  },
  case: () => ['İ'.toLowerCase().length, 'ΑΣ'.toLowerCase()],
  substr: () => ['hello'.substr(-3, 2), 'hello'.substring(4, 1), 'hello'.slice(-3, -1)],
  html: () => 'a'.anchor('"'),
  concat: () => 'a'.concat(1, null),
});
//// objects: order, spread, proxies, reflection
//// GET /
import { report } from './report.js';
export default report({
  order: () => Object.keys({ b: 1, 2: 1, a: 1, 1: 1, [Symbol('s')]: 1 }),
  spread: () => ({ ...{ a: 1, b: 2 }, b: 3, ...null }),
  rest: () => {
    const { a, ...rest } = { a: 1, b: 2, c: 3 };
    return rest;
  },
  computed: () => ({ [`k${1}`]: 1 }),
  fromEntries: () => Object.fromEntries([['a', 1]]),
  proxy: () => {
    const seen = [];
    const p = new Proxy(
      {},
      {
        get: (_, k) => {
          seen.push(String(k));
          return 1;
        },
        has: () => true,
      },
    );
    return [p.x, 'y' in p, seen];
  },
  freeze: () => {
    const o = Object.freeze({ a: 1 });
    try {
      o.a = 2;
    } catch (e) {
      return e.name;
    }
  },
  getter: () => {
    const o = {
      get a() {
        return this.b * 2;
      },
      b: 4,
    };
    return o.a;
  },
  optional: () => [undefined?.a, null?.[0], (() => {})?.()].map(String),
  chain: () => {
    const o = { a: { b: () => 5 } };
    return [o?.a?.b?.(), o.x?.y.z];
  },
  json: () =>
    JSON.stringify({
      a: undefined,
      b: () => {},
      c: Symbol('x'),
      d: NaN,
      e: new Date(0),
      f: [undefined],
      g: 1n.toString(),
    }),
  revive: () => JSON.parse('{"a":1,"b":[2]}', (k, v) => (typeof v === 'number' ? v + 1 : v)),
  indent: () => JSON.stringify({ a: [1] }, null, 2).length,
  raw: () => JSON.stringify({ n: JSON.rawJSON?.('1e1000') }),
  proto: () => ({ __proto__: { inherited: 1 } }).inherited,
  symbols: () => Symbol.for('x') === Symbol.for('x'),
  description: () => Symbol('d').description,
  hasOwn: () => Object.hasOwn({ a: 1 }, 'a'),
  assign: () => Object.assign([1, 2], [3]),
  reflect: () =>
    Reflect.ownKeys(
      class A {
        static b = 1;
      },
    ).length,
});
