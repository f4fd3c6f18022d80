#pragma once
// Small identities whose place on the circle a reader sees: byte 0 is the most significant.

#include <map>

#include "actors/ring/object_table.hpp"
#include "actors/ring/record_signer.hpp"
#include "actors/ring/ring_messages.hpp"
#include "runtime/base/rng.hpp"

namespace themis::ring {

template <class Id>
Id id_at(unsigned first, unsigned last = 0) {
  Id id;
  id.bytes[0] = static_cast<std::byte>(first);
  id.bytes[31] = static_cast<std::byte>(last);
  return id;
}
inline Contact contact_at(unsigned first) {
  return {id_at<NodeId>(first), {"10.0.0." + std::to_string(first), 7001}};
}
/// An identity whose place starts with `first`: found by trying, and kept.
inline const wire::Identity& identity_at(unsigned first, const std::string& network = "test") {
  static std::map<std::pair<unsigned, std::string>, wire::Identity> known;
  const auto found = known.find({first, network});
  if (found != known.end()) return found->second;
  for (SeededRng rng(first);;) {
    wire::Identity identity = wire::Identity::generate(network, rng);
    if (identity.id().bytes[0] == static_cast<std::byte>(first))
      return known.emplace(std::pair(first, network), std::move(identity)).first->second;
  }
}
/// The node of that identity.
inline Contact member_at(unsigned first) {
  return {identity_at(first).id(), contact_at(first).address};
}

/// A name whose copy 0 is an object at `first`.
inline std::string name_at(unsigned first) {
  for (unsigned n = 0;; ++n)
    if (std::string name = "n" + std::to_string(n);
        object_id(name, 0).bytes[0] == static_cast<std::byte>(first))
      return name;
}

/// Complete but for the proof. Every record here was signed at `kSignedMs`.
inline constexpr int64_t kSignedMs = 1'000;
inline Record unsigned_record(unsigned provider, const std::string& name = "greeter") {
  Record record;
  record.name = name;
  record.provider = member_at(provider);
  record.sequence = 1;
  record.expires_ms = 10'000;
  record.payload = to_bytes("v1");
  return record;
}
inline RecordPtr sign_one(Record record, unsigned provider) {
  return sign_records(identity_at(provider), {std::move(record)}, kSignedMs).front();
}
inline RecordPtr record_of(unsigned provider, uint64_t sequence = 1, int64_t expires_ms = 10'000,
                           const std::string& name = "greeter") {
  Record record = unsigned_record(provider, name);
  record.sequence = sequence;
  record.expires_ms = expires_ms;
  return sign_one(std::move(record), provider);
}
inline RecordPtr withdrawal_of(unsigned provider, uint64_t sequence, int64_t expires_ms = 10'000,
                               const std::string& name = "greeter") {
  Record record = unsigned_record(provider, name);
  record.sequence = sequence;
  record.expires_ms = expires_ms;
  record.withdrawn = true;
  return sign_one(std::move(record), provider);
}

}  // namespace themis::ring
