#include "enclave/monitor/tree_key.hpp"

#include <algorithm>

namespace themis::monitor {

TreeKey TreeKey::prefix(uint16_t length) const {
  TreeKey result;
  result.depth = length;
  for (unsigned word = 0; word < length / 64u; ++word) result.path[word] = path[word];
  if (const unsigned rest = length % 64; rest != 0)
    result.path[length / 64] = path[length / 64] & ((uint64_t{1} << rest) - 1);
  return result;
}

bool operator<(const TreeKey& a, const TreeKey& b) {
  if (a.depth != b.depth) return a.depth < b.depth;
  return std::lexicographical_compare(a.path.rbegin(), a.path.rend(), b.path.rbegin(),
                                      b.path.rend());
}

std::byte* TreeKey::encode(std::byte* to) const {
  for (const uint64_t word : path) to = put(to, word);
  return put(to, depth);
}

TreeKey TreeKey::decode(Reader& reader) {
  TreeKey key;
  for (uint64_t& word : key.path) word = reader.integer<uint64_t>();
  key.depth = reader.integer<uint16_t>();
  if (key.depth > kLeafDepth || !(key.prefix(key.depth) == key)) {
    reader.refuse();
    return {};
  }
  return key;
}

TreeKey TreeKey::leaf(ByteView path) {
  TreeKey key;
  std::memcpy(key.path.data(), path.data(), std::min(path.size(), sizeof key.path));
  key.depth = kLeafDepth;
  return key;
}

TreeKey common_prefix(const TreeKey& a, const TreeKey& b) {
  unsigned length = 0;
  for (unsigned word = 0; word < 4; ++word) {
    const uint64_t differ = a.path[word] ^ b.path[word];
    length = 64 * word + (differ == 0 ? 64u : static_cast<unsigned>(std::countr_zero(differ)));
    if (differ != 0) break;
  }
  return a.prefix(static_cast<uint16_t>(std::min<unsigned>({length, a.depth, b.depth})));
}

}  // namespace themis::monitor
