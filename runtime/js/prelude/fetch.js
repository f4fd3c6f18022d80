'use strict';
// fetch (https://fetch.spec.whatwg.org), to the outside or to a function or service: the node makes
// one request at a time and says where it may go; redirects, aborts and content codings are dealt
// with here. Runs when it is first needed.
const { PromisePrototypeThen, Promise, TypeError, TypedArrayPrototypeLength } = primordials;

const kHopsMax = 20;
const kRedirects = { __proto__: null, 301: true, 302: true, 303: true, 307: true, 308: true };
const kCodings = { __proto__: null, gzip: 'gzip', 'x-gzip': 'gzip', deflate: 'deflate', br: 'brotli' };
const kNullBody = { __proto__: null, 204: true, 205: true, 304: true };
const kOfBody = ['content-encoding', 'content-language', 'content-length', 'content-location',
  'content-type'];
const kOfOrigin = ['authorization', 'cookie', 'proxy-authorization'];

const leave = (answer) => { if (answer[3] !== 0) native.leaveFlow(answer[3]); };
const cancelStream = (stream, reason) => {
  PromisePrototypeThen(web.cancelReader(web.getReader(stream), reason), undefined, () => {});
};

/// One request, which `send` makes; what it brings after an abort is left. A body that is a stream
/// goes out as it is made, also after the answer: `target.upload` is how to end that.
const ask = (target, send, signal) => new Promise((resolve, reject) => {
  let aborted = false;
  let sent;
  const end = (reason) => {
    aborted = true;
    native.giveUp(sent);
    target.upload?.cancel(reason);
    reject(reason);
  };
  const { data } = target;
  const isStream = web.isReadableStream(data);
  if (isStream) {
    target.upload = web.pumpUp(data, (error) => {
      end(new TypeError('fetch: the stream of the body failed', { cause: error }));
    });
  }
  if (signal !== undefined) web.whenAborted(signal, () => { end(signal.reason); });
  const settle = async () => {
    try {
      sent = send(target.method, target.url, web.flattenHeaders(target.headers),
        data === null || isStream ? '' : data, target.upload?.id);
      const answer = await sent;
      if (aborted) leave(answer);
      else resolve(answer);
    } catch (error) {
      const why = target.outward ? new TypeError(error.message) : error;
      target.upload?.cancel(why);
      reject(why);
    }
  };
  settle();
});

const drop = (headers, names) => {
  for (let i = 0; i < names.length; i++) headers.delete(names[i]);
};

/// Where a redirect leads: changes `target`. Throws when it leads nowhere.
const follow = (target, status, location) => {
  const parts = native.urlParse(location, target.url);
  if (parts === undefined || !primordials.StringPrototypeStartsWith(parts[0], 'http'))
    throw new TypeError('fetch: a redirect to what is no http or https URL');
  if (status !== 303 && target.once && target.data !== null)
    throw new TypeError(`fetch: a redirect by ${status} of a request whose body was a stream`);
  const { method } = target;
  const becomesGet = (status === 303 && method !== 'GET' && method !== 'HEAD')
    || ((status === 301 || status === 302) && method === 'POST');
  if (becomesGet) {
    target.method = 'GET';
    target.data = null;
    drop(target.headers, kOfBody);
  }
  if (native.urlOrigin(parts[0]) !== native.urlOrigin(target.url)) drop(target.headers, kOfOrigin);
  target.url = parts[0];
  target.redirected = true;
};

/// The stream of an answer's body, or its bytes, without its content coding.
const bodyOf = (target, answer, headers, signal) => {
  if (kNullBody[answer[0]] || target.method === 'HEAD') {
    leave(answer);
    return undefined;
  }
  const whole = answer[3] === 0;
  const format = !target.outward ? undefined : kCodings[headers.get('content-encoding') ?? ''];
  if (whole && format === undefined) return answer[2];
  const bytes = answer[2] ?? native.utf8Encode('');
  const stream = whole ? web.streamOf(() => bytes) : web.flowStream(answer[3], bytes, signal);
  if (format === undefined) return stream;
  web.library('compression');
  return stream.pipeThrough(new web.DecompressionStream(format));
};

/// Whole, if all of a stream is there already and not too long; else with its length in the headers,
/// if that is known: only then there is one.
const takeStream = (target) => {
  const stream = target.data;
  const about = web.knownOfBody(stream);
  const bytes = about?.bytes?.();
  const size = bytes === undefined ? undefined : TypedArrayPrototypeLength(bytes);
  target.once = true;
  if (size !== undefined && size <= native.responseBytesMax()) {
    cancelStream(stream);  // it was used
    target.data = bytes;
    return;
  }
  const length = size ?? about?.length?.() ?? web.lengthOfStream?.(stream);
  if (length === undefined) target.headers.delete('content-length');
  else target.headers.set('content-length', length);
};

/// `send(method, url, headers, body, upload)` makes one request: native.fetchOutward, if `outward`,
/// or what asks one function or service; the latter `streams` bodies of functions only.
web.runFetch = async (input, init, send, { outward, streams }) => {
  const request = new web.Request(input, init);
  const signal = web.ownSignal(request);
  if (signal?.aborted) {
    const data = web.takeBody(request);
    if (web.isReadableStream(data)) cancelStream(data, signal.reason);
    throw signal.reason;
  }
  const gate = web.outputGate?.();
  if (gate !== undefined) await gate;
  if (!streams) await web.gatherBody(request, native.responseBytesMax());
  const target = { __proto__: null, method: request.method, url: request.url,
    headers: new web.Headers(request.headers), data: web.takeBody(request), redirected: false,
    outward, once: false, upload: undefined };
  if (web.isReadableStream(target.data)) takeStream(target);
  for (let hops = 0; ; hops++) {
    const answer = await ask(target, send, signal);
    const headers = web.splitHeaders(answer[1], outward);
    const location = kRedirects[answer[0]] ? headers.get('location') : null;
    if (location === null || request.redirect === 'manual') {
      return web.fetchedResponse(target, answer[0], headers,
        bodyOf(target, answer, headers, signal));
    }
    leave(answer);
    target.upload?.cancel(new TypeError('fetch: an answer that redirects'));
    target.upload = undefined;
    if (request.redirect === 'error') throw new TypeError('fetch: an answer that redirects');
    if (hops === kHopsMax) throw new TypeError(`fetch: over ${kHopsMax} redirects`);
    follow(target, answer[0], location);
  }
};
