'use strict';
// What crypto.subtle knows: algorithms, their parameters, and how an argument becomes one of them
// (https://w3c.github.io/webcrypto/#algorithm-normalization).
const {
  ArrayPrototypeIncludes, MathTrunc, ObjectSetPrototypeOf, ReflectOwnKeys,
  StringPrototypeToUpperCase, TypeError, TypedArrayPrototypeSlice, TypedArrayPrototypeTag,
} = primordials;

/// Made when the first of them is asked for: most functions never do.
const makeTable = () => {
  const kRsaGenerate = { modulusLength: 'u32!', publicExponent: 'integer!', hash: 'hash!' };
  const kHash = { hash: 'hash!' };
  const kCurve = { namedCurve: 'text!' };
  const kAesLength = { length: 'u16!' };
  const kHmac = { hash: 'hash!', length: 'u32' };
  const kPeer = { public: 'key!' };
  const kIv = { iv: 'bytes!' };
  const kCounter = { counter: 'bytes!', length: 'u8!' };
  const kGcm = { iv: 'bytes!', additionalData: 'bytes', tagLength: 'u8' };
  const kLabel = { label: 'bytes' };

  const rsaSigns = (sign) => ({ kind: 'RSA', publicUsages: ['verify'], privateUsages: ['sign'],
    sign, verify: sign, generateKey: kRsaGenerate, importKey: kHash, exportKey: {} });
  const edwards = (kind) => ({ kind, publicUsages: ['verify'], privateUsages: ['sign'],
    sign: {}, verify: {}, generateKey: {}, importKey: {}, exportKey: {} });
  const montgomery = (kind) => ({ kind, publicUsages: [],
    privateUsages: ['deriveKey', 'deriveBits'], deriveBits: kPeer, generateKey: {}, importKey: {}, exportKey: {} });
  const aes = (jwk, secretUsages, more) => ({ jwk, secretUsages, generateKey: kAesLength,
    importKey: {}, exportKey: {}, getLength: kAesLength, ...more });
  const kCipherUsages = ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey'];
  const aesCipher = (jwk, params) => aes(jwk, kCipherUsages, { encrypt: params, decrypt: params });
  const kDerives = { secretUsages: ['deriveKey', 'deriveBits'], importKey: {}, getLength: {} };

  // name -> what it is, and the parameters of each operation it has.
  const algorithms = {
    __proto__: null,
    'RSASSA-PKCS1-v1_5': rsaSigns({}),
    'RSA-PSS': rsaSigns({ saltLength: 'u32!' }),
    'RSA-OAEP': { kind: 'RSA', publicUsages: ['encrypt', 'wrapKey'],
      privateUsages: ['decrypt', 'unwrapKey'], encrypt: kLabel, decrypt: kLabel,
      generateKey: kRsaGenerate, importKey: kHash, exportKey: {} },
    ECDSA: { kind: 'EC', publicUsages: ['verify'], privateUsages: ['sign'], sign: kHash,
      verify: kHash, generateKey: kCurve, importKey: kCurve, exportKey: {} },
    ECDH: { kind: 'EC', publicUsages: [], privateUsages: ['deriveKey', 'deriveBits'],
      deriveBits: kPeer, generateKey: kCurve, importKey: kCurve, exportKey: {} },
    Ed25519: edwards('Ed25519'),
    Ed448: edwards('Ed448'),
    X25519: montgomery('X25519'),
    X448: montgomery('X448'),
    'AES-CTR': aesCipher('CTR', kCounter),
    'AES-CBC': aesCipher('CBC', kIv),
    'AES-GCM': aesCipher('GCM', kGcm),
    'AES-KW': aes('KW', ['wrapKey', 'unwrapKey'], { wrapKey: {}, unwrapKey: {} }),
    HMAC: { secretUsages: ['sign', 'verify'], sign: {}, verify: {}, generateKey: kHmac,
      importKey: kHmac, exportKey: {}, getLength: kHmac },
    HKDF: { ...kDerives, deriveBits: { hash: 'hash!', info: 'bytes!', salt: 'bytes!' } },
    PBKDF2: { ...kDerives,
      deriveBits: { hash: 'hash!', iterations: 'u32!', salt: 'bytes!' } },
    'SHA-1': { digest: {} }, 'SHA-256': { digest: {} }, 'SHA-384': { digest: {} },
    'SHA-512': { digest: {} },
  };
  const by_upper_case = { __proto__: null };
  const names = ReflectOwnKeys(algorithms);
  for (let i = 0; i < names.length; i++) {
    by_upper_case[StringPrototypeToUpperCase(names[i])] = names[i];
    const algorithm = ObjectSetPrototypeOf(algorithms[names[i]], null);
    const keys = ReflectOwnKeys(algorithm);
    for (let k = 0; k < keys.length; k++) {
      const value = algorithm[keys[k]];  // a string, an array, or parameters
      if (native.kindOf(value) === 'object') ObjectSetPrototypeOf(value, null);
    }
  }
  return { __proto__: null, algorithms, by_upper_case };
};
let made;
const table = () => (made ??= makeTable());

const fail = (name, message) => { throw new web.DOMException(message, name); };
const kMost = { __proto__: null, u8: 0xff, u16: 0xffff, u32: 0xffffffff };

const convert = (what, value, name) => {
  switch (what) {
    case 'hash': return { name: web.normalize('digest', value).name };
    case 'text': return web.toText(value);
    case 'key':
      if (!web.isCryptoKey(value)) throw new TypeError(`${name} is a CryptoKey`);
      return value;
    case 'integer':
      if (typeof value !== 'object' || value === null
        || TypedArrayPrototypeTag(value) !== 'Uint8Array')
        throw new TypeError(`${name} is a Uint8Array`);
      return TypedArrayPrototypeSlice(value);
    case 'bytes': return web.copyBytes(value, name);
    default: {
      const number = MathTrunc(+value);
      if (!(number >= 0 && number <= kMost[what])) throw new TypeError(`${name} is out of range`);
      return number;
    }
  }
};
/// A copy of a BufferSource.
web.copyBytes = (value, name) => {
  const bytes = web.asBytes(value);
  if (bytes === undefined) throw new TypeError(`${name} is an ArrayBuffer or a view of one`);
  return TypedArrayPrototypeSlice(bytes);
};
/// The algorithm and parameters of an operation; NotSupportedError when there is no such.
web.normalize = (operation, given) => {
  const isObject = (typeof given === 'object' && given !== null) || typeof given === 'function';
  if (isObject && given.name === undefined) throw new TypeError('An algorithm has a name');
  const asked = web.toText(isObject ? given.name : given);
  const name = table().by_upper_case[StringPrototypeToUpperCase(asked)];
  const params = name === undefined ? undefined : table().algorithms[name][operation];
  if (params === undefined) fail('NotSupportedError', `${operation} with ${asked}`);
  const out = { __proto__: null, name };
  for (const member in params) {  // an object without prototype
    const what = params[member];
    const required = what[what.length - 1] === '!';
    const value = isObject ? given[member] : undefined;
    if (value !== undefined) {
      out[member] = convert(required ? primordials.StringPrototypeSlice(what, 0, -1) : what, value,
        member);
    } else if (required) {
      throw new TypeError(`${asked} needs ${member}`);
    }
  }
  return out;
};
web.hasOperation = (operation, name) => table().algorithms[name]?.[operation] !== undefined;
web.algorithmOf = (name) => table().algorithms[name];
web.cryptoFail = fail;

const kUsages = ['encrypt', 'decrypt', 'sign', 'verify', 'deriveKey', 'deriveBits', 'wrapKey',
  'unwrapKey'];
/// A sequence of usages, each once.
web.toUsages = (given) => {
  if ((typeof given !== 'object' && typeof given !== 'function') || given === null)
    throw new TypeError('Usages are a sequence');
  const asked = [...given];
  for (let i = 0; i < asked.length; i++) {
    asked[i] = web.toText(asked[i]);
    if (!ArrayPrototypeIncludes(kUsages, asked[i]))
      throw new TypeError(`'${asked[i]}' is no usage of a key`);
  }
  return web.onlyUsages(kUsages, asked);
};
web.onlyUsages = (allowed, usages) => {
  const out = [];
  for (let i = 0; i < allowed.length; i++) {
    if (ArrayPrototypeIncludes(usages, allowed[i]))
      primordials.ArrayPrototypePush(out, allowed[i]);
  }
  return out;
};
web.checkUsages = (usages, allowed) => {
  for (let i = 0; i < usages.length; i++) {
    if (!ArrayPrototypeIncludes(allowed, usages[i]))
      fail('SyntaxError', `A key of this kind is not for ${usages[i]}`);
  }
};
