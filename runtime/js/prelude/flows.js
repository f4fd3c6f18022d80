'use strict';
// Bodies that come and go bit by bit: between the streams of a handler and C++.
const {
  PromisePrototypeThen, TypeError, TypedArrayPrototypeLength, TypedArrayPrototypeSubarray, WeakMap,
  WeakMapPrototypeGet, WeakMapPrototypeSet,
} = primordials;

// Most functions need neither: they run when somebody first asks.
for (const name of ['WebSocket', 'WebSocketPair', 'CloseEvent'])
  web.exposeLater(name, () => { web.library('websocket'); });
for (const name of ['IdentityTransformStream', 'FixedLengthStream', 'scheduler'])
  web.exposeLater(name, () => { web.library('workers'); });
web.MessageEvent = globalThis.MessageEvent;
web.expose('fetch', async function fetch(input, init = undefined) {
  web.needArguments(arguments.length, 1, 'fetch');
  if (web.runFetch === undefined) web.library('fetch');
  return web.runFetch(input, init, native.fetchOutward, { __proto__: null, outward: true, streams: true });
});

const known = new WeakMap();
/// What is known of a body before it is read: `about.bytes()`, all of it, or `about.length()`.
web.noteBody = (stream, about) => WeakMapPrototypeSet(known, stream, about);
web.knownOfBody = (stream) => WeakMapPrototypeGet(known, stream);

/// Bytes that go out in one piece: native.writeStream takes no more.
const kPieceBytes = 64 << 10;

/// The byte stream of a body that C++ has: nothing of it is read before somebody asks. `first`: what
/// is there of it; `signal`: whose abort is its error.
web.flowStream = (flow, first = undefined, signal = undefined) => web.byteStream({
  __proto__: null,
  type: 'bytes',
  start(controller) {
    if (signal === undefined) return;
    web.whenAborted(signal, () => {
      native.leaveFlow(flow);
      try {
        controller.error(signal.reason);
      } catch {
        // It had ended.
      }
    });
  },
  async pull(controller) {
    let bytes = first;
    first = undefined;
    if (bytes === undefined || TypedArrayPrototypeLength(bytes) === 0)
      bytes = await native.readFlow(flow);
    if (bytes !== undefined) return controller.enqueue(bytes);
    controller.close();
    controller.byobRequest?.respond(0);
    return undefined;
  },
  cancel() { native.leaveFlow(flow); },
});

/// Sends a chunk on, in pieces and as there is room; false: nobody reads on. An actor says nothing
/// that a crash could still undo.
const write = async (id, chunk) => {
  const gate = web.outputGate?.();
  if (gate !== undefined) await gate;
  const size = TypedArrayPrototypeLength(chunk);
  for (let at = 0; at < size; at += kPieceBytes) {
    const piece = size <= kPieceBytes ? chunk : TypedArrayPrototypeSubarray(chunk, at,
      at + kPieceBytes < size ? at + kPieceBytes : size);
    const room = native.writeStream(id, piece);
    if (room === false) return false;
    if (room !== undefined) await room;
  }
  return true;
};

const pump = async (id, reader, failed) => {
  try {
    for (;;) {
      const { done, value } = await web.readChunk(reader);
      if (done) break;
      if (!(await write(id, web.asChunk(value)))) {
        PromisePrototypeThen(web.cancelReader(reader), undefined, () => {});
        return;
      }
    }
    native.endStream(id);
  } catch (error) {
    native.failStream(id, error);
    PromisePrototypeThen(web.cancelReader(reader, error), undefined, () => {});
    failed?.(error);
  }
};

/// Sends what `stream` gives as the body of call `id`. Answers how to cancel that, and a promise of
/// its end. `failed` is told why the stream ended early.
web.pumpOut = (id, stream, failed = undefined) => {
  const reader = web.getReader(stream);
  return {
    __proto__: null,
    over: pump(id, reader, failed),
    cancel(reason) {
      PromisePrototypeThen(web.cancelReader(reader, reason), undefined, () => {});
    },
  };
};

/// The same for a request to others, which takes the `id` of the answer. When its reader leaves
/// early, so does this one.
web.pumpUp = (stream, failed) => {
  const opened = native.openUpload();
  const id = opened[0];
  const out = web.pumpOut(id, stream, failed);
  PromisePrototypeThen(opened[1], () => {
    out.cancel(new TypeError('The body of a request is not taken any further'));
  });
  return {
    __proto__: null,
    id,
    cancel(reason) {
      native.failStream(id, reason);  // first: a reader that is cancelled looks like one at its end
      out.cancel(reason);
    },
  };
};
