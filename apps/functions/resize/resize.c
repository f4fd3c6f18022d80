// The work on pixels: undoes PNG's row filters, resamples, checks sums. Freestanding WebAssembly; memory only grows, as
// an instance serves one picture. Rows have a byte for their filter before their pixels. Source: PNG (W3C, 2003).
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

#define EXPORT(name) __attribute__((export_name(#name)))
#define PAGE_BYTES 65536

extern u8 __heap_base;
static u32 used = 0;

/// Address of so many bytes, all zero; 0: the memory has no more.
EXPORT(reserve) u8 *reserve(u32 bytes) {
  if (used == 0) used = (u32)&__heap_base;
  const u64 end = (u64)used + bytes + 15 & ~(u64)15;
  const u64 pages = (end + PAGE_BYTES - 1) / PAGE_BYTES;
  const u32 have = __builtin_wasm_memory_size(0);
  if (pages > PAGE_BYTES) return 0;
  if (pages > have && __builtin_wasm_memory_grow(0, (u32)pages - have) == (unsigned long)-1) return 0;
  u8 *at = (u8 *)used;
  used = (u32)end;
  return at;
}

/// CRC-32 of a chunk's type and data.
EXPORT(crc32) u32 crc32(const u8 *bytes, u32 count) {
  u32 sum = ~0u;
  for (u32 i = 0; i < count; ++i) {
    sum ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) sum = sum >> 1 ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum;
}

static u8 paeth(int left, int up, int corner) {
  const int guess = left + up - corner;
  const int to_left = guess > left ? guess - left : left - guess;
  const int to_up = guess > up ? guess - up : up - guess;
  const int to_corner = guess > corner ? guess - corner : corner - guess;
  if (to_left <= to_up && to_left <= to_corner) return (u8)left;
  return (u8)(to_up <= to_corner ? up : corner);
}

/// `stride`: bytes of a row after its filter's. 0: a row has a filter that does not exist.
EXPORT(unfilter) int unfilter(u8 *rows, u32 stride, u32 height, u32 pixel_bytes) {
  for (u32 y = 0; y < height; ++y) {
    u8 *row = rows + (u64)y * (stride + 1) + 1;
    const u8 *above = y > 0 ? row - stride - 1 : 0;
    const u8 filter = row[-1];
    if (filter > 4) return 0;
    for (u32 i = 0; i < stride; ++i) {
      const int left = i < pixel_bytes ? 0 : row[i - pixel_bytes];
      const int up = above ? above[i] : 0;
      const int corner = above && i >= pixel_bytes ? above[i - pixel_bytes] : 0;
      switch (filter) {
        case 1: row[i] = (u8)(row[i] + left); break;
        case 2: row[i] = (u8)(row[i] + up); break;
        case 3: row[i] = (u8)(row[i] + (left + up) / 2); break;
        case 4: row[i] = (u8)(row[i] + paeth(left, up, corner)); break;
      }
    }
    row[-1] = 0;
  }
  return 1;
}

struct picture {
  u8 *rows;
  u32 width, height;
};

/// How much of source pixel `at` the target's pixel covers, in units of 1/target of a source pixel.
static u32 overlap(u32 at, u32 target, u32 begin, u32 end) {
  const u32 from = at * target, to = from + target;
  return (to < end ? to : end) - (from > begin ? from : begin);
}

/// The mean of the area that pixel (x, y) of `to` covers, rounded. Colours count as much as they are opaque.
static void average(struct picture from, struct picture to, u32 channels, u32 x, u32 y, u8 *out) {
  const int has_alpha = channels % 2 == 0;
  const u32 left = x * from.width, right = left + from.width;
  const u32 top = y * from.height, bottom = top + from.height;
  u64 sums[4] = {0, 0, 0, 0}, weights = 0, opaque = 0;
  for (u32 v = top / to.height; v * to.height < bottom; ++v) {
    const u8 *pixel = from.rows + (u64)v * (from.width * channels + 1) + 1 + left / to.width * channels;
    for (u32 u = left / to.width; u * to.width < right; ++u, pixel += channels) {
      const u64 area = (u64)overlap(u, to.width, left, right) * overlap(v, to.height, top, bottom);
      const u64 weight = has_alpha ? area * pixel[channels - 1] : area;
      for (u32 c = 0; c < channels; ++c) sums[c] += weight * pixel[c];
      weights += weight;
      opaque += area;
    }
  }
  for (u32 c = 0; c < channels; ++c) out[c] = weights ? (u8)((2 * sums[c] + weights) / (2 * weights)) : 0;
  if (has_alpha) out[channels - 1] = (u8)((2 * weights + opaque) / (2 * opaque));
}

/// Both pictures have 1 to 4 channels a pixel and sides of at most 4,096.
EXPORT(resize)
void resize(u8 *from, u32 width, u32 height, u32 channels, u8 *to, u32 to_width, u32 to_height) {
  const struct picture source = {from, width, height}, target = {to, to_width, to_height};
  for (u32 y = 0; y < to_height; ++y) {
    u8 *row = to + (u64)y * (to_width * channels + 1);
    *row++ = 0;
    for (u32 x = 0; x < to_width; ++x) average(source, target, channels, x, y, row + x * channels);
  }
}
