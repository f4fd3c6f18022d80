//// digest: every hash
//// GET /
import { report } from './report.js';
const digest =
  (name, text = 'abc') =>
  () =>
    crypto.subtle.digest(name, new TextEncoder().encode(text));
export default report({
  sha1: digest('SHA-1'),
  sha256: digest('SHA-256'),
  sha384: digest('SHA-384'),
  sha512: digest('SHA-512'),
  md5: digest('MD5'),
  lower: digest('sha-256'),
  object: digest({ name: 'SHA-256' }),
  empty: digest('SHA-256', ''),
  large: digest('SHA-256', 'x'.repeat(100000)),
  none: digest('SHA-3'),
  text: () => crypto.subtle.digest('SHA-256', 'abc'),
  buffer: () => crypto.subtle.digest('SHA-256', new ArrayBuffer(3)),
  view: () => crypto.subtle.digest('SHA-256', new DataView(new ArrayBuffer(5), 1, 2)),
});
//// hmac: sign, verify, keys in and out
//// GET /
import { report } from './report.js';
const bytes = new TextEncoder().encode('message');
const key = (hash = 'SHA-256', usages = ['sign', 'verify']) =>
  crypto.subtle.importKey(
    'raw',
    new TextEncoder().encode('secret'),
    { name: 'HMAC', hash },
    true,
    usages,
  );
export default report({
  sha256: async () => crypto.subtle.sign('HMAC', await key(), bytes),
  sha1: async () => crypto.subtle.sign('HMAC', await key('SHA-1'), bytes),
  sha512: async () => crypto.subtle.sign('HMAC', await key('SHA-512'), bytes),
  verify: async () => {
    const k = await key();
    const s = await crypto.subtle.sign('HMAC', k, bytes);
    return [
      await crypto.subtle.verify('HMAC', k, s, bytes),
      await crypto.subtle.verify('HMAC', k, s, new Uint8Array(1)),
      await crypto.subtle.verify('HMAC', k, s.slice(1), bytes),
    ];
  },
  jwk: async () => crypto.subtle.exportKey('jwk', await key()),
  raw: async () => crypto.subtle.exportKey('raw', await key()),
  algorithm: async () => {
    const k = await key();
    return [k.algorithm, k.type, k.extractable, k.usages];
  },
  'wrong usage': async () => crypto.subtle.sign('HMAC', await key('SHA-256', ['verify']), bytes),
  'no usages': () => key('SHA-256', []),
  'bad usage': () => key('SHA-256', ['encrypt']),
  'empty key': () =>
    crypto.subtle.importKey('raw', new Uint8Array(0), { name: 'HMAC', hash: 'SHA-256' }, true, [
      'sign',
    ]),
  'no hash': () => crypto.subtle.importKey('raw', bytes, 'HMAC', true, ['sign']),
  generated: async () =>
    (
      await crypto.subtle.exportKey(
        'raw',
        await crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, true, ['sign']),
      )
    ).byteLength,
  'not extractable': async () =>
    crypto.subtle.exportKey(
      'raw',
      await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, [
        'sign',
      ]),
    ),
});
//// aes-gcm: with a known key
//// GET /
import { report } from './report.js';
const iv = new Uint8Array(12).fill(1);
const text = new TextEncoder().encode('attack at dawn');
const key = (usages = ['encrypt', 'decrypt'], size = 32) =>
  crypto.subtle.importKey('raw', new Uint8Array(size).fill(7), 'AES-GCM', true, usages);
export default report({
  encrypt: async () => crypto.subtle.encrypt({ name: 'AES-GCM', iv }, await key(), text),
  'key of 128': async () =>
    crypto.subtle.encrypt({ name: 'AES-GCM', iv }, await key(['encrypt'], 16), text),
  additional: async () =>
    crypto.subtle.encrypt(
      { name: 'AES-GCM', iv, additionalData: new Uint8Array([1]) },
      await key(),
      text,
    ),
  'tag of 96': async () =>
    (await crypto.subtle.encrypt({ name: 'AES-GCM', iv, tagLength: 96 }, await key(), text))
      .byteLength,
  decrypt: async () => {
    const k = await key();
    return new TextDecoder().decode(
      await crypto.subtle.decrypt(
        { name: 'AES-GCM', iv },
        k,
        await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, k, text),
      ),
    );
  },
  forged: async () => {
    const k = await key();
    const c = new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, k, text));
    c[0] ^= 1;
    return crypto.subtle.decrypt({ name: 'AES-GCM', iv }, k, c);
  },
  'no iv': async () => crypto.subtle.encrypt({ name: 'AES-GCM' }, await key(), text),
  'bad tag length': async () =>
    crypto.subtle.encrypt({ name: 'AES-GCM', iv, tagLength: 7 }, await key(), text),
  'bad key': () => key(['encrypt'], 15),
  'wrong usage': async () =>
    crypto.subtle.decrypt({ name: 'AES-GCM', iv }, await key(['encrypt']), text),
  'other algorithm': async () =>
    crypto.subtle.encrypt({ name: 'AES-CBC', iv: new Uint8Array(16) }, await key(), text),
  jwk: async () => crypto.subtle.exportKey('jwk', await key()),
  short: async () => crypto.subtle.decrypt({ name: 'AES-GCM', iv }, await key(), new Uint8Array(3)),
});
//// aes-modes: CBC, CTR, KW
//// GET /
import { report } from './report.js';
const text = new TextEncoder().encode('sixteen bytes!!!and more');
const key = (name, usages = ['encrypt', 'decrypt']) =>
  crypto.subtle.importKey('raw', new Uint8Array(16).fill(9), name, true, usages);
export default report({
  cbc: async () =>
    crypto.subtle.encrypt({ name: 'AES-CBC', iv: new Uint8Array(16) }, await key('AES-CBC'), text),
  ctr: async () =>
    crypto.subtle.encrypt(
      { name: 'AES-CTR', counter: new Uint8Array(16), length: 64 },
      await key('AES-CTR'),
      text,
    ),
  'cbc back': async () => {
    const k = await key('AES-CBC');
    const p = { name: 'AES-CBC', iv: new Uint8Array(16) };
    return new TextDecoder().decode(
      await crypto.subtle.decrypt(p, k, await crypto.subtle.encrypt(p, k, text)),
    );
  },
  'cbc bad padding': async () =>
    crypto.subtle.decrypt(
      { name: 'AES-CBC', iv: new Uint8Array(16) },
      await key('AES-CBC'),
      new Uint8Array(16),
    ),
  'cbc bad iv': async () =>
    crypto.subtle.encrypt({ name: 'AES-CBC', iv: new Uint8Array(3) }, await key('AES-CBC'), text),
  'ctr bad length': async () =>
    crypto.subtle.encrypt(
      { name: 'AES-CTR', counter: new Uint8Array(16), length: 0 },
      await key('AES-CTR'),
      text,
    ),
  wrap: async () =>
    crypto.subtle.wrapKey(
      'raw',
      await crypto.subtle.importKey('raw', new Uint8Array(16).fill(3), 'AES-GCM', true, [
        'encrypt',
      ]),
      await key('AES-KW', ['wrapKey', 'unwrapKey']),
      'AES-KW',
    ),
  unwrap: async () => {
    const kek = await key('AES-KW', ['wrapKey', 'unwrapKey']);
    const w = await crypto.subtle.wrapKey(
      'raw',
      await crypto.subtle.importKey('raw', new Uint8Array(16).fill(3), 'AES-GCM', true, [
        'encrypt',
      ]),
      kek,
      'AES-KW',
    );
    return crypto.subtle.exportKey(
      'raw',
      await crypto.subtle.unwrapKey('raw', w, kek, 'AES-KW', 'AES-GCM', true, ['encrypt']),
    );
  },
});
//// ecdsa: P-256 and P-384
//// GET /
import { report } from './report.js';
const text = new TextEncoder().encode('sign me');
const jwk = {
  kty: 'EC',
  crv: 'P-256',
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
  d: 'jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI',
};
const own = { name: 'ECDSA', namedCurve: 'P-256' };
const how = { name: 'ECDSA', hash: 'SHA-256' };
const secret = () => crypto.subtle.importKey('jwk', jwk, own, true, ['sign']);
const open = ({ d, ...rest } = jwk) => crypto.subtle.importKey('jwk', rest, own, true, ['verify']);
export default report({
  both: async () =>
    crypto.subtle.verify(
      how,
      await open(),
      await crypto.subtle.sign(how, await secret(), text),
      text,
    ),
  length: async () => (await crypto.subtle.sign(how, await secret(), text)).byteLength,
  'other text': async () =>
    crypto.subtle.verify(
      how,
      await open(),
      await crypto.subtle.sign(how, await secret(), text),
      new Uint8Array(1),
    ),
  'bad signature': async () => crypto.subtle.verify(how, await open(), new Uint8Array(5), text),
  generate: async () => {
    const { publicKey, privateKey } = await crypto.subtle.generateKey(
      { name: 'ECDSA', namedCurve: 'P-384' },
      true,
      ['sign', 'verify'],
    );
    const p = { name: 'ECDSA', hash: 'SHA-384' };
    return [
      publicKey.usages,
      privateKey.usages,
      await crypto.subtle.verify(p, publicKey, await crypto.subtle.sign(p, privateKey, text), text),
    ];
  },
  'export jwk': async () => crypto.subtle.exportKey('jwk', await open()),
  'export spki': async () => crypto.subtle.exportKey('spki', await open()),
  'export raw': async () => crypto.subtle.exportKey('raw', await open()),
  'export pkcs8': async () => (await crypto.subtle.exportKey('pkcs8', await secret())).byteLength,
  'spki of private': async () => crypto.subtle.exportKey('spki', await secret()),
  'bad point': () =>
    crypto.subtle.importKey('jwk', { ...jwk, x: jwk.y, d: undefined }, own, true, ['verify']),
  'other curve': () =>
    crypto.subtle.importKey('jwk', jwk, { ...own, namedCurve: 'P-384' }, true, ['sign']),
  'no curve': () => crypto.subtle.importKey('jwk', jwk, 'ECDSA', true, ['sign']),
  'P-521': async () =>
    (await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-521' }, true, ['sign']))
      .privateKey.algorithm,
  secp256k1: () =>
    crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'K-256' }, true, ['sign']),
  'no usages': () => crypto.subtle.generateKey(own, true, []),
});
//// ed25519: known signatures
//// GET /
import { report } from './report.js';
const unhex = (text) => Uint8Array.from(text.match(/../g), (two) => parseInt(two, 16));
const seed = unhex('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60');
const pub = unhex('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
const pkcs8 = new Uint8Array([...unhex('302e020100300506032b657004220420'), ...seed]);
const text = new Uint8Array(0);
export default report({
  sign: async () =>
    crypto.subtle.sign(
      'Ed25519',
      await crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', false, ['sign']),
      text,
    ),
  verify: async () => {
    const s = await crypto.subtle.sign(
      'Ed25519',
      await crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', false, ['sign']),
      text,
    );
    const k = await crypto.subtle.importKey('raw', pub, 'Ed25519', true, ['verify']);
    return [
      await crypto.subtle.verify('Ed25519', k, s, text),
      await crypto.subtle.verify('Ed25519', k, s, new Uint8Array(1)),
    ];
  },
  generate: async () => {
    const { privateKey, publicKey } = await crypto.subtle.generateKey('Ed25519', true, [
      'sign',
      'verify',
    ]);
    return [
      privateKey.algorithm,
      (await crypto.subtle.exportKey('raw', publicKey)).byteLength,
      Object.keys(await crypto.subtle.exportKey('jwk', privateKey)).sort(),
    ];
  },
  jwk: async () =>
    crypto.subtle.exportKey(
      'jwk',
      await crypto.subtle.importKey('raw', pub, 'Ed25519', true, ['verify']),
    ),
  spki: async () =>
    crypto.subtle.exportKey(
      'spki',
      await crypto.subtle.importKey('raw', pub, 'Ed25519', true, ['verify']),
    ),
  'bad length': () => crypto.subtle.importKey('raw', pub.slice(1), 'Ed25519', true, ['verify']),
  'bad usage': () => crypto.subtle.importKey('raw', pub, 'Ed25519', true, ['sign']),
  lower: () =>
    crypto.subtle.importKey('raw', pub, 'ed25519', true, ['verify']).then((k) => k.algorithm.name),
});
//// agreement: ECDH and X25519
//// GET /
import { report } from './report.js';
const pair = (algorithm) => crypto.subtle.generateKey(algorithm, true, ['deriveBits', 'deriveKey']);
const agree = (algorithm, bits) => async () => {
  const [a, b] = [await pair(algorithm), await pair(algorithm)];
  const name = algorithm.name ?? algorithm;
  const left = await crypto.subtle.deriveBits({ name, public: b.publicKey }, a.privateKey, bits);
  const right = await crypto.subtle.deriveBits({ name, public: a.publicKey }, b.privateKey, bits);
  return [left.byteLength, new Uint8Array(left).every((x, i) => x === new Uint8Array(right)[i])];
};
const p256 = { name: 'ECDH', namedCurve: 'P-256' };
export default report({
  p256: agree(p256, 256),
  p384: agree({ name: 'ECDH', namedCurve: 'P-384' }, 384),
  x25519: agree('X25519', 256),
  'fewer bits': agree(p256, 128),
  'all bits': agree(p256, null),
  'too many': agree(p256, 512),
  key: async () => {
    const [a, b] = [await pair(p256), await pair(p256)];
    const k = await crypto.subtle.deriveKey(
      { name: 'ECDH', public: b.publicKey },
      a.privateKey,
      { name: 'AES-GCM', length: 256 },
      true,
      ['encrypt'],
    );
    return [k.algorithm, k.usages];
  },
  'other curves': async () => {
    const [a, b] = [await pair(p256), await pair({ name: 'ECDH', namedCurve: 'P-384' })];
    return crypto.subtle.deriveBits({ name: 'ECDH', public: b.publicKey }, a.privateKey, 256);
  },
});
//// derived: PBKDF2 and HKDF
//// GET /
import { report } from './report.js';
const key = (name, usages = ['deriveBits', 'deriveKey']) =>
  crypto.subtle.importKey('raw', new TextEncoder().encode('password'), name, false, usages);
const salt = new TextEncoder().encode('salt');
const pbkdf2 = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations: 1000 };
const hkdf = { name: 'HKDF', hash: 'SHA-256', salt, info: new Uint8Array([1, 2]) };
export default report({
  pbkdf2: async () => crypto.subtle.deriveBits(pbkdf2, await key('PBKDF2'), 256),
  sha512: async () =>
    crypto.subtle.deriveBits({ ...pbkdf2, hash: 'SHA-512' }, await key('PBKDF2'), 128),
  hkdf: async () => crypto.subtle.deriveBits(hkdf, await key('HKDF'), 512),
  'no iterations': async () =>
    crypto.subtle.deriveBits({ ...pbkdf2, iterations: 0 }, await key('PBKDF2'), 256),
  'odd bits': async () => crypto.subtle.deriveBits(pbkdf2, await key('PBKDF2'), 255),
  'no bits': async () => crypto.subtle.deriveBits(pbkdf2, await key('PBKDF2'), 0),
  'null bits': async () => crypto.subtle.deriveBits(pbkdf2, await key('PBKDF2'), null),
  'hkdf too long': async () => crypto.subtle.deriveBits(hkdf, await key('HKDF'), 255 * 256 + 8),
  'no info': async () =>
    crypto.subtle.deriveBits({ ...hkdf, info: undefined }, await key('HKDF'), 256),
  aes: async () =>
    crypto.subtle.exportKey(
      'raw',
      await crypto.subtle.deriveKey(
        pbkdf2,
        await key('PBKDF2'),
        { name: 'AES-GCM', length: 256 },
        true,
        ['encrypt'],
      ),
    ),
  hmac: async () =>
    (
      await crypto.subtle.deriveKey(
        hkdf,
        await key('HKDF'),
        { name: 'HMAC', hash: 'SHA-256', length: 256 },
        true,
        ['sign'],
      )
    ).algorithm,
  'extractable key': () => crypto.subtle.importKey('raw', salt, 'PBKDF2', true, ['deriveBits']),
});
//// rsa: PSS, PKCS1, OAEP
//// GET /
import { report } from './report.js';
const text = new TextEncoder().encode('rsa');
const modulus = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' };
export default report({
  pkcs1: async () => {
    const k = await crypto.subtle.generateKey({ name: 'RSASSA-PKCS1-v1_5', ...modulus }, true, [
      'sign',
      'verify',
    ]);
    const s = await crypto.subtle.sign('RSASSA-PKCS1-v1_5', k.privateKey, text);
    return [
      s.byteLength,
      await crypto.subtle.verify('RSASSA-PKCS1-v1_5', k.publicKey, s, text),
      k.publicKey.algorithm.modulusLength,
    ];
  },
  'bad exponent': () =>
    crypto.subtle.generateKey(
      { name: 'RSA-PSS', ...modulus, publicExponent: new Uint8Array([2]) },
      true,
      ['sign'],
    ),
  'no modulus': () =>
    crypto.subtle.generateKey({ name: 'RSA-PSS', hash: 'SHA-256' }, true, ['sign']),
});
//// jwt: a token is made and checked
//// GET /make
//// GET /check {"headers": {"authorization": "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZGEifQ.x"}}
//// GET /both
const encode = (bytes) =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
const decode = (text) =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
const utf8 = new TextEncoder();
const key = () =>
  crypto.subtle.importKey(
    'raw',
    utf8.encode('my secret'),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['sign', 'verify'],
  );
const make = async (claims) => {
  const head = `${encode(utf8.encode('{"alg":"HS256","typ":"JWT"}'))}.${encode(utf8.encode(JSON.stringify(claims)))}`;
  return `${head}.${encode(new Uint8Array(await crypto.subtle.sign('HMAC', await key(), utf8.encode(head))))}`;
};
const check = async (token) => {
  const [header, claims, signature] = token.split('.');
  const good = await crypto.subtle.verify(
    'HMAC',
    await key(),
    decode(signature),
    utf8.encode(`${header}.${claims}`),
  );
  return good ? JSON.parse(new TextDecoder().decode(decode(claims))) : undefined;
};
export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === '/make') return new Response(await make({ sub: 'ada' }));
    if (pathname === '/both') return Response.json(await check(await make({ sub: 'ada', n: 1 })));
    const token = request.headers.get('authorization')?.replace('Bearer ', '') ?? '';
    let claims;
    try {
      claims = await check(token);
    } catch (error) {
      return new Response(error.name, { status: 400 });
    }
    return claims
      ? Response.json(claims)
      : new Response('forged', { status: 401, headers: { 'www-authenticate': 'Bearer' } });
  },
};
//// random: getRandomValues, randomUUID
//// GET /
import { report } from './report.js';
export default report({
  fills: () => crypto.getRandomValues(new Uint8Array(64)).some((x) => x !== 0),
  same: () => {
    const a = new Uint32Array(2);
    return crypto.getRandomValues(a) === a;
  },
  uuid: () =>
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(
      crypto.randomUUID(),
    ),
  different: () => crypto.randomUUID() !== crypto.randomUUID(),
  'too much': () => crypto.getRandomValues(new Uint8Array(65537)),
  floats: () => crypto.getRandomValues(new Float32Array(1)),
  'a view': () => crypto.getRandomValues(new DataView(new ArrayBuffer(1))),
  none: () => crypto.getRandomValues(),
  detached: () => {
    const { getRandomValues } = crypto;
    return getRandomValues(new Uint8Array(1)).length;
  },
  big: () => crypto.getRandomValues(new BigInt64Array(1)).length,
});
//// import-errors: keys that are none
//// GET /
import { report } from './report.js';
const load =
  (format, data, algorithm, usages = ['sign']) =>
  () =>
    crypto.subtle.importKey(format, data, algorithm, true, usages);
export default report({
  'no algorithm': load('raw', new Uint8Array(4), 'Nothing'),
  'no format': load('pem', new Uint8Array(4), { name: 'HMAC', hash: 'SHA-256' }),
  'jwk as bytes': load('jwk', new Uint8Array(4), { name: 'HMAC', hash: 'SHA-256' }),
  'raw as jwk': load('raw', { kty: 'oct', k: 'AA' }, { name: 'HMAC', hash: 'SHA-256' }),
  kty: load('jwk', { kty: 'RSA', k: 'AA' }, { name: 'HMAC', hash: 'SHA-256' }),
  key_ops: load(
    'jwk',
    { kty: 'oct', k: 'AA', key_ops: ['verify'] },
    { name: 'HMAC', hash: 'SHA-256' },
  ),
  ext: load('jwk', { kty: 'oct', k: 'AA', ext: false }, { name: 'HMAC', hash: 'SHA-256' }),
  alg: load('jwk', { kty: 'oct', k: 'AA', alg: 'HS512' }, { name: 'HMAC', hash: 'SHA-256' }),
  'bad pkcs8': load('pkcs8', new Uint8Array(20), { name: 'ECDSA', namedCurve: 'P-256' }),
  'bad spki': load('spki', new Uint8Array(20), { name: 'ECDSA', namedCurve: 'P-256' }, ['verify']),
  'bad base64': load('jwk', { kty: 'oct', k: '***' }, { name: 'HMAC', hash: 'SHA-256' }),
  'few arguments': () => crypto.subtle.importKey('raw'),
  'key is none': () => crypto.subtle.sign('HMAC', {}, new Uint8Array(1)),
});
//// names: what crypto has
//// GET /
import { report } from './report.js';
export default report({
  tags: () => [String(crypto), String(crypto.subtle)],
  construct: () => new Crypto(),
  'construct subtle': () => new SubtleCrypto(),
  'construct key': () => new CryptoKey(),
  methods: () =>
    [
      'decrypt',
      'deriveBits',
      'deriveKey',
      'digest',
      'encrypt',
      'exportKey',
      'generateKey',
      'importKey',
      'sign',
      'unwrapKey',
      'verify',
      'wrapKey',
    ].map((name) => typeof crypto.subtle[name]),
  own: () => ['timingSafeEqual'].map((name) => typeof crypto.subtle[name]),
  stream: () => typeof crypto.DigestStream,
});
//// etag: a hash as an entity tag
//// GET /
//// GET / {"headers": {"if-none-match": "\"ba7816bf\""}}
//// GET / {"headers": {"if-none-match": "\"other\""}}
export default {
  async fetch(request) {
    const hash = new Uint8Array(
      await crypto.subtle.digest('SHA-256', new TextEncoder().encode('abc')),
    );
    const etag = `"${[...hash.slice(0, 4)].map((b) => b.toString(16).padStart(2, '0')).join('')}"`;
    if (request.headers.get('if-none-match') === etag)
      return new Response(null, { status: 304, headers: { etag } });
    return new Response('abc', { headers: { etag, 'cache-control': 'max-age=60' } });
  },
};
//// webhook: a signed body
//// POST / {"headers": {"x-signature": "sha256=8b5f48702995c1598c573db1e21866a9b825d4a794d169d7060a03605796360b"}, "body": "message"}
//// POST / {"headers": {"x-signature": "sha256=00"}, "body": "message"}
//// POST / {"body": "message"}
export default {
  async fetch(request) {
    const given = request.headers.get('x-signature');
    if (given === null) return new Response('unsigned', { status: 401 });
    const key = await crypto.subtle.importKey(
      'raw',
      new TextEncoder().encode('secret'),
      { name: 'HMAC', hash: 'SHA-256' },
      false,
      ['verify'],
    );
    const bytes = Uint8Array.from(given.slice('sha256='.length).match(/../g), (two) =>
      parseInt(two, 16),
    );
    const good = await crypto.subtle.verify('HMAC', key, bytes, await request.arrayBuffer());
    return new Response(good ? 'accepted' : 'refused', { status: good ? 202 : 403 });
  },
};
//// constant-time: crypto.subtle.timingSafeEqual
//// GET /
import { report } from './report.js';
const equal = (a, b) => () => crypto.subtle.timingSafeEqual(a, b);
export default report({
  same: equal(new Uint8Array([1, 2]), new Uint8Array([1, 2])),
  other: equal(new Uint8Array([1, 2]), new Uint8Array([1, 3])),
  buffers: equal(new ArrayBuffer(3), new ArrayBuffer(3)),
  mixed: equal(new Uint8Array(4), new Uint16Array(2)),
  lengths: equal(new Uint8Array(1), new Uint8Array(2)),
  empty: equal(new Uint8Array(0), new Uint8Array(0)),
  text: equal('a', 'a'),
  one: () => crypto.subtle.timingSafeEqual(new Uint8Array(1)),
});
