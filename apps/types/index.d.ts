// The types of what a Themis function is given. Standard interfaces (Request, Response, streams,
// crypto, ...) are those of TypeScript's library for workers, which has more than a function does:
// absent.json names what there is not, for ESLint's no-restricted-globals or a look.
/// <reference lib="es2024" />
/// <reference lib="webworker" />

declare namespace Themis {
  /// A key's or value's bytes; a value that is UTF-8 is read back as a string.
  type Value = string | ArrayBuffer | ArrayBufferView;

  interface StateOptions {
    /// Answer with the monitor's receipt as well.
    receipt?: boolean;
    /// Until the epoch of the answer is certified.
    wait?: boolean;
  }
  interface Receipt {
    epoch: number;
    certified: boolean;
    receipt: unknown;
  }
  type WithReceipt = StateOptions & { receipt: true };

  /// env.STATE: keys and values that monitors verify.
  interface State {
    namespace(name: string): State;
    get(key: string, options: WithReceipt): Promise<{ value: string | Uint8Array | null } & Receipt>;
    get(key: string, options?: StateOptions): Promise<string | Uint8Array | null>;
    put(key: string, value: Value, options: WithReceipt): Promise<Receipt>;
    put(key: string, value: Value, options?: StateOptions): Promise<void>;
    delete(key: string, options: WithReceipt): Promise<{ done: boolean } & Receipt>;
    delete(key: string, options?: StateOptions): Promise<boolean>;
    cas(key: string, expected: Value | null, value: Value, options: WithReceipt):
      Promise<{ done: boolean } & Receipt>;
    cas(key: string, expected: Value | null, value: Value, options?: StateOptions): Promise<boolean>;
    list(prefix?: string, after?: string):
      Promise<{ entries: { key: string; value: string | Uint8Array }[]; more: boolean }>;
    /// `update` gets the values of up to eight keys and answers the new ones: undefined leaves one,
    /// null deletes it. It runs again when one changed meanwhile.
    transaction<Next extends (Value | null | undefined)[] | undefined>(
      keys: string[],
      update: (values: (string | Uint8Array | null)[]) => Next | Promise<Next>): Promise<Next>;
  }

  /// env.SERVICES: C++ services by their names.
  interface Services {
    fetch(service: string, input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  }
  /// A name of [functions] or [services] in the manifest.
  interface Fetcher {
    fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  }

  /// The exported functions of another function: each call is made there, and a promise. What
  /// travels are values of structured clone, 1 MB a call.
  type Remote<Module> = {
    readonly [Name in Exclude<keyof Module, 'default' | 'then'>]:
      Module[Name] extends (this: never, ...args: infer Args) => infer Result
        ? (...args: Args) => Promise<Awaited<Result>> : never;
  };
  /// `this` of an exported function in a call from another one.
  interface RemoteThis<E = Env> {
    readonly env: E;
    readonly ctx: ExecutionContext;
  }

  interface SendOptions {
    contentType?: 'json' | 'text' | 'bytes';
    /// 0 to 43,200.
    delaySeconds?: number;
  }
  /// A name of [queues] in the manifest. A send settles when the message is on disk.
  interface Queue<Body = unknown> {
    send(body: Body, options?: SendOptions): Promise<void>;
    sendBatch(messages: Iterable<{ body: Body } & SendOptions>, options?: { delaySeconds?: number }):
      Promise<void>;
  }
  interface RetryOptions {
    delaySeconds?: number;
  }
  interface Message<Body = unknown> {
    readonly id: string;
    readonly timestamp: Date;
    /// 1 at the first delivery.
    readonly attempts: number;
    readonly body: Body;
    ack(): void;
    retry(options?: RetryOptions): void;
  }
  interface MessageBatch<Body = unknown> {
    readonly queue: string;
    readonly messages: readonly Message<Body>[];
    ackAll(): void;
    retryAll(options?: RetryOptions): void;
  }

  interface ScheduledController {
    /// Milliseconds since 1970, of the minute that it is for.
    readonly scheduledTime: number;
    readonly cron: string;
    noRetry(): void;
  }
  interface ExecutionContext {
    waitUntil(promise: unknown): void;
    passThroughOnException(): void;
  }

  /// A name of [actors] in the manifest.
  interface Actors {
    /// The one object of that id, of 1 to 256 bytes, wherever it is.
    get(id: string): ActorStub;
  }
  interface ActorStub extends Fetcher {
    readonly id: string;
  }
  interface ActorTransaction {
    get<T = unknown>(key: string): Promise<T | undefined>;
    put<T>(key: string, value: T): Promise<void>;
    put(entries: Record<string, unknown>): Promise<void>;
    delete(key: string): Promise<boolean>;
    rollback(): void;
  }
  interface ActorListOptions {
    prefix?: string;
    start?: string;
    startAfter?: string;
    end?: string;
    limit?: number;
    reverse?: boolean;
  }
  /// Values are what structuredClone copies, of up to 128 KB; keys have up to 94 bytes.
  interface ActorStorage {
    get<T = unknown>(key: string): Promise<T | undefined>;
    get<T = unknown>(keys: string[]): Promise<Map<string, T>>;
    put<T>(key: string, value: T): Promise<void>;
    put(entries: Record<string, unknown>): Promise<void>;
    delete(key: string): Promise<boolean>;
    delete(keys: string[]): Promise<number>;
    deleteAll(): Promise<void>;
    list<T = unknown>(options?: ActorListOptions): Promise<Map<string, T>>;
    /// Up to eight keys and 1,744 bytes at once, or nothing when `closure` throws.
    transaction<T>(closure: (transaction: ActorTransaction) => Promise<T>): Promise<T>;
    /// Until all that was written is on disk.
    sync(): Promise<void>;
    getAlarm(): Promise<number | null>;
    setAlarm(time: number | Date): Promise<void>;
    deleteAlarm(): Promise<void>;
  }
  /// What the constructor of an actor's class is given first; env is second.
  interface ActorContext {
    readonly id: string;
    readonly storage: ActorStorage;
    blockConcurrencyWhile<T>(callback: () => Promise<T>): Promise<T>;
    waitUntil(promise: Promise<unknown>): void;
  }
  /// `export class Counter implements Themis.Actor { ... }`
  interface Actor {
    fetch?(request: Request): Response | Promise<Response>;
    alarm?(): void | Promise<void>;
  }

  /// What every function has; extend it with the names of your manifest.
  interface Env {
    STATE: State;
    SERVICES: Services;
  }
  /// `export default { ... } satisfies Themis.Handler<MyEnv>`
  interface Handler<E extends Env = Env, Body = unknown> {
    fetch?(request: Request, env: E, ctx: ExecutionContext): Response | Promise<Response>;
    scheduled?(controller: ScheduledController, env: E, ctx: ExecutionContext): void | Promise<void>;
    queue?(batch: MessageBatch<Body>, env: E, ctx: ExecutionContext): void | Promise<void>;
  }

  /// Of addEventListener('scheduled', ...).
  interface ScheduledEvent extends ExtendableEvent {
    readonly scheduledTime: number;
    readonly cron: string;
  }
}

declare function addEventListener(type: 'fetch', listener: (event: FetchEvent) => void): void;
declare function addEventListener(type: 'scheduled',
  listener: (event: Themis.ScheduledEvent) => void): void;

declare const themis: {
  /// The function `name`, which [functions] of the manifest has to name:
  /// `themis.remote<typeof import('../cart')>('cart')`.
  remote<Module = Record<string, (...args: any[]) => any>>(name: string): Themis.Remote<Module>;
};

/// Two ends of one connection: one goes out as a Response's webSocket, its status 101.
declare class WebSocketPair {
  readonly 0: WebSocket;
  readonly 1: WebSocket;
}
interface WebSocket {
  /// Before anything is sent; the end that goes out is not accepted.
  accept(): void;
}
interface RequestInit {
  /// Of a body that is a stream; it need not be said.
  duplex?: 'half';
}
interface ResponseInit {
  webSocket?: WebSocket | null;
}
interface Response {
  readonly webSocket: WebSocket | null;
}

/// Bytes that pass through unchanged.
declare class IdentityTransformStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<ArrayBuffer | ArrayBufferView>;
}
/// The same for so many bytes; a Response or a request of its `readable` has a content-length.
declare class FixedLengthStream extends IdentityTransformStream {
  constructor(expectedLength: number | bigint);
}
declare const scheduler: {
  /// Milliseconds.
  wait(delay: number, options?: { signal?: AbortSignal }): Promise<void>;
};
interface SubtleCrypto {
  /// Whether both have the same bytes, in a time that depends on their length only; it has to be
  /// the same.
  timingSafeEqual(a: ArrayBuffer | ArrayBufferView, b: ArrayBuffer | ArrayBufferView): boolean;
}

type URLPatternInput = string | Partial<Record<
  'protocol' | 'username' | 'password' | 'hostname' | 'port' | 'pathname' | 'search' | 'hash'
  | 'baseURL', string>>;
interface URLPatternComponentResult {
  input: string;
  groups: Record<string, string | undefined>;
}
type URLPatternResult = { inputs: URLPatternInput[] } & Record<
  'protocol' | 'username' | 'password' | 'hostname' | 'port' | 'pathname' | 'search' | 'hash',
  URLPatternComponentResult>;
/// https://urlpattern.spec.whatwg.org
declare class URLPattern {
  constructor(input?: URLPatternInput, options?: { ignoreCase?: boolean });
  constructor(input: string, base: string, options?: { ignoreCase?: boolean });
  test(input?: URLPatternInput, base?: string): boolean;
  exec(input?: URLPatternInput, base?: string): URLPatternResult | null;
  readonly protocol: string;
  readonly username: string;
  readonly password: string;
  readonly hostname: string;
  readonly port: string;
  readonly pathname: string;
  readonly search: string;
  readonly hash: string;
  readonly hasRegExpGroups: boolean;
}

declare module '*.txt' {
  const text: string;
  export default text;
}
declare module '*.html' {
  const text: string;
  export default text;
}
declare module '*.wasm' {
  const module: WebAssembly.Module;
  export default module;
}
declare module '*.bin' {
  const data: ArrayBuffer;
  export default data;
}
