//// utf8: TextEncoder
//// GET /
import { report } from './report.js';
const encode = (text) => () => new TextEncoder().encode(text);
export default report({
  ascii: encode('abc'),
  umlaut: encode('ü'),
  euro: encode('€'),
  emoji: encode('😀'),
  empty: encode(''),
  nothing: encode(),
  lone: encode('a\ud800b'),
  null: encode(null),
  encoding: () => new TextEncoder().encoding,
  into: () => {
    const bytes = new Uint8Array(4);
    return [new TextEncoder().encodeInto('aü€', bytes), [...bytes]];
  },
  'into a full one': () => new TextEncoder().encodeInto('abc', new Uint8Array(0)),
  'into no bytes': () => new TextEncoder().encodeInto('abc', new Uint16Array(4)),
});
//// decode: TextDecoder and its options
//// GET /
import { report } from './report.js';
const decode = (bytes, label, options) => () =>
  JSON.stringify(new TextDecoder(label, options).decode(new Uint8Array(bytes)));
export default report({
  plain: decode([104, 105]),
  mark: decode([239, 187, 191, 104]),
  'keep mark': decode([239, 187, 191, 104], 'utf-8', { ignoreBOM: true }),
  bad: decode([97, 255, 98]),
  fatal: decode([97, 255, 98], 'utf-8', { fatal: true }),
  short: decode([226, 130]),
  overlong: decode([192, 175]),
  surrogate: decode([237, 160, 128]),
  nothing: () => JSON.stringify(new TextDecoder().decode()),
  buffer: () => new TextDecoder().decode(new Uint8Array([65]).buffer),
  view: () => new TextDecoder().decode(new DataView(new Uint8Array([65, 66]).buffer, 1)),
  text: () => new TextDecoder().decode('x'),
  'four bytes': decode([240, 159, 152, 128]),
});
//// labels: names of encodings
//// GET /
import { report } from './report.js';
const label = (name) => () => new TextDecoder(name).encoding;
export default report(
  Object.fromEntries(
    [
      'utf-8',
      'UTF8',
      ' utf-8 ',
      'latin1',
      'ascii',
      'iso-8859-1',
      'windows-1252',
      'utf-16',
      'utf-16le',
      'utf-16be',
      'shift_jis',
      'euc-jp',
      'gb18030',
      'gbk',
      'big5',
      'euc-kr',
      'koi8-r',
      'iso-8859-2',
      'windows-1251',
      'macintosh',
      'x-user-defined',
      'replacement',
      'nothing',
      '',
    ].map((name) => [`label ${name}`, label(name)]),
  ),
);
//// legacy: bytes of other encodings
//// GET /
import { report } from './report.js';
const decode =
  (label, ...bytes) =>
  () =>
    new TextDecoder(label).decode(new Uint8Array(bytes));
export default report({
  latin1: decode('latin1', 0xe4, 0x80),
  'iso-8859-2': decode('iso-8859-2', 0xb1),
  koi8: decode('koi8-r', 0xc1),
  'windows-1251': decode('windows-1251', 0xe0),
  utf16le: decode('utf-16le', 0x3d, 0xd8, 0x00, 0xde),
  utf16be: decode('utf-16be', 0x20, 0xac),
  shift_jis: decode('shift_jis', 0x82, 0xa0),
  'euc-jp': decode('euc-jp', 0xa4, 0xa2),
  gbk: decode('gbk', 0xc4, 0xe3),
  big5: decode('big5', 0xa7, 0x41),
  'euc-kr': decode('euc-kr', 0xb0, 0xa1),
});
//// streaming: decode in pieces
//// GET /
import { report } from './report.js';
export default report({
  pieces: () => {
    const d = new TextDecoder();
    return [
      d.decode(new Uint8Array([226]), { stream: true }),
      d.decode(new Uint8Array([130]), { stream: true }),
      d.decode(new Uint8Array([172]), { stream: true }),
      d.decode(),
    ];
  },
  unfinished: () => {
    const d = new TextDecoder();
    d.decode(new Uint8Array([226]), { stream: true });
    return d.decode();
  },
  reset: () => {
    const d = new TextDecoder();
    d.decode(new Uint8Array([226]), { stream: true });
    d.decode();
    return d.decode(new Uint8Array([65]));
  },
  mark: () => {
    const d = new TextDecoder();
    return (
      d.decode(new Uint8Array([239, 187]), { stream: true }) + d.decode(new Uint8Array([191, 65]))
    );
  },
  fatal: () => {
    const d = new TextDecoder('utf-8', { fatal: true });
    d.decode(new Uint8Array([226]), { stream: true });
    return d.decode();
  },
});
//// stream-classes: TextEncoderStream, TextDecoderStream
//// GET /
import { report } from './report.js';
const all = async (stream) => {
  const out = [];
  for await (const x of stream) out.push(...x);
  return out;
};
export default report({
  encode: () => all(ReadableStream.from(['a', 'ü']).pipeThrough(new TextEncoderStream())),
  split: () => all(ReadableStream.from(['\ud83d', '\ude00']).pipeThrough(new TextEncoderStream())),
  lone: () => all(ReadableStream.from(['\ud83d']).pipeThrough(new TextEncoderStream())),
  decode: async () =>
    (
      await all(
        ReadableStream.from([new Uint8Array([226, 130]), new Uint8Array([172])]).pipeThrough(
          new TextDecoderStream(),
        ),
      )
    ).join(''),
  fatal: () =>
    all(
      ReadableStream.from([new Uint8Array([255])]).pipeThrough(
        new TextDecoderStream('utf-8', { fatal: true }),
      ),
    ),
  names: () => [
    new TextDecoderStream('latin1').encoding,
    new TextEncoderStream().encoding,
    new TextDecoderStream().fatal,
  ],
});
//// base64: atob, btoa
//// GET /
import { report } from './report.js';
export default report({
  btoa: () => [btoa('hello'), btoa(''), btoa('ÿ'), btoa(123), btoa(null)],
  'btoa beyond': () => btoa('€'),
  'btoa nothing': () => btoa(),
  atob: () => [atob('aGVsbG8='), atob(''), atob(' aGVs bG8 '), atob('aGVsbG8')],
  'atob bad': () => atob('a'),
  'atob bad letter': () => atob('a-b_'),
  'atob padding': () => atob('aGVsbG8=='),
  'both ways': () => {
    let all = '';
    for (let i = 0; i < 256; i++) all += String.fromCharCode(i);
    return atob(btoa(all)) === all;
  },
  kind: () => {
    try {
      btoa('€');
    } catch (e) {
      return [e.name, e.code, e instanceof DOMException, e instanceof Error];
    }
  },
});
//// typed: base64 and hex of Uint8Array
//// GET /
import { report } from './report.js';
export default report({
  toBase64: () => new Uint8Array([1, 2, 255]).toBase64(),
  url: () => new Uint8Array([251, 255]).toBase64({ alphabet: 'base64url', omitPadding: true }),
  fromBase64: () => Uint8Array.fromBase64('AQL/'),
  toHex: () => new Uint8Array([1, 255]).toHex(),
  fromHex: () => Uint8Array.fromHex('01ff'),
  bad: () => Uint8Array.fromHex('0g'),
  into: () => {
    const b = new Uint8Array(4);
    return [b.setFromHex('0102'), [...b]];
  },
});
//// uri: encodeURIComponent and its kin
//// GET /
import { report } from './report.js';
export default report({
  component: () => encodeURIComponent("a b&c=ü/€😀!'()*"),
  uri: () => encodeURI('https://a/b c?ü#x'),
  decode: () => decodeURIComponent('%E2%82%AC+'),
  bad: () => decodeURIComponent('%'),
  lone: () => encodeURIComponent('\ud800'),
  escape: () => [escape('ü €'), unescape('%u20AC')],
});
