// Runs under the v8 profile: optimised code, WebAssembly, garbage collection, timers, then what
// must be refused.
'use strict';
const fs = require('fs');
const net = require('net');
const child_process = require('child_process');

process.dlopen({ exports: {} }, process.argv[2]);

// Node's console opens its stream at the first use, which the filter refuses.
function say(...words) { fs.writeSync(1, words.join(' ') + '\n'); }

function primes(limit) {
  let count = 0;
  for (let n = 2; n < limit; ++n) {
    let prime = true;
    for (let d = 2; d * d <= n; ++d) if (n % d === 0) { prime = false; break; }
    if (prime) ++count;
  }
  return count;
}

function wasmSum(n) {  // (func (param i32) (result i32)): adds 1..n in a loop
  const code = new Uint8Array([
    0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 127, 1, 127, 3, 2, 1, 0, 5, 3, 1, 0, 1, 7, 7, 1, 3,
    115, 117, 109, 0, 0, 10, 27, 1, 25, 1, 1, 127, 3, 64, 32, 1, 32, 0, 106, 33, 1, 32, 0, 65, 1, 107,
    34, 0, 13, 0, 11, 32, 1, 11]);
  const module = new WebAssembly.Module(code);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 256 });
  memory.grow(64);
  return new WebAssembly.Instance(module).exports.sum(n);
}

function churn() {
  let kept = [];
  for (let i = 0; i < 400000; ++i) {
    kept.push({ i, text: 'x'.repeat(i % 50) });
    if (kept.length > 50000) kept = kept.slice(25000);
  }
  for (let i = 0; i < 20; ++i) new ArrayBuffer(8 << 20);
  if (global.gc) gc();
  return kept.length > 0;
}

function refused(action) {
  try { action(); return 'done'; } catch (error) { return error.code || error.message; }
}

say(primes(300000), wasmSum(100000), churn());
say(refused(() => fs.readFileSync('/etc/passwd')),
    refused(() => fs.writeFileSync('must-not-exist', '')),
            refused(() => fs.readdirSync('/')));
let ticks = 0;
const timer = setInterval(async () => {
  await Promise.resolve();
  if (++ticks < 5) return;
  clearInterval(timer);
  const asynchronous = await WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
  say('ticks', ticks, asynchronous instanceof WebAssembly.Module);
  if (process.argv[3] === 'connect') net.connect(9, '127.0.0.1');
  else if (process.argv[3] === 'spawn')
    say(child_process.spawnSync('/bin/true').error ? 'refused' : 'started');
  else process.exit(5);
}, 2);
