'use strict';
// WebSocketPair and its two ends (https://developers.cloudflare.com/workers/runtime-apis/websockets):
// one end goes out with a Response of status 101, the handler talks through the other. Runs when it
// is first needed.
const {
  ArrayBufferIsView, ArrayPrototypePush, ArrayPrototypeShift, ObjectDefineProperty, Promise, RangeError,
  TypeError, TypedArrayPrototypeBuffer, TypedArrayPrototypeLength, TypedArrayPrototypeSlice,
} = primordials;

const kConnecting = 0;
const kOpen = 1;
const kClosing = 2;
const kClosed = 3;
/// Messages that wait for accept(), or for their end to go out, and the bytes or characters of them.
const kWaitingMax = 1024;
const kWaitingSizeMax = 2 << 20;
const kMessageMax = 1 << 20;
const kNoStatus = 1005;
const kAbnormal = 1006;

class CloseEvent extends web.Event {
  #code;
  #reason;
  #wasClean;
  constructor(type, options = undefined) {
    super(type, options);
    const { code = 0, reason = '', wasClean = false } = web.toDictionary(options, 'CloseEvent');
    this.#code = +code;
    this.#reason = web.toText(reason);
    this.#wasClean = !!wasClean;
  }
  get code() { return this.#code; }
  get reason() { return this.#reason; }
  get wasClean() { return this.#wasClean; }
}
web.exposeClass(CloseEvent);

const isSendable = (code) => primordials.MathTrunc(code) === code && code >= 1000 && code <= 4999
  && !(code >= 1004 && code <= 1006) && code !== 1015;

const later = async (run) => {
  await undefined;
  run();
};

const { MessageEvent } = web;
let makePair;
let connect;

class WebSocket extends web.EventTarget {
  #peer = undefined;
  #state = kConnecting;
  #inbox = [];        // until accept()
  #inboxSize = 0;
  #onAccept = undefined;
  #net = undefined;   // of an end that went out: { id, out: still open }
  #closeSent = false;
  #used = false;

  static {
    makePair = () => {
      const a = new WebSocket(web.kInternal);
      const b = new WebSocket(web.kInternal);
      a.#peer = b;
      b.#peer = a;
      return [a, b];
    };
    web.isWebSocket = (value) => typeof value === 'object' && value !== null && #state in value;
    const show = (end, message) => {
      if (message.close === undefined) {
        if (end.#state >= kClosed) return;
        web.dispatchTrusted(end, new MessageEvent('message',
          { __proto__: null, data: message.data }));
        return;
      }
      if (end.#state === kClosed) return;
      end.#state = kClosed;
      web.dispatchTrusted(end, new CloseEvent('close', { __proto__: null, ...message.close }));
    };
    /// A message for `end`, from its other end.
    const give = (end, message) => {
      if (end.#state === kConnecting) {
        end.#inboxSize += message.data?.byteLength ?? message.data?.length ?? 0;
        if (end.#inbox.length >= kWaitingMax || end.#inboxSize > kWaitingSizeMax)
          throw new RangeError('too much waits for accept(), or for a Response to go out');
        ArrayPrototypePush(end.#inbox, message);
      } else {
        show(end, message);
      }
    };
    /// A message from `end`, to the other one, here or at the client.
    web.fromEnd = (end, message) => {
      const peer = end.#peer;
      if (peer.#net === undefined) {
        if (peer.#state === kConnecting) give(peer, message);
        else later(() => { show(peer, message); });
      } else if (message.close === undefined) {
        native.writeSocket(peer.#net.id, message.data);
      } else {
        peer.#net.out = false;
        native.closeSocket(peer.#net.id, message.close.code, message.close.reason);
      }
    };
    web.acceptEnd = (end) => {
      if (end.#net !== undefined || end.#used)
        throw new TypeError('This WebSocket went out with a Response');
      if (end.#state !== kConnecting) throw new TypeError('This WebSocket was accepted before');
      end.#state = kOpen;
      const inbox = end.#inbox;
      end.#inbox = [];
      if (inbox.length > 0) {
        later(() => { while (inbox.length > 0) show(end, ArrayPrototypeShift(inbox)); });
      }
      if (end.#onAccept !== undefined) end.#onAccept();
    };
    /// Reads what the client sends, as fast as the handler's end takes it.
    const pump = async (end, flow) => {
      const server = end.#peer;
      let close = { code: kAbnormal, reason: '', wasClean: false };
      try {
        for (;;) {
          // Who does not take what is sent is not listened to.
          const room = native.socketRoom(end.#net.id);
          if (room !== undefined) await room;
          const data = await native.readFlow(flow);
          if (data === undefined) break;
          if (server.#state === kConnecting)
            await new Promise((resolve) => { server.#onAccept = resolve; });
          if (typeof data === 'object' && !ArrayBufferIsView(data)) {
            close = { code: data[0], reason: data[1], wasClean: data[0] !== kAbnormal };
            break;
          }
          show(server, { data: typeof data === 'string' ? data : TypedArrayPrototypeBuffer(data) });
        }
      } catch {
        // The client, or the way to it, is gone.
      }
      if (server.#closeSent && close.code === kAbnormal)
        close = { code: server.#closeSent.code, reason: server.#closeSent.reason, wasClean: true };
      give(server, { close });
      if (end.#net.out) native.endStream(end.#net.id);
      end.#net.out = false;
    };
    /// `end` is at the client from now on: sends what waited, answers what web.pumpOut answers.
    connect = (id, end, flow, begin) => {
      if (end.#used || end.#state !== kConnecting)
        throw new TypeError('This WebSocket was used or accepted before');
      if (flow === undefined) throw new TypeError('The request asks for no WebSocket');
      begin();
      end.#used = true;
      end.#net = { id, out: true };
      const inbox = end.#inbox;
      end.#inbox = [];
      for (let i = 0; i < inbox.length; i++) web.fromEnd(end.#peer, inbox[i]);
      return { __proto__: null, over: pump(end, flow), cancel() { native.leaveFlow(flow); } };
    };
  }

  constructor(key = undefined) {
    if (key !== web.kInternal)
      throw new TypeError('WebSockets to other servers cannot be opened here: see WebSocketPair');
    super();
  }
  accept() { web.acceptEnd(this); }
  send(data) {
    web.needArguments(arguments.length, 1, 'send');
    if (this.#state === kConnecting) throw new TypeError('accept() comes before send()');
    if (this.#state !== kOpen) throw new TypeError('This WebSocket is closed');
    const bytes = web.asBytes(data);
    const message = bytes === undefined ? web.toText(data)
      : TypedArrayPrototypeBuffer(TypedArrayPrototypeSlice(bytes));
    if ((message.byteLength ?? message.length) > kMessageMax)
      throw new RangeError('a WebSocket message has at most 1 MB');
    web.fromEnd(this, { data: message });
  }
  close(code = undefined, reason = undefined) {
    const text = reason === undefined ? '' : web.toText(reason);
    if (code !== undefined && !isSendable(+code))
      throw new web.DOMException(`${code} is no code to close with`, 'InvalidAccessError');
    if (TypedArrayPrototypeLength(native.utf8Encode(text)) > 123)
      throw new web.DOMException('A close reason has at most 123 bytes', 'SyntaxError');
    if (this.#state === kConnecting) throw new TypeError('accept() comes before close()');
    if (this.#state !== kOpen) return;
    this.#state = kClosing;
    this.#closeSent = { code: code === undefined ? kNoStatus : +code, reason: text };
    web.fromEnd(this, { close: { ...this.#closeSent, wasClean: true } });
    if (this.#peer.#state === kOpen) this.#state = kClosed;
  }
  get readyState() { return this.#state; }
  get binaryType() { return 'arraybuffer'; }
  get protocol() { return ''; }
  get extensions() { return ''; }
  get url() { return null; }
}
const kTypes = ['open', 'message', 'close', 'error'];
for (let i = 0; i < kTypes.length; i++) web.defineHandler(WebSocket.prototype, kTypes[i]);
web.defineConstants(WebSocket,
  { __proto__: null, CONNECTING: kConnecting, OPEN: kOpen, CLOSING: kClosing, CLOSED: kClosed });
web.exposeClass(WebSocket);
web.connectSocket = connect;

class WebSocketPair {
  constructor() {
    const ends = makePair();
    for (let i = 0; i < 2; i++) {
      ObjectDefineProperty(this, i,
        { __proto__: null, value: ends[i], enumerable: true, configurable: true, writable: true });
    }
  }
}
web.exposeClass(WebSocketPair);
