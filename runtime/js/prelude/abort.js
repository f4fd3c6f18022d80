'use strict';
// AbortController and AbortSignal (https://dom.spec.whatwg.org/#aborting-ongoing-activities).
const {
  ArrayPrototypeIndexOf, ArrayPrototypePush, TypeError, WeakRef,
  WeakRefPrototypeDeref,
} = primordials;

/// Longest delay of AbortSignal.timeout, in ms: the largest integer that is exact.
const kTimeoutMax = 2 ** 53 - 1;

let abort;

class AbortSignal extends web.EventTarget {
  #aborted = false;
  #reason = undefined;
  #algorithms = [];
  #dependents = [];   // signals of any(), as WeakRefs
  #retained = [];     // those of them that somebody listens to
  #sources = undefined;  // of a signal of any(): what it follows

  static {
    web.isAbortSignal = (value) =>
      typeof value === 'object' && value !== null && #aborted in value;
    /// Runs `algorithm` once when the signal is aborted.
    web.whenAborted = (signal, algorithm) => {
      if (signal.#aborted) return;
      ArrayPrototypePush(signal.#algorithms, algorithm);
      web.retainSignal(signal);
    };
    /// A signal of any() that somebody listens to lives as long as what it follows.
    web.retainSignal = (target) => {
      if (!web.isAbortSignal(target) || target.#sources === undefined) return;
      for (let i = 0; i < target.#sources.length; i++) {
        const kept = target.#sources[i].#retained;
        if (ArrayPrototypeIndexOf(kept, target) < 0) ArrayPrototypePush(kept, target);
      }
    };
    const mark = (signal, reason) => {
      signal.#aborted = true;
      signal.#reason = reason;
    };
    const run = (signal) => {
      const algorithms = signal.#algorithms;
      signal.#algorithms = [];
      signal.#sources = undefined;
      for (let i = 0; i < algorithms.length; i++) algorithms[i]();
      web.dispatchTrusted(signal, new web.Event('abort'));
    };
    abort = (signal, given) => {
      if (signal.#aborted) return;
      const reason = given === undefined
        ? new web.DOMException('This operation was aborted', 'AbortError') : given;
      mark(signal, reason);
      const followers = [];
      for (let i = 0; i < signal.#dependents.length; i++) {
        const follower = WeakRefPrototypeDeref(signal.#dependents[i]);
        if (follower === undefined || follower.#aborted) continue;
        mark(follower, reason);
        ArrayPrototypePush(followers, follower);
      }
      signal.#dependents = [];
      run(signal);
      for (let i = 0; i < followers.length; i++) run(followers[i]);
      signal.#retained = [];
    };
    const follow = (signal, source) => {
      if (ArrayPrototypeIndexOf(signal.#sources, source) >= 0) return;
      ArrayPrototypePush(signal.#sources, source);
      // What was collected makes room.
      const live = [];
      for (let i = 0; i < source.#dependents.length; i++) {
        if (WeakRefPrototypeDeref(source.#dependents[i]) !== undefined)
          ArrayPrototypePush(live, source.#dependents[i]);
      }
      ArrayPrototypePush(live, new WeakRef(signal));
      source.#dependents = live;
    };
    web.anySignal = (signals) => {
      const signal = new AbortSignal(web.kInternal);
      for (let i = 0; i < signals.length; i++) {
        if (!signals[i].#aborted) continue;
        mark(signal, signals[i].#reason);
        return signal;
      }
      signal.#sources = [];
      for (let i = 0; i < signals.length; i++) {
        const origins = signals[i].#sources;
        if (origins === undefined) follow(signal, signals[i]);
        else for (let k = 0; k < origins.length; k++) follow(signal, origins[k]);
      }
      return signal;
    };
  }

  constructor(key = undefined) {
    web.needInternal(key);
    super();
  }
  static abort(reason = undefined) {
    const signal = new AbortSignal(web.kInternal);
    abort(signal, reason);
    return signal;
  }
  static timeout(milliseconds) {
    web.needArguments(arguments.length, 1, 'AbortSignal.timeout');
    const ms = +milliseconds;
    if (!(ms >= 0 && ms <= kTimeoutMax)) throw new TypeError('The delay is out of range');
    const signal = new AbortSignal(web.kInternal);
    web.startTimer(() => {
      abort(signal, new web.DOMException('The operation timed out', 'TimeoutError'));
    }, ms, false);
    return signal;
  }
  static any(signals) {
    web.needArguments(arguments.length, 1, 'AbortSignal.any');
    const list = [...signals];
    for (let i = 0; i < list.length; i++)
      if (!web.isAbortSignal(list[i])) throw new TypeError('any takes AbortSignals');
    return web.anySignal(list);
  }
  get aborted() { return this.#aborted; }
  get reason() { return this.#reason; }
  throwIfAborted() { if (this.#aborted) throw this.#reason; }
}
web.defineHandler(AbortSignal.prototype, 'abort');
web.exposeClass(AbortSignal);
web.AbortSignal = AbortSignal;
web.abortSignal = abort;

class AbortController {
  #signal = new AbortSignal(web.kInternal);
  get signal() { return this.#signal; }
  abort(reason = undefined) { abort(this.#signal, reason); }
}
web.exposeClass(AbortController);
