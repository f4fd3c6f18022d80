//// round-trip: each format out and in
//// GET /
import { report } from './report.js';
const through = (format, text) => async () => {
  const packed = new Blob([text]).stream().pipeThrough(new CompressionStream(format));
  return (await new Response(packed.pipeThrough(new DecompressionStream(format))).text()).length;
};
export default report({
  gzip: through('gzip', 'x'.repeat(10000)),
  deflate: through('deflate', 'x'.repeat(10000)),
  raw: through('deflate-raw', 'x'.repeat(10000)),
  empty: through('gzip', ''),
  brotli: through('brotli', 'x'),
  wrong: through('zip', ''),
  none: () => new CompressionStream(),
});
//// smaller: what was compressed
//// GET /
export default {
  async fetch() {
    const packed = new Blob(['0123456789'.repeat(1000)])
      .stream()
      .pipeThrough(new CompressionStream('gzip'));
    const bytes = await new Response(packed).bytes();
    return Response.json([bytes[0], bytes[1], bytes.length < 200]);
  },
};
//// known: data that others compressed
//// GET /
import { report } from './report.js';
const unpack = (format, text) => async () =>
  new Response(
    new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))])
      .stream()
      .pipeThrough(new DecompressionStream(format)),
  ).text();
export default report({
  gzip: unpack('gzip', 'H4sIAAAAAAACA8tIzcnJBwCGphA2BQAAAA=='),
  deflate: unpack('deflate', 'eJzLSM3JyQcABiwCFQ=='),
  raw: unpack('deflate-raw', 'y0jNyckHAA=='),
  'bad data': unpack('gzip', 'AAAA'),
  'cut off': unpack('deflate', 'eJzLSM3J'),
  'junk after': unpack('deflate-raw', 'y0jNyckHAGp1bms='),
});
//// request: a compressed request is opened by hand
//// POST / {"base64": "H4sIAAAAAAACA8tIzcnJBwCGphA2BQAAAA==", "headers": {"content-encoding": "gzip", "content-type": "text/plain"}}
export default {
  async fetch(request) {
    const text = await new Response(
      request.body.pipeThrough(new DecompressionStream('gzip')),
    ).text();
    return new Response(`${request.headers.get('content-encoding')}: ${text}`);
  },
};
//// answer: a body that says how it is encoded
//// GET / {"headers": {"accept-encoding": "gzip"}}
export default {
  async fetch() {
    const packed = await new Response(
      new Blob(['hello']).stream().pipeThrough(new CompressionStream('gzip')),
    ).bytes();
    const plain = await new Response(
      new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip')),
    ).text();
    return new Response(plain, { headers: { 'content-encoding': 'identity' } });
  },
};
//// encoded-by-hand: gzip made by the handler, and said so
//// GET / {"headers": {"accept-encoding": "gzip"}}
const packed = Uint8Array.from(atob('H4sIAAAAAAACA8tIzcnJBwCGphA2BQAAAA=='), (c) =>
  c.charCodeAt(0),
);
export default {
  fetch() {
    return new Response(packed, { encodeBody: 'manual', headers: { 'content-encoding': 'gzip' } });
  },
};
//// chunks: text is no chunk of a compressor
//// GET /
import { report } from './report.js';
export default report({
  text: () =>
    new Response(ReadableStream.from(['text']).pipeThrough(new CompressionStream('gzip')))
      .bytes()
      .then((b) => b.length > 0),
  buffer: async () =>
    new Response(
      ReadableStream.from([new Uint8Array([1]).buffer]).pipeThrough(
        new CompressionStream('deflate'),
      ),
    )
      .bytes()
      .then((b) => b.length > 0),
  many: async () =>
    new Response(
      ReadableStream.from([new Uint8Array(5), new Uint8Array(5)])
        .pipeThrough(new CompressionStream('gzip'))
        .pipeThrough(new DecompressionStream('gzip')),
    ).bytes(),
});
