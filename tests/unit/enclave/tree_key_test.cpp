// Places of 256 bits: every word counts.

#include <gtest/gtest.h>

#include "enclave/applications/types.hpp"
#include "enclave/monitor/tree_key.hpp"

namespace themis::monitor {
namespace {

constexpr unsigned kBits[] = {0, 1, 63, 64, 65, 127, 128, 191, 192, 254, 255};

TreeKey with_bit(unsigned bit, uint16_t depth = TreeKey::kLeafDepth) {
  TreeKey key;
  key.depth = depth;
  key.path[bit / 64] = uint64_t{1} << (bit % 64);
  return key;
}

TEST(TreeKey, CommonPrefixesEndAtTheFirstBitThatDiffers) {
  for (const unsigned bit : kBits) {
    const TreeKey prefix = common_prefix(with_bit(bit), TreeKey{{}, TreeKey::kLeafDepth});
    EXPECT_EQ(prefix, (TreeKey{{}, static_cast<uint16_t>(bit)})) << bit;
    EXPECT_TRUE(with_bit(bit).below(prefix)) << bit;
    EXPECT_EQ(with_bit(bit).side_of(prefix), 1u) << bit;
  }
  // What both have before it is kept.
  TreeKey a = with_bit(3), b = with_bit(3);
  a.path[2] = b.path[2] = 0x10;
  b.path[3] = 0x8000;
  const TreeKey prefix = common_prefix(a, b);
  EXPECT_EQ(prefix.depth, 192 + 15);
  EXPECT_EQ(prefix.path, a.path);
  EXPECT_EQ(common_prefix(a, a.prefix(150)), a.prefix(150));
}

TEST(TreeKey, ABitBeyondThePrefixIsCutAndOneWithinCounts) {
  for (const unsigned bit : kBits) {
    const auto depth = static_cast<uint16_t>(bit);
    EXPECT_EQ(with_bit(bit).prefix(depth), (TreeKey{{}, depth})) << bit;
    EXPECT_EQ(with_bit(bit).prefix(static_cast<uint16_t>(depth + 1)).path, with_bit(bit).path);
    EXPECT_FALSE(with_bit(bit).below(TreeKey{{}, static_cast<uint16_t>(depth + 1)})) << bit;
  }
}

TEST(TreeKey, OrderIsByDepthThenWordThreeFirst) {
  EXPECT_LT(with_bit(255, 255).prefix(0), with_bit(0, 1));
  for (size_t i = 1; i < std::size(kBits); ++i) {
    EXPECT_LT(with_bit(kBits[i - 1]), with_bit(kBits[i])) << i;
    EXPECT_FALSE(with_bit(kBits[i]) < with_bit(kBits[i - 1])) << i;
    EXPECT_FALSE(with_bit(kBits[i]) < with_bit(kBits[i])) << i;
  }
  EXPECT_LT((TreeKey{{~uint64_t{0}, ~uint64_t{0}, 0, 0}, 200}), with_bit(0, 201));
}

TEST(TreeKey, ABlobsPlaceHasAllBitsOfItsHash) {
  const auto blob = Blob<16>::from(as_bytes("key"));
  const crypto::Digest digest = crypto::blake2b(blob.view());
  std::array<std::byte, TreeKey::kBytes> bytes;
  blob.place().encode(bytes.data());
  EXPECT_EQ(to_hex(ByteView(bytes).first(32)), to_hex(digest));
  EXPECT_EQ(blob.place().depth, TreeKey::kLeafDepth);
}

}  // namespace
}  // namespace themis::monitor
