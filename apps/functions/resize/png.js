// PNG's chunks: one byte a channel, not interlaced, no palette. Pixels are in the memory of resize.wasm. Source: PNG (W3C, 2003).
const kSignature = [137, 80, 78, 71, 13, 10, 26, 10];
const kChannels = { 0: 1, 2: 3, 4: 2, 6: 4 };
const kSideMax = 4096;
const kPixelBytesMax = 4 << 20; // what 50 ms of CPU time are enough for

export class BadPicture extends Error {}
const check = (condition, why) => {
  if (!condition) throw new BadPicture(why);
};

/// `pixels`: the exports of resize.wasm. Address of so many bytes in its memory.
export function reserve(pixels, bytes) {
  const at = pixels.reserve(bytes);
  check(at !== 0, 'the picture needs more memory than there is');
  return at;
}

/// Address of a copy of `bytes` in its memory.
function put(pixels, bytes) {
  const at = reserve(pixels, bytes.length);
  new Uint8Array(pixels.memory.buffer).set(bytes, at);
  return at;
}
const crc32 = (pixels, bytes) => pixels.crc32(put(pixels, bytes), bytes.length) >>> 0;

/// [[type, data]] of the chunks up to the end.
function chunks_of(pixels, file) {
  check(kSignature.every((byte, i) => file[i] === byte), 'the body is no PNG');
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const chunks = [];
  for (let at = kSignature.length; chunks.at(-1)?.[0] !== 'IEND';) {
    check(at + 12 <= file.length, 'the PNG ends in the middle');
    const length = view.getUint32(at);
    check(at + 12 + length <= file.length, 'the PNG ends in the middle');
    const typed = file.subarray(at + 4, at + 8 + length);
    check(view.getUint32(at + 8 + length) === crc32(pixels, typed), 'a chunk of the PNG is damaged');
    chunks.push([String.fromCharCode(...typed.subarray(0, 4)), typed.subarray(4)]);
    at += 12 + length;
  }
  return chunks;
}

function header_of([type, data] = []) {
  check(type === 'IHDR' && data.length === 13, 'the PNG has no header');
  const view = new DataView(data.buffer, data.byteOffset);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  const [depth, colour, , , interlaced] = data.subarray(8);
  check(depth === 8 && colour in kChannels && !interlaced,
    'only PNGs of 8 bits a channel, without palette and not interlaced');
  check(width > 0 && height > 0 && width <= kSideMax && height <= kSideMax, `a side has 1 to ${kSideMax} pixels`);
  return { width, height, colour, channels: kChannels[colour] };
}

/// The picture, its rows unfiltered in the memory of `pixels`. Throws BadPicture.
export async function decode(pixels, file) {
  const chunks = chunks_of(pixels, file);
  const picture = header_of(chunks[0]);
  const stride = picture.width * picture.channels;
  const bytes = (stride + 1) * picture.height;
  check(bytes <= kPixelBytesMax, `a picture has at most ${kPixelBytesMax} bytes of pixels, this one has ${bytes}`);
  picture.rows = reserve(pixels, bytes);
  const packed = new Blob(chunks.filter(([type]) => type === 'IDAT').map(([, data]) => data));
  let filled = 0;
  try {
    for await (const part of packed.stream().pipeThrough(new DecompressionStream('deflate'))) {
      check(filled + part.length <= bytes, 'the PNG has more pixels than its header says');
      new Uint8Array(pixels.memory.buffer).set(part, picture.rows + filled);
      filled += part.length;
    }
  } catch (error) {
    check(error instanceof BadPicture, 'the pixels of the PNG are damaged');
    throw error;
  }
  check(filled === bytes, 'the PNG has fewer pixels than its header says');
  check(pixels.unfilter(picture.rows, stride, picture.height, picture.channels), 'a row of the PNG has no such filter');
  return picture;
}

/// The file of a picture whose unfiltered rows are in the memory of `pixels`.
export async function encode(pixels, { width, height, colour, channels, rows }) {
  const raw = new Uint8Array(pixels.memory.buffer, rows, (width * channels + 1) * height).slice();
  const packed = new Blob([raw]).stream().pipeThrough(new CompressionStream('deflate'));
  const header = new Uint8Array(13);
  new DataView(header.buffer).setUint32(0, width);
  new DataView(header.buffer).setUint32(4, height);
  header.set([8, colour], 8);
  const parts = [Uint8Array.from(kSignature)];
  for (const [type, data] of [['IHDR', header], ['IDAT', new Uint8Array(await new Response(packed).arrayBuffer())],
    ['IEND', new Uint8Array()]]) {
    const chunk = new Uint8Array(12 + data.length);
    const view = new DataView(chunk.buffer);
    view.setUint32(0, data.length);
    chunk.set([...type].map((letter) => letter.charCodeAt(0)), 4);
    chunk.set(data, 8);
    view.setUint32(8 + data.length, crc32(pixels, chunk.subarray(4, 8 + data.length)));
    parts.push(chunk);
  }
  return new Blob(parts);
}
