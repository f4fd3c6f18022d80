// The verifier in JavaScript judges as the one in C++: node receipt_js_test.mjs CASES_PROGRAM CLIENT

import assert from 'node:assert';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [program, client] = process.argv.slice(2);
const { verifyReceipt } = await import(pathToFileURL(resolve(client)));
const cases = JSON.parse(execFileSync(program, { encoding: 'utf8', maxBuffer: 2 ** 24 }));
const judge = (text, key, seen) =>
  verifyReceipt(text, key, seen).then(() => 'accepted', (error) => error.message);

let accepted = 0;
for (const { name, text, key, seen, accepted: wanted } of cases) {
  const verdict = await judge(text, key, seen);
  assert.strictEqual(verdict === 'accepted', wanted, `${name}: ${verdict}`);
  accepted += wanted;
}
assert(accepted >= 15 && cases.length - accepted >= 40, 'both verdicts are there');

const good = cases.find((each) => each.accepted && each.text.includes('"thread_path": [\n'));
for (let at = 0; at < good.text.length; at++) {
  const code = good.text.charCodeAt(at);
  for (const other of new Set([String.fromCharCode(code ^ 1), String.fromCharCode(code ^ 0x20), '0'])) {
    if (other === good.text[at]) continue;
    const altered = good.text.slice(0, at) + other + good.text.slice(at + 1);
    assert.notStrictEqual(await judge(altered, good.key, ''), 'accepted', `at ${at}`);
  }
}
assert.strictEqual(await judge(good.text, good.key, ''), 'accepted');

// As a program.
const folder = mkdtempSync(join(tmpdir(), 'receipt-'));
try {
  const file = join(folder, 'receipt');
  writeFileSync(file, good.text);
  const run = (...words) => spawnSync(process.execPath, [client, ...words], { encoding: 'utf8' });
  const done = run(file, good.key);
  assert.strictEqual(done.status, 0, done.stderr);
  assert.strictEqual(JSON.parse(done.stdout).format, 'themis-receipt-1');
  const refused = run(file, '00'.repeat(32));
  assert.strictEqual(refused.status, 1);
  assert.match(refused.stderr, /^receipt\.js: .*\n$/);
  assert.strictEqual(run(file).status, 2);
} finally {
  rmSync(folder, { recursive: true });
}
console.log(`${cases.length} receipts, ${accepted} of them good, and every byte of one altered`);
