'use strict';
// A Wasm function: a WASI preview 1 command, started anew for each request. No JavaScript of a
// function runs in its isolate, so nothing here guards against one.
// Source: WASI snapshot-01, witx/wasi_snapshot_preview1.witx.
const kModule = 'wasi_snapshot_preview1';
const kOk = 0, kBadf = 8, kInval = 28, kNosys = 52, kSpipe = 70, kNotsup = 58;
const kCharacterDevice = 2;
const kRightsReadWrite = 66n;  // fd_read, fd_write
const kLogLineMax = 8192;
const kErrorLevel = 3;

class Exit {
  constructor(code) { this.code = code; }
}

/// One run: its descriptors 0 (the request's body), 1 (the response's), 2 (the log), and what the
/// module may ask. `memory` is set once there is an instance.
class Run {
  #args;
  #input;
  #read = 0;
  #output = [];
  #outputBytes = 0;
  #line = '';
  #toText = new TextDecoder();
  memory;

  constructor(args, input) {
    this.#args = args.map((word) => new TextEncoder().encode(`${word}\0`));
    this.#input = input;
  }
  #view() { return new DataView(this.memory.buffer); }
  #bytes(at, length) { return new Uint8Array(this.memory.buffer, at >>> 0, length >>> 0); }
  #vectors(at, count) {
    const view = this.#view();
    const out = [];
    for (let i = 0, from = at >>> 0; i < count >>> 0; i++, from += 8)
      out.push(this.#bytes(view.getUint32(from, true), view.getUint32(from + 4, true)));
    return out;
  }
  #log(text) {
    const lines = (this.#line + text).split('\n');
    this.#line = lines.pop().slice(-kLogLineMax);
    for (const line of lines) native.log(kErrorLevel, line);
  }
  #sizes(words, countAt, bytesAt) {
    this.#view().setUint32(countAt >>> 0, words.length, true);
    this.#view().setUint32(bytesAt >>> 0, words.reduce((sum, word) => sum + word.length, 0), true);
    return kOk;
  }
  #copy(words, pointersAt, bytesAt) {
    let at = bytesAt >>> 0;
    words.forEach((word, i) => {
      this.#view().setUint32((pointersAt >>> 0) + 4 * i, at, true);
      this.#bytes(at, word.length).set(word);
      at += word.length;
    });
    return kOk;
  }

  args_sizes_get(count, bytes) { return this.#sizes(this.#args, count, bytes); }
  args_get(pointers, bytes) { return this.#copy(this.#args, pointers, bytes); }
  environ_sizes_get(count, bytes) { return this.#sizes([], count, bytes); }
  environ_get() { return kOk; }
  clock_res_get(clock, at) {
    if (clock > 3) return kInval;
    this.#view().setBigUint64(at >>> 0, 1000000n, true);
    return kOk;
  }
  clock_time_get(clock, precision, at) {
    if (clock > 3) return kInval;
    const ms = clock === 0 ? native.wallMs() : native.now();
    // Under the profile trusted a millisecond has parts.
    this.#view().setBigUint64(at >>> 0, BigInt(Math.trunc(ms * 1000)) * 1000n, true);
    return kOk;
  }
  random_get(at, length) {
    native.random(this.#bytes(at, length));
    return kOk;
  }
  sched_yield() { return kOk; }
  poll_oneoff() { return kNotsup; }
  proc_exit(code) { throw new Exit(code >>> 0); }
  fd_read(fd, vectors, count, readAt) {
    if (fd !== 0) return kBadf;
    let read = 0;
    for (const into of this.#vectors(vectors, count)) {
      const part = this.#input.subarray(this.#read, this.#read + into.length);
      into.set(part);
      this.#read += part.length;
      read += part.length;
    }
    this.#view().setUint32(readAt >>> 0, read, true);
    return kOk;
  }
  fd_write(fd, vectors, count, writtenAt) {
    if (fd !== 1 && fd !== 2) return kBadf;
    let written = 0;
    for (const bytes of this.#vectors(vectors, count)) {
      written += bytes.length;
      if (fd === 2) {
        this.#log(this.#toText.decode(bytes, { stream: true }));
        continue;
      }
      this.#outputBytes += bytes.length;
      // One byte more than may leave says that there was more.
      if (this.#outputBytes > native.responseBytesMax() + 1) continue;
      this.#output.push(bytes.slice());
    }
    this.#view().setUint32(writtenAt >>> 0, written, true);
    return kOk;
  }
  fd_close(fd) { return fd > 2 ? kBadf : kOk; }
  fd_fdstat_get(fd, at) {
    if (fd > 2) return kBadf;
    const view = this.#view();
    this.#bytes(at, 24).fill(0);
    view.setUint8(at >>> 0, kCharacterDevice);
    view.setBigUint64((at >>> 0) + 8, kRightsReadWrite, true);
    return kOk;
  }
  fd_fdstat_set_flags(fd) { return fd > 2 ? kBadf : kOk; }
  fd_filestat_get(fd, at) {
    if (fd > 2) return kBadf;
    this.#bytes(at, 64).fill(0);
    this.#view().setUint8((at >>> 0) + 16, kCharacterDevice);
    return kOk;
  }
  fd_seek(fd) { return fd > 2 ? kBadf : kSpipe; }
  fd_tell(fd) { return fd > 2 ? kBadf : kSpipe; }
  fd_prestat_get() { return kBadf; }  // no directory is open
  fd_prestat_dir_name() { return kBadf; }
  path_open() { return kNosys; }

  /// The bytes written to descriptor 1.
  finish() {
    if (this.#line !== '') native.log(kErrorLevel, this.#line);
    const out = new Uint8Array(Math.min(this.#outputBytes, native.responseBytesMax() + 1));
    let at = 0;
    for (const part of this.#output) {
      out.set(part.subarray(0, out.length - at), at);
      at += Math.min(part.length, out.length - at);
    }
    return out;
  }
}
const names = Object.getOwnPropertyNames(Run.prototype)
  .filter((name) => name !== 'constructor' && name !== 'finish').sort();

/// What a module lacks or asks for beyond; undefined: it can be a function.
const refuse = (module) => {
  for (const wanted of WebAssembly.Module.imports(module)) {
    if (wanted.module !== kModule || wanted.kind !== 'function' || !names.includes(wanted.name)) {
      return `imports ${wanted.module}.${wanted.name} (${wanted.kind}); a Wasm function is given ` +
        `the functions of ${kModule} for args, stdin, stdout, clock and random, and nothing else`;
    }
  }
  const exported = {};
  for (const { name, kind } of WebAssembly.Module.exports(module)) exported[name] = kind;
  if (exported._start !== 'function') return 'exports no function _start: it is no WASI command';
  if (exported.memory !== 'memory') return 'exports no memory under the name memory';
  return undefined;
};
const isText = (bytes) => {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
};

/// A handler for `module`, or a text that says why it cannot be one.
exports.make = (module, name) => {
  const refused = refuse(module);
  if (refused !== undefined) return refused;
  const fetch = async (request) => {
    const { pathname, search } = new URL(request.url);
    const run = new Run([name, request.method, pathname + search], await request.bytes());
    const given = { __proto__: null };
    for (const each of names) given[each] = (...words) => run[each](...words);
    const { exports } = new WebAssembly.Instance(module, { [kModule]: given });
    run.memory = exports.memory;
    let code = 0;
    try {
      exports._start();
    } catch (error) {
      if (!(error instanceof Exit)) {
        run.finish();
        throw error;
      }
      code = error.code;
    }
    const body = run.finish();
    if (code !== 0) throw new Error(`the Wasm function ended with exit code ${code}`);
    return new Response(body, { headers: { 'content-type':
      isText(body) ? 'text/plain;charset=UTF-8' : 'application/octet-stream' } });
  };
  return { fetch };
};
