#pragma once
// Signs what a provider says, all of it at once.

#include "actors/ring/record.hpp"
#include "wire/identity.hpp"

namespace themis::ring {

/// Sets key and proof of `records` (1..kTreeRecordsMax, of this provider, complete otherwise): one
/// signature over all of them.
RecordPtrs sign_records(const wire::Identity& identity, Records records, int64_t wall_ms);

/// Pure: time is passed in, Ed25519 needs no randomness. One thread.
class RecordSigner {
 public:
  /// `identity` outlives the signer.
  explicit RecordSigner(const wire::Identity& identity) : identity_(&identity) {}

  /// sign_records, with sequences that grow from call to call and, by the wall clock, over a
  /// restart.
  RecordPtrs sign(Records records, int64_t wall_ms);
  /// The next sequences come after `sequence`, which this identity signed before it restarted.
  /// False: they do anyway.
  bool pass(uint64_t sequence);

 private:
  const wire::Identity* identity_;
  uint64_t last_sequence_ = 0;
};

}  // namespace themis::ring
