'use strict';
// CryptoKey: made, imported, exported. The secret itself is in C++ and is wiped there.
const {
  ArrayPrototypeIncludes, ArrayPrototypePush, JSONParse, StringFromCharCode,
  StringPrototypeCharCodeAt, StringPrototypeReplaceAll, TypeError, TypedArrayPrototypeFill,
  TypedArrayPrototypeLength, Uint8Array,
} = primordials;
const fail = web.cryptoFail;

let partsOf;

class CryptoKey {
  #parts;

  static {
    web.isCryptoKey = (value) => typeof value === 'object' && value !== null && #parts in value;
    partsOf = (key) => key.#parts;
    ArrayPrototypePush(web.cloneRules, (value) => (#parts in value
      ? new CryptoKey(web.kInternal, value.#parts) : undefined));
  }
  constructor(key = undefined, parts = undefined) {
    web.needInternal(key);
    this.#parts = parts;
  }
  get type() { return this.#parts.type; }
  get extractable() { return this.#parts.extractable; }
  get algorithm() { return this.#parts.algorithm; }
  get usages() { return this.#parts.usages; }
}
web.exposeClass(CryptoKey);
web.keyParts = partsOf;
/// `handle` is the key in C++, `name` its algorithm's, kept apart from the object functions see.
const makeKey = (type, handle, algorithm, extractable, usages) => {
  const { name, hash, namedCurve, length } = algorithm;
  return new CryptoKey(web.kInternal, { __proto__: null, type, handle, algorithm, extractable,
    usages, name, hash: hash?.name, namedCurve, length, uses: [...usages] });
};
/// What C++ calls the key's kind.
const kindOf = (name, namedCurve) => {
  const { kind } = web.algorithmOf(name);
  return kind === 'EC' ? namedCurve : kind;
};
const kCurves = ['P-256', 'P-384', 'P-521'];
const checkCurve = (params) => {
  if (params.namedCurve !== undefined && !ArrayPrototypeIncludes(kCurves, params.namedCurve))
    fail('NotSupportedError', `the curve ${params.namedCurve}`);
};
const rsaAlgorithm = (name, hash, handle) => {
  const numbers = native.cryptoNumbers('RSA', handle, false);
  return { name, modulusLength: native.cryptoBits(handle),
    publicExponent: new Uint8Array(numbers[1]), hash: { name: hash.name } };
};
/// The algorithm attribute of a key pair.
const pairAlgorithm = (params, handle) => {
  if (params.hash !== undefined) return rsaAlgorithm(params.name, params.hash, handle);
  return params.namedCurve === undefined ? { name: params.name }
    : { name: params.name, namedCurve: params.namedCurve };
};
const kHashBlocks = { __proto__: null, 'SHA-1': 512, 'SHA-256': 512, 'SHA-384': 1024,
  'SHA-512': 1024 };
const isAesLength = (bits) => bits === 128 || bits === 192 || bits === 256;

/// How long a key of this algorithm is, for deriveKey; null: as long as you like.
web.lengthOf = (params) => {
  if (params.name === 'HMAC') {
    if (params.length === 0) throw new TypeError('A key of no length');
    return params.length ?? kHashBlocks[params.hash.name];
  }
  if (params.length === undefined) return null;
  if (!isAesLength(params.length)) fail('OperationError', 'AES keys have 128, 192 or 256 bits');
  return params.length;
};

const kKnownExponents = { __proto__: null, 3: true, 65537: true };
const generatePair = (params, extractable, usages) => {
  const { publicUsages, privateUsages } = web.algorithmOf(params.name);
  web.checkUsages(usages, [...privateUsages, ...publicUsages]);
  checkCurve(params);
  if (params.publicExponent !== undefined) {
    let exponent = 0;
    for (let i = 0; i < TypedArrayPrototypeLength(params.publicExponent); i++)
      exponent = exponent * 256 + params.publicExponent[i];
    if (!kKnownExponents[exponent]) fail('OperationError', 'The exponent is 3 or 65537');
  }
  const uses = web.onlyUsages(privateUsages, usages);
  if (uses.length === 0) fail('SyntaxError', 'The private key would have no usage');
  const handle = native.cryptoGenerate(kindOf(params.name, params.namedCurve),
    params.modulusLength > 0xffff ? 0 : params.modulusLength, params.publicExponent);
  if (handle === undefined) fail('OperationError', 'The key cannot be made');
  const algorithm = pairAlgorithm(params, handle);
  return {
    publicKey: makeKey('public', native.cryptoPublic(handle), algorithm, true,
      web.onlyUsages(publicUsages, usages)),
    privateKey: makeKey('private', handle, algorithm, extractable, uses),
  };
};
web.generateKey = (params, extractable, usages) => {
  const { secretUsages } = web.algorithmOf(params.name);
  if (secretUsages === undefined) return generatePair(params, extractable, usages);
  web.checkUsages(usages, secretUsages);
  if (params.name === 'HMAC' && params.length === 0) fail('OperationError', 'A key of no length');
  const bits = web.lengthOf(params);
  if (usages.length === 0) fail('SyntaxError', 'The key would have no usage');
  const bytes = new Uint8Array((bits + 7) >>> 3);
  native.random(bytes);
  const handle = native.cryptoSecret(bytes);
  TypedArrayPrototypeFill(bytes, 0);
  return makeKey('secret', handle, secretAlgorithm(params, bits), extractable, usages);
};
const secretAlgorithm = (params, bits) => (params.hash === undefined
  ? { name: params.name, length: bits }
  : { name: params.name, hash: { name: params.hash.name }, length: bits });

// --- JSON Web Keys (RFC 7517, 7518, 8037)

const toUrl = (buffer) => {
  const bytes = new Uint8Array(buffer);
  let binary = '';
  for (let i = 0; i < bytes.length; i++) binary += StringFromCharCode(bytes[i]);
  let text = native.base64Encode(binary);
  text = StringPrototypeReplaceAll(StringPrototypeReplaceAll(text, '+', '-'), '/', '_');
  return StringPrototypeReplaceAll(text, '=', '');
};
const fromUrl = (text) => {
  if (typeof text !== 'string' || primordials.RegExpPrototypeExec(/^[\w-]*$/, text) === null)
    fail('DataError', 'A member of the JWK is missing or no base64url');
  const binary = native.base64Decode(
    StringPrototypeReplaceAll(StringPrototypeReplaceAll(text, '-', '+'), '_', '/'));
  if (binary === undefined) fail('DataError', 'A member of the JWK is no base64url');
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = StringPrototypeCharCodeAt(binary, i);
  return bytes;
};

const kRsaMembers = ['n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi'];
const kEcMembers = ['x', 'y', 'd'];
const kOkpMembers = ['x', 'd'];
const membersOf = (kind) => (kind === 'RSA' ? kRsaMembers
  : kind[1] === '-' ? kEcMembers : kOkpMembers);
const kRsaAlg = { __proto__: null, 'RSASSA-PKCS1-v1_5': 'RS', 'RSA-PSS': 'PS', 'RSA-OAEP': '' };
const hashNumber = (hash) => primordials.StringPrototypeSlice(hash, 4);
/// The `alg` a JWK of this key has; undefined: none.
const algOf = (name, hash, bits) => {
  switch (name) {
    case 'RSA-OAEP': return hash === 'SHA-1' ? 'RSA-OAEP' : `RSA-OAEP-${hashNumber(hash)}`;
    case 'HMAC': return `HS${hashNumber(hash)}`;
    default:
      if (kRsaAlg[name] !== undefined) return kRsaAlg[name] + hashNumber(hash);
      return web.algorithmOf(name).jwk === undefined ? undefined
        : `A${bits}${web.algorithmOf(name).jwk}`;
  }
};
const kCurveAlg = { __proto__: null, 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' };
const kEncrypts = { __proto__: null, 'RSA-OAEP': true, 'AES-CTR': true, 'AES-CBC': true,
  'AES-GCM': true, 'AES-KW': true, ECDH: true, X25519: true, X448: true };

const checkJwk = (jwk, kty, params, extractable, usages) => {
  const bad = (what) => fail('DataError', `The JWK's ${what} does not fit`);
  if (jwk.kty !== kty) bad('kty');
  if (usages.length > 0 && jwk.use !== undefined
    && jwk.use !== (kEncrypts[params.name] ? 'enc' : 'sig')) bad('use');
  if (jwk.key_ops !== undefined) {
    const ops = [...jwk.key_ops];
    for (let i = 0; i < ops.length; i++)
      if (primordials.ArrayPrototypeIndexOf(ops, ops[i], i + 1) >= 0) bad('key_ops');
    for (let i = 0; i < usages.length; i++)
      if (!ArrayPrototypeIncludes(ops, usages[i])) bad('key_ops');
  }
  if (jwk.ext !== undefined && !jwk.ext && extractable) bad('ext');
};
const checkAlg = (jwk, ...allowed) => {
  if (jwk.alg !== undefined && !ArrayPrototypeIncludes(allowed, jwk.alg))
    fail('DataError', "The JWK's alg does not fit");
};

const importPairJwk = (params, kind, jwk, extractable, usages) => {
  const { publicUsages, privateUsages } = web.algorithmOf(params.name);
  const isPrivate = jwk.d !== undefined;
  web.checkUsages(usages, isPrivate ? privateUsages : publicUsages);
  checkJwk(jwk, kind === 'RSA' ? 'RSA' : kind[1] === '-' ? 'EC' : 'OKP', params, extractable,
    usages);
  if (kind === 'RSA') {
    checkAlg(jwk, algOf(params.name, params.hash.name));
    if (jwk.oth !== undefined) fail('NotSupportedError', 'An RSA key of more than two primes');
  } else {
    if (jwk.crv !== kind) fail('DataError', "The JWK's crv does not fit");
    if (params.name === 'ECDSA') checkAlg(jwk, kCurveAlg[kind]);
    if (params.name === 'Ed25519' || params.name === 'Ed448')
      checkAlg(jwk, 'EdDSA', params.name);
  }
  const numbers = [];
  const members = membersOf(kind);
  for (let i = 0; i < members.length; i++) {
    if (members[i] === 'd' && !isPrivate) break;
    ArrayPrototypePush(numbers, fromUrl(jwk[members[i]]));
  }
  return [native.cryptoFromNumbers(kind, numbers), isPrivate];
};
const importPair = (format, data, params, extractable, usages) => {
  const { publicUsages, privateUsages } = web.algorithmOf(params.name);
  checkCurve(params);
  const kind = kindOf(params.name, params.namedCurve);
  let handle;
  let isPrivate = format === 'pkcs8';
  if (format === 'jwk') {
    [handle, isPrivate] = importPairJwk(params, kind, data, extractable, usages);
  } else {
    if (format === 'raw' && kind === 'RSA') fail('NotSupportedError', 'RSA keys have no raw form');
    web.checkUsages(usages, isPrivate ? privateUsages : publicUsages);
    handle = native.cryptoImport(format, kind, data);
  }
  if (handle === undefined) fail('DataError', 'The key data is malformed');
  return makeKey(isPrivate ? 'private' : 'public', handle, pairAlgorithm(params, handle),
    extractable, usages);
};
const importSecret = (format, data, params, extractable, usages) => {
  const { name } = params;
  const { secretUsages, jwk: suffix } = web.algorithmOf(name);
  const derives = name === 'HKDF' || name === 'PBKDF2';
  if (format !== 'raw' && (format !== 'jwk' || derives))
    fail('NotSupportedError', `${name} keys have no form ${format}`);
  web.checkUsages(usages, secretUsages);
  if (derives) {
    if (extractable) fail('SyntaxError', `${name} keys are not extractable`);
    return makeKey('secret', native.cryptoSecret(data), { name }, false, usages);
  }
  let bytes = data;
  if (format === 'jwk') {
    if (data.kty !== 'oct') fail('DataError', "The JWK's kty does not fit");
    bytes = fromUrl(data.k);
  }
  let bits = TypedArrayPrototypeLength(bytes) * 8;
  if (suffix !== undefined && !isAesLength(bits))
    fail('DataError', 'AES keys have 128, 192 or 256 bits');
  if (format === 'jwk') {
    checkAlg(data, algOf(name, params.hash?.name, bits));
    checkJwk(data, 'oct', params, extractable, usages);
  }
  if (name === 'HMAC') {
    if (bits === 0) fail('DataError', 'A key of no length');
    const asked = params.length ?? bits;
    if (asked > bits || asked <= bits - 8) fail('DataError', 'The length does not fit the key');
    bits = asked;
  }
  return makeKey('secret', native.cryptoSecret(bytes), secretAlgorithm(params, bits), extractable,
    usages);
};
/// `data`: bytes, or the JWK as an object.
web.importKey = (format, data, params, extractable, usages) => {
  const { secretUsages } = web.algorithmOf(params.name);
  const key = (secretUsages === undefined ? importPair : importSecret)(
    format, data, params, extractable, usages);
  if (key.type !== 'public' && usages.length === 0)
    fail('SyntaxError', 'The key would have no usage');
  return key;
};

const exportJwk = (parts) => {
  const jwk = {};
  if (parts.type === 'secret') {
    jwk.kty = 'oct';
    jwk.k = toUrl(native.cryptoSecretBytes(parts.handle));
  } else {
    const kind = kindOf(parts.name, parts.namedCurve);
    const isPrivate = parts.type === 'private';
    jwk.kty = kind === 'RSA' ? 'RSA' : kind[1] === '-' ? 'EC' : 'OKP';
    if (kind !== 'RSA') jwk.crv = kind;
    const members = membersOf(kind);
    const numbers = native.cryptoNumbers(kind, parts.handle, isPrivate);
    if (numbers === undefined) fail('OperationError', 'The key has no JWK');
    for (let i = 0; i < numbers.length; i++) jwk[members[i]] = toUrl(numbers[i]);
  }
  const alg = algOf(parts.name, parts.hash, parts.length);
  if (alg !== undefined) jwk.alg = alg;
  jwk.key_ops = [...parts.uses];
  jwk.ext = parts.extractable;
  return jwk;
};
/// An ArrayBuffer, or a JWK.
web.exportKey = (format, key) => {
  const parts = partsOf(key);
  if (!web.hasOperation('exportKey', parts.name))
    fail('NotSupportedError', `${parts.name} keys cannot be exported`);
  if (!parts.extractable) fail('InvalidAccessError', 'The key is not extractable');
  if (format === 'jwk') return exportJwk(parts);
  const secret = web.algorithmOf(parts.name).secretUsages !== undefined;
  const known = secret ? format === 'raw' : format !== 'raw' || parts.hash === undefined;
  if (!known) fail('NotSupportedError', `${parts.name} keys have no form ${format}`);
  const wanted = secret ? 'secret' : format === 'pkcs8' ? 'private' : 'public';
  if (parts.type !== wanted) fail('InvalidAccessError', `A ${parts.type} key has no ${format}`);
  const out = secret ? native.cryptoSecretBytes(parts.handle)
    : native.cryptoExport(format, parts.handle);
  if (out === undefined) fail('OperationError', 'The key cannot be exported');
  return out;
};
/// A JWK in JSON, for unwrapKey.
web.parseJwk = (bytes) => {
  let jwk;
  try {
    jwk = JSONParse(native.utf8Decode(bytes, false, false));
  } catch {
    fail('DataError', 'The wrapped key is no JSON');
  }
  if (typeof jwk !== 'object' || jwk === null) fail('DataError', 'The wrapped key is no JWK');
  return jwk;
};
