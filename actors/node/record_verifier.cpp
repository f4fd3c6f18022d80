#include "actors/node/record_verifier.hpp"

#include <bit>

namespace themis::ring {
namespace {

tl::unexpected<Error> forged(std::string_view what) {
  return fail(Code::forged, "a record with " + std::string(what));
}

/// The rest of the way leads past siblings that are known.
bool joins(Climb climb, const std::vector<crypto::Digest>& nodes) {
  while (!climb.at_root()) {
    if (climb.has_sibling()) {
      const crypto::Digest* beside = climb.sibling();
      if (beside == nullptr || *beside != nodes[climb.slot() ^ 1u]) return false;
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
  bool is_news = false;
  while (climb.slot() >= root.nodes.size() || root.nodes[climb.slot()] != climb.digest()) {
    is_news = is_news || climb.slot() < root.nodes.size();
    if (climb.at_root() || !climb.step()) return forged("a changed field or a wrong path");
  }
  if (!joins(climb, root.nodes)) return forged("a wrong path");
  if (is_news) remember(root, proof, leaf);
  return {};
}

Status RecordVerifier::verify_new(const Record& record, const crypto::Digest& leaf) {
  if (wire::node_id(record.key, network_) != record.provider.id)
    return forged("the key of another node or network");
  Climb climb(record.proof, leaf);
  while (!climb.at_root())
    if (!climb.step()) return forged("a wrong path");
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
  const auto levels = static_cast<uint32_t>(std::bit_width(record.proof.count - 1));
  root.nodes.resize(size_t{2} << std::min(levels, kLevelsKept));
  root.nodes[1] = climb.digest();
  remember(root, record.proof, leaf);
  by_signature_.emplace(record.proof.signature, roots_.begin());
  return {};
}

/// Every node on the way of a record that was verified, and those beside it.
void RecordVerifier::remember(Root& root, const RecordProof& proof, const crypto::Digest& leaf) {
  for (Climb climb(proof, leaf); !climb.at_root(); climb.step()) {
    if (climb.slot() >= root.nodes.size()) continue;
    root.nodes[climb.slot()] = climb.digest();
    if (climb.has_sibling()) root.nodes[climb.slot() ^ 1u] = *climb.sibling();
  }
}

}  // namespace themis::ring
