#pragma once
// The records of the objects a node keeps for others: newest wins, everything expires, everything
// is counted.

#include <set>
#include <unordered_map>

#include "actors/ring/ring_messages.hpp"

namespace themis::ring {

/// The id of copy `replica` of the object called `name`, 0..k: BLAKE2b-256("themis/object/v1",
/// name, replica).
ObjectId object_id(std::string_view name, uint8_t replica);

struct ObjectLimits {
  /// More instances of one name than a caller can balance over.
  size_t records_per_object = 256;
  /// kProvidedMax names with three copies each, with room to spare.
  size_t records_per_provider = 4096;
  size_t records = 65'536;  ///< About 160 MB when every record is as large as it may be.
};

/// What put() did: nothing new; the same content for longer; another content; nothing, as newer and
/// different content of that provider is there.
enum class Change : uint8_t { none, renewed, content, outdated };

/// A pure value of one node. Wall-clock time is passed in; expired records are never returned, and
/// expire() frees them. Withdrawals are records: they keep older ones out until they expire.
class ObjectTable {
 public:
  explicit ObjectTable(ObjectLimits limits = {}) : limits_(limits) {}

  /// Keeps `record` as one of `object`, which is copy `replica` of its name. One that is there
  /// already, or is older than what is there, changes nothing and is no error. What expired a
  /// second ago or more counts for no limit. The caller has verified the record and who may store.
  /// Errors: invalid (expired, or beyond the longest lifetime), overloaded (a limit).
  Result<Change> put(const ObjectId& object, const Store& store, int64_t wall_ms);

  /// Live records, then withdrawals, at most kRecordsPerReplyMax, each from `start` on, round and
  /// round, so that all get their share.
  RecordPtrs get(const ObjectId& object, int64_t wall_ms, uint64_t start = 0) const;

  /// Frees what expired; costs as much as there is to look through now.
  void expire(int64_t wall_ms);
  /// Objects whose id is in (from, to], in no particular but in repeatable order.
  std::vector<ObjectId> inside(const Point& from, const Point& to) const;
  std::vector<ObjectId> all() const { return inside({}, {}); }
  /// Everything of one object, expired or not; empty when there is none.
  std::vector<Store> stores(const ObjectId& object) const;
  void erase(const ObjectId& object);
  bool has(const ObjectId& object, const NodeId& provider) const;
  bool has(const NodeId& provider) const { return per_provider_.contains(provider); }
  bool contains(const ObjectId& object) const { return objects_.contains(object); }

  size_t object_count() const { return objects_.size(); }
  size_t record_count() const { return record_count_; }

 private:
  struct Object {
    uint8_t replica = 0;
    RecordPtrs records;
    int64_t sweep_s = INT64_MAX;  ///< Its one place in sweeps_: when its first record is over.
  };
  using Objects = std::unordered_map<ObjectId, Object, RingIdHash>;

  Status insert(const ObjectId& object, const Store& store);
  void sweep_by(Objects::iterator found, int64_t expires_ms);
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
