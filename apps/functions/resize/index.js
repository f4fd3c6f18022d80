// POST a PNG, ?width= and ?height= (or one of them): the same picture in that size. GET: a picture to try it with.
import { BadPicture, decode, encode, reserve } from './png.js';
import module from './resize.wasm';

const kSideMax = 2048;

/// The size that is asked for; one side follows from the other. Throws BadPicture.
function size_of(query, picture) {
  const side = (name) => {
    if (!query.has(name)) return undefined;
    const value = Number(query.get(name));
    if (Number.isInteger(value) && value >= 1 && value <= kSideMax) return value;
    throw new BadPicture(`${name} is a number from 1 to ${kSideMax}`);
  };
  const [width, height] = [side('width'), side('height')];
  if (!width && !height) throw new BadPicture('say ?width=, ?height=, or both');
  const follow = (own, other, asked) => Math.min(kSideMax, Math.max(1, Math.round(own * asked / other)));
  return {
    width: width ?? follow(picture.width, picture.height, height),
    height: height ?? follow(picture.height, picture.width, width),
  };
}

/// A disc before a slope of colours.
function draw(pixels) {
  const [width, height] = [320, 200];
  const rows = reserve(pixels, (width * 3 + 1) * height);
  const memory = new Uint8Array(pixels.memory.buffer);
  for (let y = 0; y < height; ++y)
    for (let x = 0; x < width; ++x) {
      const inside = Math.hypot(x - 160, y - 100) < 70;
      memory.set(inside ? [250, 200, 40] : [x * 0.7, y, 200 - y], rows + y * (width * 3 + 1) + 1 + x * 3);
    }
  return { width, height, colour: 2, channels: 3, rows };
}

async function resized(pixels, request) {
  const from = await decode(pixels, await request.bytes());
  const size = size_of(new URL(request.url).searchParams, from);
  const rows = reserve(pixels, (size.width * from.channels + 1) * size.height);
  pixels.resize(from.rows, from.width, from.height, from.channels, rows, size.width, size.height);
  return { ...from, ...size, rows };
}

export default {
  async fetch(request) {
    const pixels = new WebAssembly.Instance(module).exports;
    try {
      const picture = request.method === 'POST' ? await resized(pixels, request) : draw(pixels);
      return new Response(await encode(pixels, picture), { headers: { 'content-type': 'image/png' } });
    } catch (error) {
      if (error instanceof BadPicture) return new Response(`${error.message}\n`, { status: 400 });
      throw error;
    }
  },
};
