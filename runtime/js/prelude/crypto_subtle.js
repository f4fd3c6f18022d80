'use strict';
// SubtleCrypto (https://w3c.github.io/webcrypto/#subtlecrypto-interface). The work is done before
// the promise is handed out, on the CPU time of the call.
const {
  ArrayPrototypeIncludes, JSONStringify, TypeError, TypedArrayPrototypeLength, Uint8Array,
} = primordials;
const fail = web.cryptoFail;

const needKey = (key) => {
  if (!web.isCryptoKey(key)) throw new TypeError('A key is a CryptoKey');
  return web.keyParts(key);
};
/// The parts of a key that may be used so with that algorithm.
const useKey = (key, params, usage) => {
  const parts = web.keyParts(key);
  if (parts.name !== params.name)
    fail('InvalidAccessError', `The key is for ${parts.name}, not for ${params.name}`);
  if (!ArrayPrototypeIncludes(parts.uses, usage))
    fail('InvalidAccessError', `The key is not for ${usage}`);
  return parts;
};
const needType = (parts, type) => {
  if (parts.type !== type) fail('InvalidAccessError', `A ${type} key is needed`);
};
const orFail = (result) => (result === undefined
  ? fail('OperationError', 'The operation failed') : result);

const kTagBits = { __proto__: null, 32: true, 64: true, 96: true, 104: true, 112: true, 120: true,
  128: true };
const cipher = (encrypt, params, parts, data) => {
  switch (params.name) {
    case 'RSA-OAEP':
      needType(parts, encrypt ? 'public' : 'private');
      return native.cryptoOaep(encrypt, parts.hash, parts.handle, params.label, data);
    case 'AES-CTR':
      return native.cryptoAes('AES-CTR', encrypt, parts.handle, params.counter, undefined,
        params.length, data);
    case 'AES-GCM': {
      const bits = params.tagLength ?? 128;
      if (!kTagBits[bits]) fail('OperationError', 'No such length of a tag');
      return native.cryptoAes('AES-GCM', encrypt, parts.handle, params.iv, params.additionalData,
        bits / 8, data);
    }
    case 'AES-KW':
      return native.cryptoAes('AES-KW', encrypt, parts.handle, undefined, undefined, 0, data);
    default:
      return native.cryptoAes('AES-CBC', encrypt, parts.handle, params.iv, undefined, 0, data);
  }
};
const kHashOfKey = { __proto__: null, 'RSASSA-PKCS1-v1_5': true, 'RSA-PSS': true };
const kContextMax = 255;
const hashFor = (params, parts) => {
  if (params.context !== undefined && TypedArrayPrototypeLength(params.context) > kContextMax)
    fail('OperationError', 'The context is too long');
  return kHashOfKey[params.name] ? parts.hash : params.hash?.name ?? '';
};

/// The first `bits` of a shared secret.
const truncate = (secret, bits) => {
  if (bits === null) return secret;
  const bytes = new Uint8Array(secret);
  if (bits > TypedArrayPrototypeLength(bytes) * 8)
    fail('OperationError', 'The shared secret is shorter');
  const out = primordials.TypedArrayPrototypeSlice(bytes, 0, (bits + 7) >>> 3);
  if (bits % 8 !== 0) out[out.length - 1] &= 0xff << (8 - bits % 8);
  return primordials.TypedArrayPrototypeBuffer(out);
};
const derive = (params, parts, bits) => {
  if (params.public !== undefined) {
    const peer = web.keyParts(params.public);
    needType(parts, 'private');
    if (peer.type !== 'public' || peer.name !== parts.name
      || peer.namedCurve !== parts.namedCurve)
      fail('InvalidAccessError', "The other side's key does not fit");
    return truncate(orFail(native.cryptoAgree(parts.handle, peer.handle)), bits);
  }
  if (bits === null || bits % 8 !== 0 || params.iterations === 0)
    fail('OperationError', 'A length in whole bytes is needed');
  return orFail(native.cryptoDerive(params.hash.name, parts.handle, params.salt, params.info,
    params.iterations ?? 0, bits / 8));
};

const kFormats = ['raw', 'spki', 'pkcs8', 'jwk'];
const toFormat = (format) => {
  const text = web.toText(format);
  if (!ArrayPrototypeIncludes(kFormats, text)) throw new TypeError(`No form of keys: '${text}'`);
  return text;
};
const toKeyData = (format, data) => {
  if (format !== 'jwk') return web.copyBytes(data, 'keyData');
  if (typeof data !== 'object' || data === null || web.asBytes(data) !== undefined)
    throw new TypeError('A JWK is an object');
  return data;
};
const toLength = (length) => (length === null || length === undefined ? null : length >>> 0);
/// wrapKey and unwrapKey take what encrypts as well.
const normalizeWrap = (operation, cipherOperation, given) => {
  try {
    return web.normalize(operation, given);
  } catch {
    return web.normalize(cipherOperation, given);
  }
};

class SubtleCrypto {
  #brand = true;
  constructor(key = undefined) { web.needInternal(key); }

  async encrypt(algorithm, key, data) {
    web.needArguments(arguments.length, 3, 'encrypt');
    this.#brand;
    needKey(key);
    const bytes = web.copyBytes(data, 'data');
    const params = web.normalize('encrypt', algorithm);
    return orFail(cipher(true, params, useKey(key, params, 'encrypt'), bytes));
  }
  async decrypt(algorithm, key, data) {
    web.needArguments(arguments.length, 3, 'decrypt');
    this.#brand;
    needKey(key);
    const bytes = web.copyBytes(data, 'data');
    const params = web.normalize('decrypt', algorithm);
    return orFail(cipher(false, params, useKey(key, params, 'decrypt'), bytes));
  }
  async sign(algorithm, key, data) {
    web.needArguments(arguments.length, 3, 'sign');
    this.#brand;
    needKey(key);
    const bytes = web.copyBytes(data, 'data');
    const params = web.normalize('sign', algorithm);
    const parts = useKey(key, params, 'sign');
    if (params.name === 'HMAC') return orFail(native.cryptoHmac(parts.hash, parts.handle, bytes));
    needType(parts, 'private');
    return orFail(native.cryptoSign(params.name, hashFor(params, parts), params.saltLength ?? 0,
      parts.handle, bytes));
  }
  /// As Cloudflare Workers have it; the time depends on the length only.
  timingSafeEqual(a, b) {
    web.needArguments(arguments.length, 2, 'timingSafeEqual');
    this.#brand;
    const left = web.copyBytes(a, 'a');
    const right = web.copyBytes(b, 'b');
    if (primordials.TypedArrayPrototypeLength(left) !== primordials.TypedArrayPrototypeLength(right))
      throw new primordials.TypeError('timingSafeEqual compares as many bytes of both');
    return native.cryptoEqual(left, right);
  }
  async verify(algorithm, key, signature, data) {
    web.needArguments(arguments.length, 4, 'verify');
    this.#brand;
    needKey(key);
    const given = web.copyBytes(signature, 'signature');
    const bytes = web.copyBytes(data, 'data');
    const params = web.normalize('verify', algorithm);
    const parts = useKey(key, params, 'verify');
    if (params.name === 'HMAC')
      return native.cryptoEqual(orFail(native.cryptoHmac(parts.hash, parts.handle, bytes)), given);
    needType(parts, 'public');
    return native.cryptoVerify(params.name, hashFor(params, parts), params.saltLength ?? 0,
      parts.handle, given, bytes);
  }
  async digest(algorithm, data) {
    web.needArguments(arguments.length, 2, 'digest');
    this.#brand;
    const bytes = web.asBytes(data);
    if (bytes === undefined) throw new TypeError('data is an ArrayBuffer or a view of one');
    return orFail(native.cryptoDigest(web.normalize('digest', algorithm).name, bytes));
  }
  async generateKey(algorithm, extractable, keyUsages) {
    web.needArguments(arguments.length, 3, 'generateKey');
    this.#brand;
    const usages = web.toUsages(keyUsages);
    return web.generateKey(web.normalize('generateKey', algorithm), !!extractable, usages);
  }
  async deriveKey(algorithm, baseKey, derivedKeyType, extractable, keyUsages) {
    web.needArguments(arguments.length, 5, 'deriveKey');
    this.#brand;
    needKey(baseKey);
    const usages = web.toUsages(keyUsages);
    const params = web.normalize('deriveBits', algorithm);
    const wanted = web.normalize('importKey', derivedKeyType);
    const bits = web.lengthOf(web.normalize('getLength', derivedKeyType));
    const secret = derive(params, useKey(baseKey, params, 'deriveKey'), bits);
    return web.importKey('raw', new Uint8Array(secret), wanted, !!extractable, usages);
  }
  async deriveBits(algorithm, baseKey, length = null) {
    web.needArguments(arguments.length, 2, 'deriveBits');
    this.#brand;
    needKey(baseKey);
    const bits = toLength(length);
    const params = web.normalize('deriveBits', algorithm);
    return derive(params, useKey(baseKey, params, 'deriveBits'), bits);
  }
  async importKey(format, keyData, algorithm, extractable, keyUsages) {
    web.needArguments(arguments.length, 5, 'importKey');
    this.#brand;
    const form = toFormat(format);
    const usages = web.toUsages(keyUsages);
    const data = toKeyData(form, keyData);
    return web.importKey(form, data, web.normalize('importKey', algorithm), !!extractable, usages);
  }
  async exportKey(format, key) {
    web.needArguments(arguments.length, 2, 'exportKey');
    this.#brand;
    const form = toFormat(format);
    needKey(key);
    return web.exportKey(form, key);
  }
  async wrapKey(format, key, wrappingKey, wrapAlgorithm) {
    web.needArguments(arguments.length, 4, 'wrapKey');
    this.#brand;
    const form = toFormat(format);
    needKey(key);
    needKey(wrappingKey);
    const params = normalizeWrap('wrapKey', 'encrypt', wrapAlgorithm);
    const parts = useKey(wrappingKey, params, 'wrapKey');
    const exported = web.exportKey(form, key);
    const bytes = form === 'jwk' ? native.utf8Encode(JSONStringify(exported))
      : new Uint8Array(exported);
    return orFail(cipher(true, params, parts, bytes));
  }
  async unwrapKey(format, wrappedKey, unwrappingKey, unwrapAlgorithm, unwrappedKeyAlgorithm,
    extractable, keyUsages) {
    web.needArguments(arguments.length, 7, 'unwrapKey');
    this.#brand;
    const form = toFormat(format);
    needKey(unwrappingKey);
    const wrapped = web.copyBytes(wrappedKey, 'wrappedKey');
    const usages = web.toUsages(keyUsages);
    const params = normalizeWrap('unwrapKey', 'decrypt', unwrapAlgorithm);
    const wanted = web.normalize('importKey', unwrappedKeyAlgorithm);
    const parts = useKey(unwrappingKey, params, 'unwrapKey');
    const bytes = new Uint8Array(orFail(cipher(false, params, parts, wrapped)));
    const data = form === 'jwk' ? web.parseJwk(bytes) : bytes;
    return web.importKey(form, data, wanted, !!extractable, usages);
  }
}
web.exposeClass(SubtleCrypto);
web.subtle = new SubtleCrypto(web.kInternal);
