// Checks a transferable receipt with nothing but WebCrypto: in a browser, in Node.js, offline.
//
//   import { verifyReceipt } from './receipt.js';
//   const receipt = await verifyReceipt(text, publicKeyHex);   // throws an Error that says why not
//
// or, with Node.js 22.7 and later: node receipt.js FILE KEY [SEEN], which prints the receipt or one line, and exits with 0, 1 or 2.
// `themis receipt verify` decides the same. The format and every hash: enclave/receipts/*.hpp.

const FORMAT = 'themis-receipt-1';
const TEXT_MAX = 128 * 1024;
const LIMITS = { keys: 16384, arguments: 8192, result: 4096, path: 64, thread_path: 6, certificates: 64 };
const ZEROS = '00'.repeat(32);
const U64_MAX = 2n ** 64n - 1n;

const require = (condition, why) => {
  if (!condition) throw new Error(why);
};

// Bytes -----------------------------------------------------------------------------------------

const fromHex = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
const text = (string) => new TextEncoder().encode(string);
const little = (value, size) => {
  const bytes = new Uint8Array(size);
  for (let i = 0, left = BigInt(value); i < size; i++, left >>= 8n) bytes[i] = Number(left & 0xffn);
  return bytes;
};
const u8 = (value) => little(value, 1);
const u16 = (value) => little(value, 2);
const u32 = (value) => little(value, 4);
const u64 = (value) => little(value, 8);
const join = (parts) => {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return all;
};
/** SHA-256 of the parts, as hexadecimal. */
const sha256 = async (...parts) =>
  toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', join(parts))));
const leafHash = (...parts) => sha256(u8(0), ...parts);
const nodeHash = (left, right) => sha256(u8(1), fromHex(left), fromHex(right));

// The text --------------------------------------------------------------------------------------

const isHex = (bytes) => (value) => typeof value === 'string' && value.length === 2 * bytes && /^[0-9a-f]*$/.test(value);
const isBytes = (max) => (value) =>
  typeof value === 'string' && value.length % 2 === 0 && value.length <= 2 * max && /^[0-9a-f]*$/.test(value);
const isNumber = (max) => (value) => Number.isInteger(value) && value >= 0 && value <= max;
const isLong = (value) => typeof value === 'string' && /^(0|[1-9][0-9]{0,19})$/.test(value) && BigInt(value) <= U64_MAX;
const isList = (max, is) => (value) => Array.isArray(value) && value.length <= max && value.every(is);
const isObject = (members) => (value) =>
  typeof value === 'object' && value !== null && Object.keys(value).join() === Object.keys(members).join() &&
  Object.entries(members).every(([name, is]) => is(value[name]));

const isCertificate = isObject({
  instance: isHex(16), epoch: isNumber(2 ** 32 - 1), threads: isNumber(65535), previous: isHex(32),
  root: isHex(32), secret: isHex(16), signature: isHex(64),
});
const isReceipt = isObject({
  format: (value) => value === FORMAT, thread: isNumber(65535), position: isLong, client: isHex(32),
  nonce: isLong, function: isNumber(255), keys: isBytes(LIMITS.keys), arguments: isBytes(LIMITS.arguments),
  result: isBytes(LIMITS.result), index: isLong, size: isLong, path: isList(LIMITS.path, isHex(32)),
  thread_path: isList(LIMITS.thread_path, isHex(32)), certificates: isList(LIMITS.certificates, isCertificate),
});

/** A receipt has one text: what JSON.stringify makes of it again must be the same. */
export function parseReceipt(source) {
  require(source.length <= TEXT_MAX, 'a receipt has at most 131072 characters');
  let receipt;
  try {
    receipt = JSON.parse(source);
  } catch {
    throw new Error('not JSON');
  }
  require(isReceipt(receipt), 'not a receipt: a member is missing, too many, or of another form');
  require(JSON.stringify(receipt, null, 2) + '\n' === source, 'not the one text of this receipt');
  require(receipt.certificates.length > 0, 'no certificate: the answer is provisional until its epoch is certified');
  return receipt;
}

// Certificates ----------------------------------------------------------------------------------

const chainOf = (c) =>
  sha256(text('themis/receipt/chain/v1'), fromHex(c.instance), u32(c.epoch), u16(c.threads),
         fromHex(c.previous), fromHex(c.root), fromHex(c.secret));

/** All signed by `key`, of one instance, and each the one after the one before. */
async function checkChain(certificates, key) {
  let before = null;
  for (const each of certificates) {
    if (before !== null) {
      require(each.instance === before.instance, 'certificates of two instances');
      require(each.epoch === before.epoch + 1, `no certificate of epoch ${before.epoch + 1}`);
      require(each.previous === await chainOf(before), `a forked chain at epoch ${each.epoch}`);
    }
    require(each.epoch !== 0 || each.previous === ZEROS, 'something before the first epoch');
    const statement = join([text('themis/receipt/epoch/v1'), fromHex(each.instance), u32(each.epoch),
                            fromHex(await chainOf(each))]);
    require(await crypto.subtle.verify('Ed25519', key, fromHex(each.signature), statement),
            `the key did not sign the certificate of epoch ${each.epoch}`);
    before = each;
  }
}

/** Whether two chains are parts of one, with no epoch missing between them. */
async function checkSameChain(seen, shown) {
  require(seen[0].instance === shown[0].instance, 'a certificate of another instance');
  const [first, second] = shown[0].epoch > seen.at(-1).epoch ? [seen, shown] : [shown, seen];
  const last = first.at(-1);
  if (second[0].epoch > last.epoch) {
    require(second[0].epoch === last.epoch + 1, `no certificate of epoch ${last.epoch + 1}`);
    require(second[0].previous === await chainOf(last), `a forked chain at epoch ${second[0].epoch}`);
  }
  for (const one of seen)
    for (const other of shown)
      require(one.epoch !== other.epoch || await chainOf(one) === await chainOf(other),
              `a forked chain at epoch ${one.epoch}`);
}

// The tree --------------------------------------------------------------------------------------

/** The root that a path leads to from a leaf: RFC 9162, section 2.1.3. */
async function rootOf(leaf, index, size, path) {
  require(index < size, 'a leaf beyond its log');
  let [hash, at, used] = [leaf, index, 0];
  for (let width = size; width > 1n; width = (width + 1n) / 2n, at /= 2n) {
    if ((at ^ 1n) >= width) continue;
    require(used < path.length, 'a path that ends below its root');
    const sibling = path[used++];
    hash = at % 2n === 1n ? await nodeHash(sibling, hash) : await nodeHash(hash, sibling);
  }
  require(used === path.length, 'a path that goes on above its root');
  return hash;
}

async function checkTree(receipt) {
  const [certificate] = receipt.certificates;
  const parts = [receipt.keys, receipt.arguments, receipt.result].map(fromHex);
  const leaf = await leafHash(
    text('themis/receipt/leaf/v1'), fromHex(certificate.instance), u16(receipt.thread),
    u32(certificate.epoch), u64(receipt.position), fromHex(receipt.client), fromHex(certificate.secret),
    u64(receipt.nonce), u8(receipt.function), ...parts.map((part) => u32(part.length)), ...parts);
  const log = await rootOf(leaf, BigInt(receipt.index), BigInt(receipt.size), receipt.path);
  const thread = await leafHash(text('themis/receipt/thread/v1'), u64(receipt.size), fromHex(log));
  const root = await rootOf(thread, BigInt(receipt.thread), BigInt(certificate.threads), receipt.thread_path);
  require(root === certificate.root, 'the receipt is not among those of its epoch');
}

/**
 * Returns the receipt in `source`, or throws. `key`: the store's public key, 64 hexadecimal digits.
 * `seen`: the text of an earlier receipt, whose chain must be the same one.
 */
export async function verifyReceipt(source, key, seen = '') {
  require(/^[0-9a-fA-F]{64}$/.test(key), 'the key has 64 hexadecimal digits');
  const signer = await crypto.subtle.importKey('raw', fromHex(key), 'Ed25519', false, ['verify']);
  const receipt = parseReceipt(source);
  await checkChain(receipt.certificates, signer);
  await checkTree(receipt);
  if (seen !== '') {
    const before = parseReceipt(seen);
    await checkChain(before.certificates, signer);
    await checkSameChain(before.certificates, receipt.certificates);
  }
  return receipt;
}

async function main([file, key, seenFile]) {
  if (key === undefined) {
    console.error('usage: node receipt.js FILE KEY [SEEN]');
    return 2;
  }
  const { readFile } = await import('node:fs/promises');
  try {
    const seen = seenFile === undefined ? '' : await readFile(seenFile, 'utf8');
    console.log(JSON.stringify(await verifyReceipt(await readFile(file, 'utf8'), key, seen)));
    return 0;
  } catch (error) {
    console.error(`receipt.js: ${file}: ${error.message}`);
    return 1;
  }
}

if (globalThis.process?.argv[1]?.endsWith('/receipt.js')) process.exitCode = await main(process.argv.slice(2));
