#include "actors/ring/object_table.hpp"

#include <algorithm>

#include "runtime/crypto/hash.hpp"

namespace themis::ring {
namespace {

/// Sweeps are bundled by the second.
constexpr int64_t kSweepMs = 1000;

bool is_expired(const Record& record, int64_t wall_ms) { return record.expires_ms <= wall_ms; }

}  // namespace

ObjectId object_id(std::string_view name, uint8_t replica) {
  crypto::Hasher hasher("themis/object/v1");
  hasher.add_framed(as_bytes(name)).add(std::as_bytes(std::span(&replica, 1)));
  return ObjectId{hasher.finish()};
}

Result<Change> ObjectTable::put(const ObjectId& object, const Store& store, int64_t wall_ms) {
  const Record& record = *store.record;
  if (is_expired(record, wall_ms)) return fail(Code::invalid, "the record has expired already");
  if (record.expires_ms - kRecordLifetimeMsMax > wall_ms)
    return fail(Code::invalid, "the record would live for over an hour");
  expire(wall_ms);

  const auto found = objects_.find(object);
  if (found != objects_.end()) {
    RecordPtrs& records = found->second.records;
    const auto old = std::find_if(records.begin(), records.end(), [&](const RecordPtr& r) {
      return r->provider.id == record.provider.id;
    });
    if (old != records.end()) {
      const bool same = same_content(**old, record);
      if ((*old)->sequence > record.sequence) return same ? Change::none : Change::outdated;
      if ((*old)->sequence == record.sequence) return Change::none;
      *old = store.record;
      sweep_by(found, record.expires_ms);
      return same ? Change::renewed : Change::content;
    }
    if (records.size() >= limits_.records_per_object)
      return fail(Code::overloaded, "the object has as many providers as it may have");
  }
  THEMIS_CHECK(insert(object, store));
  return record.withdrawn ? Change::none : Change::content;
}

Status ObjectTable::insert(const ObjectId& object, const Store& store) {
  if (record_count_ >= limits_.records) return fail(Code::overloaded, "the object table is full");
  size_t& of_provider = per_provider_[store.record->provider.id];
  if (of_provider >= limits_.records_per_provider)
    return fail(Code::overloaded, "the provider has as many records as it may have");
  ++of_provider;
  ++record_count_;
  const auto [at, is_new] = objects_.try_emplace(object);
  if (is_new) at->second.replica = store.replica;
  at->second.records.push_back(store.record);
  sweep_by(at, store.record->expires_ms);
  return {};
}

/// The object is looked through when the first of its records is over, or a little before.
void ObjectTable::sweep_by(Objects::iterator found, int64_t expires_ms) {
  const int64_t sweep_s = expires_ms / kSweepMs + 1;
  int64_t& known_s = found->second.sweep_s;
  if (known_s <= sweep_s) return;
  sweeps_.erase({known_s, found->first});
  sweeps_.emplace(known_s = sweep_s, found->first);
}

RecordPtrs ObjectTable::get(const ObjectId& object, int64_t wall_ms, uint64_t start) const {
  RecordPtrs out;
  const auto found = objects_.find(object);
  if (found == objects_.end()) return out;
  const RecordPtrs& records = found->second.records;
  const size_t first = start % records.size();
  out.reserve(std::min(records.size(), kRecordsPerReplyMax));
  for (const bool withdrawn : {false, true}) {
    for (size_t i = 0; i < records.size() && out.size() < kRecordsPerReplyMax; ++i) {
      const RecordPtr& record = records[(first + i) % records.size()];
      if (record->withdrawn == withdrawn && !is_expired(*record, wall_ms)) out.push_back(record);
    }
    if (out.size() == records.size()) break;
  }
  return out;
}

void ObjectTable::expire(int64_t wall_ms) {
  while (!sweeps_.empty() && sweeps_.begin()->first * kSweepMs <= wall_ms) {
    const ObjectId object = sweeps_.extract(sweeps_.begin()).value().second;
    const auto found = objects_.find(object);
    RecordPtrs& records = found->second.records;
    int64_t next_ms = INT64_MAX;
    std::erase_if(records, [&](const RecordPtr& record) {
      if (!is_expired(*record, wall_ms)) {
        next_ms = std::min(next_ms, record->expires_ms);
        return false;
      }
      forget(*record);
      return true;
    });
    if (records.empty()) {
      objects_.erase(found);
      continue;
    }
    found->second.sweep_s = INT64_MAX;
    sweep_by(found, next_ms);
  }
}

std::vector<ObjectId> ObjectTable::inside(const Point& from, const Point& to) const {
  std::vector<ObjectId> out;
  for (const auto& [object, kept] : objects_)
    if (is_in_range(from, object, to)) out.push_back(object);
  return out;
}

std::vector<Store> ObjectTable::stores(const ObjectId& object) const {
  std::vector<Store> out;
  const auto found = objects_.find(object);
  if (found == objects_.end()) return out;
  for (const RecordPtr& record : found->second.records)
    out.push_back({found->second.replica, record});
  return out;
}

bool ObjectTable::has(const ObjectId& object, const NodeId& provider) const {
  const auto found = objects_.find(object);
  return found != objects_.end() &&
         std::ranges::any_of(found->second.records,
                             [&](const RecordPtr& r) { return r->provider.id == provider; });
}

void ObjectTable::erase(const ObjectId& object) {
  const auto found = objects_.find(object);
  if (found == objects_.end()) return;
  for (const RecordPtr& record : found->second.records) forget(*record);
  erase_object(found);
}

void ObjectTable::forget(const Record& record) {
  --record_count_;
  const auto counted = per_provider_.find(record.provider.id);
  if (--counted->second == 0) per_provider_.erase(counted);
}

void ObjectTable::erase_object(Objects::iterator found) {
  sweeps_.erase({found->second.sweep_s, found->first});
  objects_.erase(found);
}

}  // namespace themis::ring
