//// constructors: from nothing, an object, pairs, a Map, another Headers
//// GET /
import { report } from './report.js';
const all = (init) => () => [...new Headers(init)];
export default report({
  nothing: all(),
  undefined: all(undefined),
  null: all(null),
  object: all({ B: '2', a: '1' }),
  pairs: all([
    ['b', '2'],
    ['a', '1'],
    ['b', '3'],
  ]),
  map: all(new Map([['x', 'y']])),
  headers: all(new Headers({ c: 'd' })),
  empty: all({}),
  number: all(1),
  text: all('ab'),
  'pair of one': all([['a']]),
  'pair of three': all([['a', 'b', 'c']]),
  'values become text': all({ a: 1, b: true, c: null, d: undefined }),
  generator: all(
    (function* pairs() {
      yield ['g', 'h'];
    })(),
  ),
  'symbol key': all({ [Symbol('s')]: 'x' }),
});
//// combining: append, get, and what a list looks like
//// GET /
import { report } from './report.js';
const headers = new Headers({ accept: 'text/html' });
export default report({
  append: () => {
    headers.append('Accept', 'text/plain');
    return headers.get('ACCEPT');
  },
  empty: () => {
    headers.append('accept', '');
    return headers.get('accept');
  },
  set: () => {
    headers.set('aCCept', 'one');
    return headers.get('accept');
  },
  has: () => [headers.has('ACCEPT'), headers.has('nope')],
  get: () => headers.get('nope'),
  delete: () => {
    headers.delete('Accept');
    headers.delete('nope');
    return [...headers];
  },
});
//// iteration: sorted, lower case, equal names together
//// GET /
import { report } from './report.js';
const make = () =>
  new Headers([
    ['Zebra', '1'],
    ['apple', '2'],
    ['Mango', '3'],
    ['zebra', '4'],
  ]);
export default report({
  entries: () => [...make().entries()],
  keys: () => [...make().keys()],
  values: () => [...make().values()],
  forEach: () => {
    const seen = [];
    make().forEach(
      function each(value, name, own) {
        seen.push([name, value, own instanceof Headers, this.x]);
      },
      { x: 1 },
    );
    return seen;
  },
  'forEach of nothing': () => make().forEach(),
  object: () => Object.fromEntries(make()),
  json: () => JSON.stringify(make()),
  'keys of the object': () => Object.keys(make()),
  'while it is changed': () => {
    const headers = new Headers({ a: '1', b: '2', c: '3' });
    const seen = [];
    for (const [name] of headers) {
      seen.push(name);
      headers.delete('b');
      if (seen.length > 5) break;
    }
    return seen;
  },
  tag: () => [String(make()), String(make().entries())],
});
//// set-cookie: never combined
//// GET /
//// GET /sent
import { report } from './report.js';
const make = () => {
  const headers = new Headers([
    ['Set-Cookie', 'a=1'],
    ['x', 'y'],
    ['set-cookie', 'b=2; Path=/'],
  ]);
  headers.append('SET-COOKIE', 'c=3');
  return headers;
};
const told = report({
  getSetCookie: () => make().getSetCookie(),
  get: () => make().get('set-cookie'),
  entries: () => [...make()],
  copy: () => new Headers(make()).getSetCookie(),
  none: () => new Headers().getSetCookie(),
  set: () => {
    const h = make();
    h.set('set-cookie', 'd=4');
    return h.getSetCookie();
  },
  delete: () => {
    const h = make();
    h.delete('set-cookie');
    return [...h];
  },
});
export default {
  fetch(request, ...rest) {
    return request.url.endsWith('/sent')
      ? new Response('cookies', { headers: make() })
      : told.fetch(request, ...rest);
  },
};
//// names: what is a name, and what is not
//// GET /
import { report } from './report.js';
const set = (name) => () => {
  new Headers().set(name, 'v');
  return 'fine';
};
export default report({
  letters: set('X-Fine_1'),
  marks: set("!#$%&'*+-.^_`|~"),
  empty: set(''),
  space: set('a b'),
  colon: set('a:b'),
  slash: set('a/b'),
  umlaut: set('ä'),
  tab: set('a\tb'),
  number: set(7),
  null: set(null),
  symbol: set(Symbol('x')),
  'get of none': () => new Headers().get('a b'),
  'has of none': () => new Headers().has(''),
  'delete of none': () => new Headers().delete('ü'),
  'too few': () => new Headers().append('a'),
});
//// values: trimmed, and what is refused
//// GET /
import { report } from './report.js';
const value = (text) => () => JSON.stringify(new Headers({ a: text }).get('a'));
export default report({
  spaces: value('  both  '),
  tabs: value('\tx\t'),
  inner: value('a  b'),
  breaks: value('\r\nx\n'),
  'break inside': value('a\r\nb: c'),
  null: value('a\0b'),
  latin: value('grüß'),
  euro: value('€'),
  emoji: value('😀'),
  control: value('a\x01b'),
  delete: value('a\x7fb'),
  empty: value(''),
  number: value(1.5),
  object: value({}),
  array: value([1, 2]),
});
//// received: what the client sent
//// GET / {"headers": [["X-Case", "Kept"], ["Accept", "a"], ["accept", "b"], ["X-Empty", ""], ["X-Spaces", "  in  "]]}
//// GET / {"headers": [["Cookie", "a=1; b=2"], ["User-Agent", "corpus/1"], ["Accept-Language", "de, en;q=0.5"]]}
//// POST / {"headers": {"Content-Type": "text/plain"}, "body": "x"}
export default {
  fetch(request) {
    return Response.json([...request.headers]);
  },
};
//// immutable: those of a request cannot be changed, those of a copy can
//// GET / {"headers": {"x-a": "1"}}
import { report } from './report.js';
export default report({
  set: ({ request }) => request.headers.set('x-a', '2'),
  append: ({ request }) => request.headers.append('x-a', '2'),
  delete: ({ request }) => request.headers.delete('x-a'),
  copy: ({ request }) => {
    const headers = new Headers(request.headers);
    headers.set('x-a', '2');
    return [headers.get('x-a'), request.headers.get('x-a')];
  },
  'a new Request': ({ request }) => {
    const copy = new Request(request);
    copy.headers.set('x-a', '3');
    return copy.headers.get('x-a');
  },
  clone: ({ request }) => {
    const copy = request.clone();
    copy.headers.set('x-a', '4');
    return copy.headers.get('x-a');
  },
});
//// sent: casing, many values, an empty one
//// GET /
export default {
  fetch() {
    const headers = new Headers({ 'X-Camel': 'Case', 'x-empty': '', Vary: 'Accept' });
    headers.append('vary', 'Origin');
    headers.append('Link', '</a>; rel=preload');
    headers.append('Link', '</b>; rel=preload');
    return new Response('x', { headers });
  },
};
//// latin: bytes beyond ASCII in a value
//// GET / {"headers": {"x-in": "grüß"}}
//// GET /sent
export default {
  fetch(request) {
    if (request.url.endsWith('/sent')) return new Response('x', { headers: { 'x-out': 'grüß' } });
    const value = request.headers.get('x-in');
    return Response.json([value.length, [...value].map((c) => c.codePointAt(0))]);
  },
};
//// reserved: names that belong to the connection
//// GET /
export default {
  fetch() {
    return new Response('five5', {
      headers: {
        'content-length': '5',
        'x-mine': '1',
        'keep-alive': 'timeout=5',
        te: 'trailers',
      },
    });
  },
};
//// many: two hundred of them
//// GET /
export default {
  fetch() {
    const headers = new Headers();
    for (let i = 0; i < 200; i++) headers.set(`x-${String(i).padStart(3, '0')}`, `value ${i}`);
    return new Response(String([...headers].length), { headers });
  },
};
