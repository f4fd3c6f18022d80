#pragma once
// Places in the sparse Merkle tree: paths of up to 256 bits.

#include <array>

#include "runtime/base/codec.hpp"

namespace themis::monitor {

using themis::copy_bytes, themis::equal_bytes, themis::pass, themis::put, themis::put_optional,
    themis::read_optional, themis::Reader;

/// The first `depth` bits of a path, bit i being bit i % 64 of word i / 64. All bits from `depth`
/// on are zero. Depth 0 is the root, less than 256 a node, 256 the leaf of a record.
struct TreeKey {
  static constexpr uint16_t kLeafDepth = 256;
  static constexpr size_t kBytes = 34;

  std::array<uint64_t, 4> path{};
  uint16_t depth = 0;

  bool is_root() const { return depth == 0; }
  bool is_leaf() const { return depth == kLeafDepth; }
  /// `index` < 256.
  unsigned bit(unsigned index) const {
    return static_cast<unsigned>(path[index / 64] >> (index % 64)) & 1;
  }
  /// The ancestor at `length` <= depth.
  TreeKey prefix(uint16_t length) const;
  /// True for a proper descendant.
  bool below(const TreeKey& ancestor) const {
    return depth > ancestor.depth && prefix(ancestor.depth) == ancestor;
  }
  /// On which side of `ancestor`, a node above this, it lies: 0 left, 1 right.
  unsigned side_of(const TreeKey& ancestor) const { return bit(ancestor.depth); }

  friend bool operator==(const TreeKey&, const TreeKey&) = default;
  /// By depth, then as a number with word 3 the highest: the order of evictions at one time.
  friend bool operator<(const TreeKey& a, const TreeKey& b);

  std::byte* encode(std::byte* to) const;
  /// Refuses a depth over 256 and bits beyond it.
  static TreeKey decode(Reader& reader);
  /// The leaf at these 256 bits.
  static TreeKey leaf(ByteView path);
};

/// The longest common prefix of two keys.
TreeKey common_prefix(const TreeKey& a, const TreeKey& b);

}  // namespace themis::monitor
