//// targets: listeners, once, removal, order
//// GET /
import { report } from './report.js';
const run = (set) => () => {
  const seen = [];
  const t = new EventTarget();
  set(t, seen);
  t.dispatchEvent(new Event('x'));
  t.dispatchEvent(new Event('x'));
  return seen;
};
export default report({
  plain: run((t, s) => t.addEventListener('x', (e) => s.push(e.type))),
  once: run((t, s) => t.addEventListener('x', () => s.push(1), { once: true })),
  twice: run((t, s) => {
    const f = () => s.push(1);
    t.addEventListener('x', f);
    t.addEventListener('x', f);
  }),
  order: run((t, s) => {
    t.addEventListener('x', () => s.push('a'));
    t.addEventListener('x', () => s.push('b'));
  }),
  removed: run((t, s) => {
    const f = () => s.push(1);
    t.addEventListener('x', f);
    t.removeEventListener('x', f);
  }),
  object: run((t, s) =>
    t.addEventListener('x', {
      handleEvent() {
        s.push('handled');
      },
    }),
  ),
  signal: run((t, s) => {
    const c = new AbortController();
    t.addEventListener(
      'x',
      () => {
        s.push(1);
        c.abort();
      },
      { signal: c.signal },
    );
  }),
  'added while it runs': run((t, s) =>
    t.addEventListener(
      'x',
      () => {
        s.push('a');
        t.addEventListener('x', () => s.push('b'), { once: true });
      },
      { once: true },
    ),
  ),
  stop: run((t, s) => {
    t.addEventListener('x', (e) => {
      s.push('a');
      e.stopImmediatePropagation();
    });
    t.addEventListener('x', () => s.push('b'));
  }),
  null: run((t, s) => {
    t.addEventListener('x', null);
    s.push('fine');
  }),
  this: run((t, s) =>
    t.addEventListener('x', function f() {
      s.push(this === t);
    }),
  ),
});
//// events: attributes of Event and CustomEvent
//// GET /
import { report } from './report.js';
export default report({
  event: () => {
    const e = new Event('a', { bubbles: true, cancelable: true });
    return [
      e.type,
      e.bubbles,
      e.cancelable,
      e.defaultPrevented,
      e.eventPhase,
      e.target,
      e.isTrusted,
      e.composed,
    ];
  },
  custom: () => new CustomEvent('c', { detail: { a: 1 } }).detail,
  'custom none': () => new CustomEvent('c').detail,
  prevented: () => {
    const t = new EventTarget();
    t.addEventListener('x', (e) => e.preventDefault());
    return [t.dispatchEvent(new Event('x', { cancelable: true })), t.dispatchEvent(new Event('x'))];
  },
  nothing: () => new Event(),
  'no event': () => new EventTarget().dispatchEvent({}),
  number: () => new Event(5).type,
  target: () => {
    let seen;
    const t = new EventTarget();
    t.addEventListener('x', (e) => {
      seen = [e.target === t, e.currentTarget === t, e.eventPhase];
    });
    t.dispatchEvent(new Event('x'));
    return seen;
  },
  again: () => {
    const t = new EventTarget();
    const e = new Event('x');
    t.addEventListener('x', () => t.dispatchEvent(e));
    return t.dispatchEvent(e);
  },
  constants: () => [Event.NONE, Event.CAPTURING_PHASE, Event.AT_TARGET, Event.BUBBLING_PHASE],
  path: () => {
    let p;
    const t = new EventTarget();
    t.addEventListener('x', (e) => {
      p = e.composedPath().length;
    });
    t.dispatchEvent(new Event('x'));
    return p;
  },
  returnValue: () => new Event('x').returnValue,
  timeStamp: () => typeof new Event('x').timeStamp,
  subclass: () => {
    class Mine extends Event {
      get extra() {
        return 1;
      }
    }
    let seen;
    const t = new EventTarget();
    t.addEventListener('m', (e) => {
      seen = e.extra;
    });
    t.dispatchEvent(new Mine('m'));
    return seen;
  },
});
//// kinds: ErrorEvent, MessageEvent, PromiseRejectionEvent, CloseEvent
//// GET /
import { report } from './report.js';
export default report({
  error: () => {
    const e = new ErrorEvent('error', {
      message: 'm',
      filename: 'f',
      lineno: 1,
      colno: 2,
      error: 'x',
    });
    return [e.message, e.filename, e.lineno, e.colno, e.error];
  },
  message: () => {
    const e = new MessageEvent('message', { data: [1] });
    return [e.data, e.origin, e.lastEventId, e.source];
  },
  rejection: () =>
    new PromiseRejectionEvent('unhandledrejection', { promise: Promise.resolve(), reason: 7 })
      .reason,
  close: () => {
    const e = new CloseEvent('close', { code: 1000, reason: 'r', wasClean: true });
    return [e.code, e.reason, e.wasClean];
  },
});
//// throws: a listener that throws does not stop the others
//// GET /
export default {
  fetch() {
    const seen = [];
    const target = new EventTarget();
    target.addEventListener('x', () => {
      throw new Error('first');
    });
    target.addEventListener('x', () => seen.push('second'));
    try {
      seen.push(String(target.dispatchEvent(new Event('x'))));
    } catch (error) {
      seen.push(`threw ${error.message}`);
    }
    return Response.json(seen);
  },
};
//// extends: a class of one's own that is a target
//// GET /
class Counter extends EventTarget {
  #count = 0;
  add(n) {
    this.#count += n;
    this.dispatchEvent(new CustomEvent('changed', { detail: this.#count }));
  }
}
export default {
  fetch() {
    const seen = [];
    const counter = new Counter();
    counter.addEventListener('changed', ({ detail }) => seen.push(detail));
    counter.add(2);
    counter.add(3);
    return Response.json(seen);
  },
};
//// abort: AbortController and its signal
//// GET /
import { report } from './report.js';
export default report({
  before: () => {
    const { signal } = new AbortController();
    return [signal.aborted, String(signal.reason)];
  },
  after: () => {
    const c = new AbortController();
    c.abort();
    return [c.signal.aborted, c.signal.reason.name, c.signal.reason.code];
  },
  reason: () => {
    const c = new AbortController();
    c.abort('why');
    return c.signal.reason;
  },
  event: () => {
    const c = new AbortController();
    let n = 0;
    c.signal.addEventListener('abort', (e) => {
      n += e.type.length;
    });
    c.abort();
    c.abort();
    return n;
  },
  onabort: () => {
    const c = new AbortController();
    let n = 0;
    c.signal.onabort = () => n++;
    c.abort();
    return n;
  },
  throwIfAborted: () => AbortSignal.abort(new RangeError('x')).throwIfAborted(),
  'not aborted': () => String(new AbortController().signal.throwIfAborted()),
  static: () => [AbortSignal.abort().aborted, AbortSignal.abort(5).reason],
  construct: () => new AbortSignal(),
});
//// any: AbortSignal.any and timeout
//// GET /
import { report } from './report.js';
export default report({
  any: () => {
    const a = new AbortController();
    const b = new AbortController();
    const s = AbortSignal.any([a.signal, b.signal]);
    b.abort('second');
    a.abort('first');
    return [s.aborted, s.reason];
  },
  already: () => AbortSignal.any([AbortSignal.abort('x')]).reason,
  none: () => AbortSignal.any([]).aborted,
  wrong: () => AbortSignal.any([{}]),
  timeout: () =>
    new Promise((resolve) => {
      const s = AbortSignal.timeout(5);
      s.addEventListener('abort', () =>
        resolve([s.reason.name, s.reason.code, s.reason instanceof DOMException]),
      );
    }),
  'bad timeout': () => AbortSignal.timeout(-1),
  nested: () => {
    const a = new AbortController();
    const s = AbortSignal.any([AbortSignal.any([a.signal])]);
    a.abort(1);
    return s.reason;
  },
});
//// cancels: work that a signal stops
//// GET /
const sleep = (ms, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms, 'slept');
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        reject(signal.reason);
      },
      { once: true },
    );
  });
export default {
  async fetch() {
    const told = [await sleep(1, new AbortController().signal)];
    try {
      await sleep(10000, AbortSignal.timeout(5));
    } catch (error) {
      told.push(error.name);
    }
    return Response.json(told);
  },
};
//// exceptions: DOMException
//// GET /
import { report } from './report.js';
export default report({
  plain: () => {
    const e = new DOMException();
    return [e.name, e.message, e.code];
  },
  named: () => {
    const e = new DOMException('m', 'NotFoundError');
    return [e.name, e.message, e.code];
  },
  own: () => {
    const e = new DOMException('m', 'Mine');
    return [e.name, e.code];
  },
  kind: () => [
    new DOMException() instanceof Error,
    String(new DOMException('m', 'AbortError')),
    Object.prototype.toString.call(new DOMException()),
  ],
  constants: () => [
    DOMException.ABORT_ERR,
    DOMException.DATA_CLONE_ERR,
    DOMException.prototype.TIMEOUT_ERR,
  ],
  cause: () => String(new DOMException('m', { name: 'X', cause: 'c' }).cause),
  stack: () => typeof new DOMException('m').stack,
  quota: () => {
    try {
      crypto.getRandomValues(new Uint8Array(70000));
    } catch (e) {
      return [e.name, e.code, e instanceof DOMException];
    }
  },
});
