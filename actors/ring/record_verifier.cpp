#include "actors/ring/record_verifier.hpp"

#include <bit>
#include <cstring>

namespace themis::ring {
namespace {

tl::unexpected<Error> forged(std::string_view what) {
  return fail(Code::forged, "a record with " + std::string(what));
}

/// As == of the arrays, which goes byte by byte.
bool same(const crypto::Digest& a, const crypto::Digest& b) {
  return std::memcmp(a.data(), b.data(), a.size()) == 0;
}

/// The nodes that a climb passed and those beside them, to be remembered if it ends well.
class Way {
 public:
  /// `slots`: below it nodes are remembered.
  void add(const Climb& climb, size_t slots) {
    if (climb.slot() >= slots || size_ == nodes_.size()) return;
    const bool beside = climb.has_sibling();
    nodes_[size_++] = {climb.slot(), climb.digest(), beside ? climb.sibling() : nullptr};
  }
  void remember(std::vector<crypto::Digest>& nodes) const {
    for (const Node& node : std::span(nodes_).first(size_)) {
      nodes[node.slot] = node.digest;
      if (node.beside != nullptr) nodes[node.slot ^ 1u] = *node.beside;
    }
  }

 private:
  struct Node {
    uint32_t slot = 0;
    crypto::Digest digest;
    const crypto::Digest* beside = nullptr;
  };
  std::array<Node, kPathMax + 1> nodes_;
  size_t size_ = 0;
};

/// The rest of the way leads past siblings that are known.
bool joins(Climb climb, const std::vector<crypto::Digest>& nodes) {
  while (!climb.at_root()) {
    if (climb.has_sibling()) {
      const crypto::Digest* beside = climb.sibling();
      if (beside == nullptr || !same(*beside, nodes[climb.slot() ^ 1u])) return false;
    }
    climb.skip();
  }
  return climb.is_complete();
}

}  // namespace

Status RecordVerifier::verify(const Record& record) {
  THEMIS_CHECK(check_form(record));
  const crypto::Digest leaf = leaf_digest(record, network_);
  const auto found = by_signature_.find(record.proof.signature);
  if (found == by_signature_.end()) return verify_new(record, leaf);
  roots_.splice(roots_.begin(), roots_, found->second);
  return verify_known(roots_.front(), record, leaf);
}

Status RecordVerifier::verify_known(Root& root, const Record& record, const crypto::Digest& leaf) {
  const RecordProof& proof = record.proof;
  if (root.provider != record.provider.id || root.key != record.key ||
      root.proof.issued_ms != proof.issued_ms || root.proof.count != proof.count)
    return forged("the signature of another set of records");
  Climb climb(proof, leaf);
  Way way;
  while (climb.slot() >= root.nodes.size() || !same(root.nodes[climb.slot()], climb.digest())) {
    way.add(climb, root.nodes.size());
    if (climb.at_root() || !climb.step()) return forged("a changed field or a wrong path");
  }
  if (!joins(climb, root.nodes)) return forged("a wrong path");
  way.remember(root.nodes);
  return {};
}

Status RecordVerifier::verify_new(const Record& record, const crypto::Digest& leaf) {
  if (wire::node_id(record.key, network_) != record.provider.id)
    return forged("the key of another node or network");
  const auto levels = static_cast<uint32_t>(std::bit_width(record.proof.count - 1));
  std::vector<crypto::Digest> nodes(size_t{2} << std::min(levels, kLevelsKept));
  Climb climb(record.proof, leaf);
  Way way;
  while (!climb.at_root()) {
    way.add(climb, nodes.size());
    if (!climb.step()) return forged("a wrong path");
  }
  if (!climb.is_complete()) return forged("a wrong path");
  ++signatures_checked_;
  const Bytes message = root_message(network_, record.proof, climb.digest());
  if (!crypto::verify(record.key, message, record.proof.signature))
    return forged("a signature that is not its provider's, a changed field or a wrong path");

  if (roots_.size() >= roots_max_) {
    by_signature_.erase(roots_.back().proof.signature);
    roots_.pop_back();
  }
  Root& root = roots_.emplace_front();
  root.provider = record.provider.id;
  root.key = record.key;
  root.proof = record.proof;
  root.proof.path.clear();
  nodes[1] = climb.digest();
  way.remember(nodes);
  root.nodes = std::move(nodes);
  by_signature_.emplace(record.proof.signature, roots_.begin());
  return {};
}

}  // namespace themis::ring
