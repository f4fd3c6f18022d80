//// interfaces: the Minimum Common Web API's
//// GET /
const names = [
  'AbortController',
  'AbortSignal',
  'Blob',
  'ByteLengthQueuingStrategy',
  'CompressionStream',
  'CountQueuingStrategy',
  'Crypto',
  'CryptoKey',
  'CustomEvent',
  'DecompressionStream',
  'DOMException',
  'ErrorEvent',
  'Event',
  'EventTarget',
  'File',
  'FormData',
  'Headers',
  'MessageChannel',
  'MessageEvent',
  'MessagePort',
  'Performance',
  'PromiseRejectionEvent',
  'ReadableByteStreamController',
  'ReadableStream',
  'ReadableStreamBYOBReader',
  'ReadableStreamBYOBRequest',
  'ReadableStreamDefaultController',
  'ReadableStreamDefaultReader',
  'Request',
  'Response',
  'SubtleCrypto',
  'TextDecoder',
  'TextDecoderStream',
  'TextEncoder',
  'TextEncoderStream',
  'TransformStream',
  'TransformStreamDefaultController',
  'URL',
  'URLPattern',
  'URLSearchParams',
  'WritableStream',
  'WritableStreamDefaultController',
  'WritableStreamDefaultWriter',
];
export default {
  fetch: () =>
    new Response(
      names
        .map((name) => `${name}: ${typeof globalThis[name]} ${globalThis[name]?.name}`)
        .join('\n'),
    ),
};
//// functions: and its functions and properties
//// GET /
const names = [
  'atob',
  'btoa',
  'clearInterval',
  'clearTimeout',
  'console',
  'crypto',
  'fetch',
  'navigator',
  'performance',
  'queueMicrotask',
  'reportError',
  'self',
  'setInterval',
  'setTimeout',
  'structuredClone',
  'globalThis',
];
export default {
  fetch: () => new Response(names.map((name) => `${name}: ${typeof globalThis[name]}`).join('\n')),
};
//// wasm: WebAssembly's
//// GET /
const names = [
  'Module',
  'Instance',
  'Memory',
  'Table',
  'Global',
  'Tag',
  'Exception',
  'JSTag',
  'CompileError',
  'LinkError',
  'RuntimeError',
  'validate',
  'compile',
  'instantiate',
  'compileStreaming',
  'instantiateStreaming',
];
export default {
  fetch: () => new Response(names.map((name) => `${name}: ${typeof WebAssembly[name]}`).join('\n')),
};
//// absent: what belongs to other hosts
//// GET /
const names = [
  'window',
  'document',
  'process',
  'Buffer',
  'global',
  'require',
  'module',
  'Deno',
  'Bun',
  'XMLHttpRequest',
  'localStorage',
  'location',
  'importScripts',
  'postMessage',
  'Worker',
  'SharedArrayBuffer',
  'Atomics',
  'gc',
  'd8',
  'print',
];
export default {
  fetch: () => new Response(names.map((name) => `${name}: ${typeof globalThis[name]}`).join('\n')),
};
//// extras: what workerd adds
//// GET /
const names = [
  'caches',
  'HTMLRewriter',
  'WebSocketPair',
  'WebSocket',
  'FixedLengthStream',
  'IdentityTransformStream',
  'scheduler',
  'EventSource',
  'CloseEvent',
  'ExtendableEvent',
  'FetchEvent',
  'ScheduledEvent',
  'Cloudflare',
  'setImmediate',
  'Cache',
  'CacheStorage',
  'PerformanceEntry',
  'PerformanceMark',
  'Navigator',
  'WorkerGlobalScope',
  'ServiceWorkerGlobalScope',
  'StorageManager',
  'TailEvent',
  'TraceItem',
  'origin',
];
export default {
  fetch: () => new Response(names.map((name) => `${name}: ${typeof globalThis[name]}`).join('\n')),
};
//// agent: navigator
//// GET /
export default {
  fetch: () =>
    Response.json([
      navigator.userAgent,
      typeof navigator.sendBeacon,
      typeof navigator.language,
      typeof navigator.hardwareConcurrency,
    ]),
};
//// scope: the global object itself
//// GET /
import { report } from './report.js';
export default report({
  self: () => self === globalThis,
  tag: () => Object.prototype.toString.call(globalThis),
  target: () => globalThis instanceof EventTarget,
  listener: () => typeof addEventListener,
  own: () => {
    globalThis.mine = 1;
    return mine;
  },
  delete: () => delete globalThis.mine,
  overwrite: () => {
    const old = globalThis.atob;
    globalThis.atob = () => 'mine';
    const seen = atob();
    globalThis.atob = old;
    return seen;
  },
  descriptor: () => {
    const { writable, configurable } =
      Object.getOwnPropertyDescriptor(globalThis, 'Response') ?? {};
    return [writable, configurable];
  },
  event: () => {
    let n = 0;
    addEventListener('own', () => n++);
    dispatchEvent(new Event('own'));
    return n;
  },
});
//// lengths: of functions that are there in both
//// GET /
import { report } from './report.js';
export default report({
  constructors: () =>
    [
      Request,
      Response,
      Headers,
      URL,
      URLSearchParams,
      Blob,
      File,
      FormData,
      TextDecoder,
      Event,
      CustomEvent,
      ReadableStream,
      WritableStream,
      TransformStream,
    ].map((C) => `${C.name} ${C.length}`),
  methods: () =>
    [fetch, atob, btoa, setTimeout, structuredClone, queueMicrotask].map(
      (f) => `${f.name} ${f.length}`,
    ),
});
