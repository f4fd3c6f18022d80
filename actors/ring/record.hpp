#pragma once
// A record says that a provider serves a name; its provider signs it, so that anybody may carry it.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/ring/contact.hpp"
#include "runtime/crypto/hash.hpp"
#include "runtime/crypto/sign.hpp"

namespace themis::ring {

inline constexpr size_t kNameBytesMax = 128;  ///< A service or function name.
/// A function's id, version and flags with room to spare.
inline constexpr size_t kPayloadBytesMax = 512;
inline constexpr size_t kAddressesMax = 4;      ///< Two networks, IPv4 and IPv6 each.
inline constexpr size_t kVersionBytesMax = 32;  ///< A release name or the digits of a hash.
inline constexpr size_t kLabelsMax = 8;         ///< Region, zone, canary: what callers choose by.
inline constexpr size_t kLabelKeyBytesMax = 32;
inline constexpr size_t kLabelValueBytesMax = 64;
/// Eight groups of four digits: the longest that net::Address::from_host gives.
inline constexpr size_t kHostBytesMax = 39;
/// Records under one signature: four times the names a node may provide.
inline constexpr uint32_t kTreeRecordsMax = 4096;
inline constexpr size_t kPathMax = 12;  ///< log2(kTreeRecordsMax).
/// No record may outlive its provider for longer than an hour.
inline constexpr int64_t kRecordLifetimeMsMax = 3'600'000;

using Labels = std::vector<std::pair<std::string, std::string>>;

/// What a provider says about itself under one name.
struct Offer {
  Offer(Bytes bytes = {}) : payload(std::move(bytes)) {}
  Bytes payload;  ///< For the provider's use.
  uint16_t weight = 100;
  std::string version;
  Labels labels;
  /// Only this provider has what the name stands for: the record is not taken back when it leaves,
  /// and lives for kRecordLifetimeMsMax, so that nobody takes its place while it starts again.
  bool outlives = false;
};

/// Leads from one record to the root that its provider signed (record_tree.hpp).
struct RecordProof {
  crypto::Signature signature;
  int64_t issued_ms = 0;  ///< Wall clock of the signing.
  uint32_t index = 0;     ///< Of the record's leaf among `count`.
  uint32_t count = 1;
  std::vector<crypto::Digest> path;  ///< Siblings, from the leaf up.
  friend bool operator==(const RecordProof&, const RecordProof&) = default;
};

/// Says that `provider` serves the objects called `name`, or with `withdrawn` that it does so no
/// longer. A withdrawal is kept until it expires, so that an older record cannot be replayed.
struct Record {
  std::string name;
  Contact provider;  ///< Its identity and the first of its addresses.
  std::vector<net::Address> more_addresses;
  crypto::PublicKey key;   ///< provider.id is node_id(key, network).
  uint64_t sequence = 0;   ///< The newest of a provider wins.
  int64_t expires_ms = 0;  ///< Wall clock; at most kRecordLifetimeMsMax after the signing.
  bool withdrawn = false;
  uint16_t weight = 100;  ///< A caller's share for this instance, beside those of the others.
  std::string version;
  Labels labels;
  Bytes payload;
  RecordProof proof;
  friend bool operator==(const Record&, const Record&) = default;
};
using Records = std::vector<Record>;
/// Shared between the object table, its replies and the frames being built.
using RecordPtr = std::shared_ptr<const Record>;
using RecordPtrs = std::vector<RecordPtr>;

/// The limits above, printable names, an address, a lifetime within the longest.
/// Errors: malformed, too_large.
Status check_form(const Record& record);

/// What check_form demands of what the provider says, before there is a record. Errors: as it.
Status check_offer(const Offer& offer);

/// Both say the same of their provider; sequence, lifetime and proof aside.
bool same_content(const Record& a, const Record& b);

/// BLAKE2b-256("themis/record/leaf/v1", every field but the proof, framed, with the network): a
/// leaf of the tree whose root is signed. The provider's id follows from the key and the network.
crypto::Digest leaf_digest(const Record& record, std::string_view network);

}  // namespace themis::ring
