//// order: microtasks, timers and what runs first
//// GET /
export default {
  async fetch() {
    const seen = [];
    setTimeout(() => seen.push('timer 0'), 0);
    setTimeout(() => seen.push('timer 5'), 5);
    setTimeout(() => seen.push('timer 2'), 2);
    queueMicrotask(() => seen.push('microtask'));
    Promise.resolve()
      .then(() => seen.push('then 1'))
      .then(() => seen.push('then 2'));
    (async () => {
      seen.push('async starts');
      await null;
      seen.push('async goes on');
    })();
    seen.push('synchronous');
    await new Promise((resolve) => setTimeout(resolve, 10));
    return Response.json(seen);
  },
};
//// microtasks: interleaved with promises
//// GET /
export default {
  async fetch() {
    const seen = [];
    await new Promise((resolve) => {
      setTimeout(() => {
        seen.push('timer');
        Promise.resolve().then(() => seen.push('promise of timer'));
      }, 0);
      setTimeout(() => {
        seen.push('second timer');
        resolve();
      }, 0);
      queueMicrotask(() => {
        seen.push('one');
        queueMicrotask(() => seen.push('nested'));
      });
      queueMicrotask(() => seen.push('two'));
    });
    return Response.json(seen);
  },
};
//// arguments: what a timer is given, and what clearTimeout takes
//// GET /
import { report } from './report.js';
const fired = (...args) => new Promise((resolve) => setTimeout((...got) => resolve(got), ...args));
export default report({
  arguments: () => fired(0, 'a', 'b'),
  'no delay': () => fired(),
  negative: () => fired(-5),
  text: () => fired('1'),
  NaN: () => fired(NaN),
  id: () => typeof setTimeout(() => {}, 0),
  'no function': () => setTimeout('text', 0),
  nothing: () => setTimeout(),
  this: () =>
    new Promise((resolve) =>
      setTimeout(function f() {
        resolve(this === undefined || this === globalThis);
      }, 0),
    ),
  'clear nothing': () => String(clearTimeout()),
  'clear unknown': () => String(clearTimeout(987654)),
  'clear text': () => String(clearTimeout('x')),
});
//// cleared: a timer that does not fire
//// GET /
export default {
  async fetch() {
    const seen = [];
    const first = setTimeout(() => seen.push('cleared'), 1);
    clearTimeout(first);
    const second = setTimeout(() => seen.push('fires'), 1);
    setTimeout(() => clearTimeout(second), 5);
    await new Promise((resolve) => setTimeout(resolve, 8));
    return Response.json(seen);
  },
};
//// interval: repeats until it is cleared
//// GET /
export default {
  async fetch() {
    let count = 0;
    await new Promise((resolve) => {
      const id = setInterval(() => {
        if (++count === 3) {
          clearInterval(id);
          resolve();
        }
      }, 1);
    });
    await new Promise((resolve) => setTimeout(resolve, 5));
    return Response.json({ count });
  },
};
//// await: sleeping one after the other and at once
//// GET /
const sleep = (ms, value) => new Promise((resolve) => setTimeout(resolve, ms, value));
export default {
  async fetch() {
    const all = await Promise.all([sleep(6, 'a'), sleep(2, 'b'), sleep(4, 'c')]);
    const first = await Promise.race([sleep(50, 'slow'), sleep(1, 'fast')]);
    const settled = await Promise.allSettled([sleep(1, 1), Promise.reject(new Error('no'))]);
    const any = await Promise.any([Promise.reject(new Error('x')), sleep(1, 'any')]);
    return Response.json({ all, first, settled: settled.map(({ status }) => status), any });
  },
};
//// scheduler: scheduler.wait
//// GET /
export default {
  async fetch() {
    if (typeof scheduler === 'undefined') return new Response('no scheduler');
    await scheduler.wait(1);
    return new Response('waited');
  },
};
//// clocks: what can be said of time
//// GET /
import { report } from './report.js';
export default report({
  date: () => [typeof Date.now(), Date.now() > 1.7e12],
  performance: () => [
    typeof performance.now(),
    performance.now() >= 0,
    typeof performance.timeOrigin,
  ],
  grows: async () => {
    const before = Date.now();
    await new Promise((r) => setTimeout(r, 20));
    return Date.now() >= before + 15;
  },
  'not during work': () => {
    const before = Date.now();
    let x = 0;
    for (let i = 0; i < 1e6; i++) x += i;
    return Date.now() - before < 1000 && x > 0;
  },
  marks: () => typeof performance.mark,
  zone: () => [new Date(0).getTimezoneOffset(), Intl.DateTimeFormat().resolvedOptions().timeZone],
});
//// immediate: setImmediate
//// GET /
export default {
  fetch() {
    return new Response(`${typeof setImmediate} ${typeof clearImmediate}`);
  },
};
//// error-in-timer: what a timer throws does not end the request
//// GET /
export default {
  async fetch() {
    setTimeout(() => {
      throw new Error('in a timer');
    }, 1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    return new Response('answered');
  },
};
//// scheduler-aborts: scheduler.wait with a signal
//// GET /
export default {
  async fetch() {
    const told = [String(await scheduler.wait(1))];
    const controller = new AbortController();
    const late = scheduler.wait(10000, { signal: controller.signal });
    controller.abort(new RangeError('enough'));
    try {
      await late;
    } catch (error) {
      told.push(error.name);
    }
    try {
      await scheduler.wait(1, { signal: AbortSignal.abort() });
    } catch (error) {
      told.push(error.name);
    }
    return Response.json(told);
  },
};
