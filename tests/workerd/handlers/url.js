//// parts: every part of a URL
//// GET /
import { report } from './report.js';
const parts = (text, base) => () => {
  const {
    href,
    origin,
    protocol,
    username,
    password,
    host,
    hostname,
    port,
    pathname,
    search,
    hash,
  } = new URL(text, base);
  return [href, origin, protocol, username, password, host, hostname, port, pathname, search, hash];
};
export default report({
  whole: parts('https://user:pass@sub.example.org:8443/p/a/t/h?query=string#hash'),
  short: parts('http://a'),
  'default port': parts('https://a:443/'),
  upper: parts('HTTPS://ExAmPlE.ORG/PaTh'),
  file: parts('file:///tmp/../etc'),
  data: parts('data:text/plain,hello'),
  mailto: parts('mailto:a@b'),
  v6: parts('http://[2001:db8::1]:80/'),
  v4: parts('http://0x7f.1/'),
  number: parts('http://2130706433/'),
  punycode: parts('https://müller.example/straße?ß#ü'),
  blob: parts('blob:https://a/uuid'),
  spaces: parts('  https://a/ b\t\n '),
  dots: parts('http://a/b/../c/./d/%2e%2e/e'),
  'empty query': parts('http://a/?#'),
});
//// relative: resolved against a base
//// GET /
import { report } from './report.js';
const at =
  (text, base = 'https://a/b/c/d?q#f') =>
  () =>
    new URL(text, base).href;
export default report({
  file: at('g'),
  dot: at('./g'),
  folder: at('g/'),
  root: at('/g'),
  host: at('//g'),
  query: at('?y'),
  hash: at('#s'),
  empty: at(''),
  up: at('../../../g'),
  absolute: at('http://z/'),
  colon: at('g:h'),
  'bad base': at('x', 'nothing'),
  'base of data': at('x', 'data:,'),
  'hash on data': at('#x', 'data:,'),
  url: () => new URL('x', new URL('https://b/c/')).href,
});
//// setters: parts that are changed
//// GET /
import { report } from './report.js';
const set =
  (name, value, from = 'https://user@example.org:81/p?q#h') =>
  () => {
    const url = new URL(from);
    url[name] = value;
    return url.href;
  };
export default report({
  href: set('href', 'http://b/'),
  'bad href': set('href', 'nothing'),
  protocol: set('protocol', 'http'),
  'other protocol': set('protocol', 'foo'),
  username: set('username', 'a b'),
  password: set('password', ':@'),
  host: set('host', 'b:82'),
  hostname: set('hostname', 'c'),
  port: set('port', '443'),
  'no port': set('port', ''),
  'bad port': set('port', 'x'),
  'large port': set('port', '70000'),
  pathname: set('pathname', 'a b?c'),
  search: set('search', 'x=ü y'),
  'no search': set('search', ''),
  hash: set('hash', 'ü'),
  'no hash': set('hash', ''),
  origin: set('origin', 'https://x'),
});
//// errors: what is no URL
//// GET /
import { report } from './report.js';
const url = (text) => () => new URL(text).href;
export default report({
  empty: url(''),
  word: url('word'),
  'no host': url('http://'),
  'bad host': url('http://a b/'),
  port: url('http://a:99999'),
  bracket: url('http://[::1'),
  percent: url('http://%zz/'),
  undefined: url(undefined),
  nothing: () => new URL(),
  'without new': () => URL('http://a'),
  'type and message': () => {
    try {
      new URL('x');
    } catch (e) {
      return [e instanceof TypeError, e.message !== ''];
    }
  },
});
//// static: canParse, parse
//// GET /
import { report } from './report.js';
export default report({
  canParse: () => [
    URL.canParse('http://a'),
    URL.canParse('a'),
    URL.canParse('a', 'http://b'),
    URL.canParse('a', 'b'),
  ],
  parse: () => [URL.parse('http://a')?.href, URL.parse('a'), URL.parse('a', 'http://b')?.href],
  nothing: () => URL.canParse(),
  toJSON: () => JSON.stringify({ u: new URL('http://a') }),
  toString: () => `${new URL('http://a/b')}`,
  createObjectURL: () => typeof URL.createObjectURL,
});
//// of-requests: routes by what a URL says
//// GET /users/42?verbose=1
//// GET /users/%C3%BC/posts
//// GET //double//slash
//// GET /trailing/
//// GET /?
export default {
  fetch(request) {
    const url = new URL(request.url);
    return Response.json({
      path: url.pathname.split('/'),
      query: Object.fromEntries(url.searchParams),
      search: url.search,
      host: url.host,
      href: url.href,
    });
  },
};
//// params: constructors
//// GET /
import { report } from './report.js';
const text = (init) => () => new URLSearchParams(init).toString();
export default report({
  nothing: () => new URLSearchParams().toString(),
  text: text('a=1&b=2'),
  question: text('?a=1'),
  object: text({ a: 1, b: 'x y' }),
  pairs: text([
    ['a', '1'],
    ['a', '2'],
  ]),
  map: text(new Map([['k', 'v']])),
  params: text(new URLSearchParams('z=1')),
  empty: text(''),
  null: text(null),
  undefined: text(undefined),
  'pair of one': text([['a']]),
  number: text(5),
  plus: text('a=1+2%2B'),
  unicode: text('ü=€😀'),
  broken: text('a=%zz&b=%&%FF=1'),
  ands: text('&&a&&=&'),
  lone: text('a=\ud800'),
  form: text(Object.fromEntries([['x', '1']])),
});
//// params-methods: get, set, append, delete, has, sort, size
//// GET /
import { report } from './report.js';
const make = () => new URLSearchParams('a=1&b=2&a=3&c=');
export default report({
  get: () => [make().get('a'), make().get('c'), make().get('d')],
  getAll: () => [make().getAll('a'), make().getAll('d')],
  has: () => [make().has('a'), make().has('a', '3'), make().has('a', '9'), make().has('d')],
  set: () => {
    const p = make();
    p.set('a', 'x');
    p.set('d', 'y');
    return String(p);
  },
  append: () => {
    const p = make();
    p.append('a', ' &=');
    return String(p);
  },
  delete: () => {
    const p = make();
    p.delete('a');
    return String(p);
  },
  'delete value': () => {
    const p = make();
    p.delete('a', '1');
    return String(p);
  },
  sort: () => {
    const p = new URLSearchParams('z=1&ä=2&a=3&z=0&😀=4&ff=5');
    p.sort();
    return String(p);
  },
  size: () => make().size,
  keys: () => [...make().keys()],
  values: () => [...make().values()],
  entries: () => [...make()],
  forEach: () => {
    const seen = [];
    make().forEach((value, key) => seen.push(key + value));
    return seen;
  },
  'too few': () => make().append('a'),
  tag: () => Object.prototype.toString.call(make()),
  json: () => JSON.stringify(make()),
});
//// params-of-a-url: one changes the other
//// GET /
import { report } from './report.js';
export default report({
  append: () => {
    const u = new URL('http://a/?x=1');
    u.searchParams.append('y', 'a b');
    return u.href;
  },
  search: () => {
    const u = new URL('http://a/?x=1');
    const p = u.searchParams;
    u.search = '?z=2';
    return [p.get('x'), p.get('z')];
  },
  delete: () => {
    const u = new URL('http://a/?x=1#h');
    u.searchParams.delete('x');
    return u.href;
  },
  same: () => {
    const u = new URL('http://a/');
    return u.searchParams === u.searchParams;
  },
  encoding: () => {
    const u = new URL("http://a/?q=it's%20~!");
    const before = u.href;
    u.searchParams.sort();
    return [before, u.href];
  },
  iterate: () => {
    const u = new URL('http://a/?a=1&b=2&c=3');
    const seen = [];
    for (const [k] of u.searchParams) {
      seen.push(k);
      u.searchParams.delete('b');
    }
    return seen;
  },
});
//// idna: names of hosts
//// GET /
import { report } from './report.js';
const host = (text) => () => new URL(`http://${text}/`).host;
export default report({
  umlaut: host('bücher.example'),
  emoji: host('☕.example'),
  upper: host('ÄÖ.example'),
  dots: host('a。b'),
  soft: host('a\u00adb.c'),
  sharp: host('faß.de'),
  japanese: host('日本語.jp'),
  arabic: host('مثال.إختبار'),
  percent: host('%61.b'),
  forbidden: host('a<b'),
  'xn bad': host('xn--a'),
  long: () => new URL(`http://${'a'.repeat(300)}/`).host.length,
  trailing: host('a.'),
  empty: host('a..b'),
});
//// pattern: URLPattern as a router uses it
//// GET /
import { report } from './report.js';
const groups = (pattern, url) => () => new URLPattern(pattern).exec(url)?.pathname.groups;
export default report({
  named: groups({ pathname: '/users/:id' }, 'https://a/users/42'),
  two: groups({ pathname: '/:a/:b' }, 'https://a/x/y'),
  none: groups({ pathname: '/users/:id' }, 'https://a/users'),
  regex: groups({ pathname: '/n/:id(\\d+)' }, 'https://a/n/12'),
  'regex fails': groups({ pathname: '/n/:id(\\d+)' }, 'https://a/n/x'),
  star: groups({ pathname: '/files/*' }, 'https://a/files/a/b'),
  optional: groups({ pathname: '/a{/:b}?' }, 'https://a/a'),
  repeated: groups({ pathname: '/a/:rest+' }, 'https://a/a/b/c'),
  test: () => [
    new URLPattern({ pathname: '/a' }).test('https://x/a'),
    new URLPattern({ pathname: '/a' }).test('https://x/b'),
  ],
});
//// pattern-parts: other parts than the path
//// GET /
import { report } from './report.js';
export default report({
  host: () =>
    new URLPattern({ hostname: ':sub.example.org' }).exec('https://www.example.org/')?.hostname
      .groups,
  text: () =>
    new URLPattern('https://example.org/:x').exec('https://example.org/y')?.pathname.groups,
  base: () => new URLPattern('/a/:x', 'https://example.org').test('https://example.org/a/b'),
  'other host': () => new URLPattern('/a/:x', 'https://example.org').test('https://other.org/a/b'),
  search: () => new URLPattern({ search: 'q=:q' }).exec('https://a/?q=1')?.search.groups,
  attributes: () => {
    const p = new URLPattern({ pathname: '/:a', protocol: 'http{s}?' });
    return [p.pathname, p.protocol, p.hostname, p.port, p.search, p.hash];
  },
  'ignore case': () =>
    new URLPattern({ pathname: '/ABC' }, { ignoreCase: true }).test('https://a/abc'),
  'object input': () => new URLPattern({ pathname: '/x' }).test({ pathname: '/x' }),
  bad: () => new URLPattern({ pathname: '/(' }),
  'no base': () => new URLPattern('/a'),
  'bad url': () => new URLPattern({ pathname: '/a' }).test('nothing'),
  hasRegExpGroups: () => new URLPattern({ pathname: '/:id(\\d+)' }).hasRegExpGroups,
});
//// router: a table of patterns
//// GET /posts/7
//// GET /posts/7/comments/8
//// POST /posts/7
//// GET /nothing
const routes = [
  ['GET', new URLPattern({ pathname: '/posts/:post' }), ({ post }) => `post ${post}`],
  [
    'GET',
    new URLPattern({ pathname: '/posts/:post/comments/:comment' }),
    ({ post, comment }) => `comment ${comment} of ${post}`,
  ],
];
export default {
  fetch(request) {
    for (const [method, pattern, run] of routes) {
      const match = pattern.exec(request.url);
      if (match && method === request.method) return new Response(run(match.pathname.groups));
    }
    return new Response('no route', { status: 404 });
  },
};
