#include "actors/ring/record_signer.hpp"

#include <algorithm>

#include "actors/ring/record_tree.hpp"

namespace themis::ring {

RecordPtrs sign_records(const wire::Identity& identity, Records records, int64_t wall_ms) {
  std::vector<crypto::Digest> leaves;
  leaves.reserve(records.size());
  for (Record& record : records) {
    record.key = identity.public_key();
    leaves.push_back(leaf_digest(record, identity.network()));
  }
  const RecordTree tree(std::move(leaves));
  RecordProof proof;
  proof.issued_ms = wall_ms;
  proof.count = static_cast<uint32_t>(records.size());
  proof.signature = identity.key().sign(root_message(identity.network(), proof, tree.root()));
  RecordPtrs out;
  out.reserve(records.size());
  for (Record& record : records) {
    record.proof = proof;
    record.proof.path = tree.path(proof.index++);
    out.push_back(std::make_shared<const Record>(std::move(record)));
  }
  return out;
}

RecordPtrs RecordSigner::sign(Records records, int64_t wall_ms) {
  last_sequence_ = std::max(last_sequence_ + 1, static_cast<uint64_t>(wall_ms));
  for (Record& record : records) record.sequence = last_sequence_;
  return sign_records(*identity_, std::move(records), wall_ms);
}

bool RecordSigner::pass(uint64_t sequence) {
  if (sequence <= last_sequence_) return false;
  last_sequence_ = sequence;
  return true;
}

}  // namespace themis::ring
