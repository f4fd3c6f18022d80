#include "enclave/receipts/merkle_log.hpp"

#include <bit>

namespace themis::receipts {

Digest node_hash(const Digest& left, const Digest& right) {
  std::array<std::byte, 1 + 2 * sizeof(Digest)> text;
  text[0] = std::byte{1};
  std::memcpy(text.data() + 1, left.data(), left.size());
  std::memcpy(text.data() + 1 + left.size(), right.data(), right.size());
  return crypto::Sha256().add(text).finish();
}

void MerkleLog::add(const Digest& leaf) {
  Digest carried = leaf;
  size_t level = 0;
  for (uint64_t full = size_; (full & 1) != 0; full >>= 1)
    carried = node_hash(peaks_[level++], carried);
  peaks_[level] = carried;
  ++size_;
}

LogHead MerkleLog::head() const {
  LogHead head{{}, size_};
  bool started = false;
  for (uint64_t left = size_; left != 0; left &= left - 1) {
    const Digest& peak = peaks_[static_cast<size_t>(std::countr_zero(left))];
    head.root = started ? node_hash(peak, head.root) : peak;
    started = true;
  }
  return head;
}

LogTree::LogTree(std::vector<Digest> leaves) {
  levels_.push_back(std::move(leaves));
  while (levels_.back().size() > 1) {
    const std::vector<Digest>& below = levels_.back();
    std::vector<Digest> level;
    level.reserve((below.size() + 1) / 2);
    for (size_t i = 0; i + 1 < below.size(); i += 2)
      level.push_back(node_hash(below[i], below[i + 1]));
    if (below.size() % 2 == 1) level.push_back(below.back());
    levels_.push_back(std::move(level));
  }
}

LogHead LogTree::head() const {
  const uint64_t size = levels_.front().size();
  return {size == 0 ? Digest{} : levels_.back().front(), size};
}

Path LogTree::path(uint64_t index) const {
  Path path;
  for (const auto& level : levels_) {
    if (const uint64_t sibling = index ^ 1; sibling < level.size()) path.push_back(level[sibling]);
    index /= 2;
  }
  return path;
}

Result<Digest> root_of(const Digest& leaf, uint64_t index, uint64_t size, const Path& path) {
  if (index >= size) return fail(Code::forged, "a leaf beyond its log");
  Digest hash = leaf;
  size_t used = 0;
  for (uint64_t width = size; width > 1; width = width / 2 + width % 2) {
    if ((index ^ 1) < width) {
      if (used == path.size()) return fail(Code::forged, "a path that ends below its root");
      const Digest& sibling = path[used++];
      hash = index % 2 == 1 ? node_hash(sibling, hash) : node_hash(hash, sibling);
    }
    index /= 2;
  }
  if (used != path.size()) return fail(Code::forged, "a path that goes on above its root");
  return hash;
}

}  // namespace themis::receipts
