#include "actors/ring/record_tree.hpp"

#include <algorithm>
#include <bit>

namespace themis::ring {
namespace {

constexpr std::string_view kNodeDomain = "themis/record/node/v1";
constexpr std::string_view kRootDomain = "themis/record-root/v1";

}  // namespace

crypto::Digest node_digest(const crypto::Digest& left, const crypto::Digest& right) {
  std::array<std::byte, kNodeDomain.size() + 2 * sizeof(crypto::Digest)> bytes;
  auto at = std::ranges::copy(as_bytes(kNodeDomain), bytes.begin()).out;
  at = std::ranges::copy(left, at).out;
  std::ranges::copy(right, at);
  return crypto::blake2b(bytes);
}

Bytes root_message(std::string_view network, const RecordProof& proof, const crypto::Digest& root) {
  Bytes out = to_bytes(kRootDomain);
  const auto number = [&](uint64_t value) { append(out, std::as_bytes(std::span(&value, 1))); };
  number(network.size());
  append(out, as_bytes(network));
  number(static_cast<uint64_t>(proof.issued_ms));
  number(proof.count);
  append(out, root);
  return out;
}

RecordTree::RecordTree(std::vector<crypto::Digest> leaves) {
  THEMIS_ASSERT(!leaves.empty() && leaves.size() <= kTreeRecordsMax, "1 to 4096 leaves");
  levels_.push_back(std::move(leaves));
  while (levels_.back().size() > 1) {
    const auto& below = levels_.back();
    std::vector<crypto::Digest> level;
    level.reserve((below.size() + 1) / 2);
    for (size_t i = 0; i + 1 < below.size(); i += 2)
      level.push_back(node_digest(below[i], below[i + 1]));
    if (below.size() % 2 == 1) level.push_back(below.back());
    levels_.push_back(std::move(level));
  }
}

std::vector<crypto::Digest> RecordTree::path(uint32_t index) const {
  std::vector<crypto::Digest> out;
  for (const auto& level : levels_) {
    const size_t sibling = index ^ 1u;
    if (sibling < level.size()) out.push_back(level[sibling]);
    index /= 2;
  }
  return out;
}

Climb::Climb(const RecordProof& proof, const crypto::Digest& leaf)
    : path_(proof.path),
      digest_(leaf),
      position_(proof.index),
      width_(proof.count),
      slot_((1u << std::bit_width(proof.count - 1)) + proof.index) {}

const crypto::Digest* Climb::sibling() const {
  return used_ < path_.size() ? &path_[used_] : nullptr;
}

bool Climb::step() {
  if (has_sibling()) {
    if (used_ == path_.size()) return false;
    const crypto::Digest& beside = path_[used_++];
    digest_ = position_ % 2 == 0 ? node_digest(digest_, beside) : node_digest(beside, digest_);
  }
  rise();
  return true;
}

void Climb::skip() {
  if (has_sibling()) ++used_;
  rise();
}

void Climb::rise() {
  position_ /= 2;
  width_ = (width_ + 1) / 2;
  slot_ /= 2;
}

}  // namespace themis::ring
