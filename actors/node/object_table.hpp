#pragma once
// The records of the objects a node keeps for others: newest wins, everything expires, everything
// is counted.

#include <set>
#include <unordered_map>

#include "actors/node/ring_messages.hpp"

namespace themis::ring {

/// The id of copy `replica` of the object called `name`, 0..k: BLAKE2b-256("themis/object/v1",
/// name, replica).
ObjectId object_id(std::string_view name, uint8_t replica);

struct ObjectLimits {
  /// More instances of one name than a caller can balance over.
  size_t records_per_object = 256;
  /// kProvidedMax names with three copies each, with room to spare.
  size_t records_per_provider = 4096;
  size_t records = 65'536;  ///< About 50 MB when every record is as large as it may be.
  /// No record may outlive its provider for longer than an hour.
  int64_t lifetime_ms_max = 3'600'000;
};

/// A pure value of one node. Wall-clock time is passed in; expired records are never returned, and
/// expire() frees them.
class ObjectTable {
 public:
  explicit ObjectTable(ObjectLimits limits = {}) : limits_(limits) {}

  /// Keeps `record`, or drops what its provider had there when expires_ms is 0. A record that is
  /// there already, or older than what is there, changes nothing and is no error.
  /// Errors: malformed (name, payload, provider), invalid (already expired, or beyond the longest
  /// lifetime), overloaded (a limit). The caller has checked who may store.
  Status put(const ObjectId& object, const Record& record, int64_t wall_ms);

  /// Live records, at most kRecordsPerReplyMax, from `start` on, round and round, so that all get
  /// their share.
  Records get(const ObjectId& object, int64_t wall_ms, uint64_t start = 0) const;

  /// Frees what expired; costs as much as there is to look through now.
  void expire(int64_t wall_ms);
  /// Objects whose id is not in (from, to], in no particular but in repeatable order.
  std::vector<ObjectId> outside(const NodeId& from, const NodeId& to) const;
  std::vector<ObjectId> all() const;
  /// Everything of one object, expired or not; empty when there is none.
  const Records& records(const ObjectId& object) const;
  void erase(const ObjectId& object);

  size_t object_count() const { return objects_.size(); }
  size_t record_count() const { return record_count_; }

 private:
  struct Object {
    Records records;
    int64_t sweep_s = 0;  ///< Its one place in sweeps_.
  };
  using Objects = std::unordered_map<ObjectId, Object, RingIdHash>;

  Status insert(const ObjectId& object, const Record& record);
  void forget(const Record& record);
  void erase_object(Objects::iterator found);

  ObjectLimits limits_;
  Objects objects_;
  std::unordered_map<NodeId, size_t, RingIdHash> per_provider_;
  /// When each object is looked through for expired records.
  std::set<std::pair<int64_t, ObjectId>> sweeps_;
  size_t record_count_ = 0;
};

}  // namespace themis::ring
