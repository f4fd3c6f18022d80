#include "actors/node/object_table.hpp"

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

  const auto found = objects_.find(object);
  if (found != objects_.end()) {
    RecordPtrs& records = found->second.records;
    const auto old = std::find_if(records.begin(), records.end(), [&](const RecordPtr& r) {
      return r->provider.id == record.provider.id;
    });
    if (old != records.end()) {
      if ((*old)->sequence >= record.sequence) return Change::none;
      const Change change = same_content(**old, record) ? Change::renewed : Change::content;
      *old = store.record;
      return change;
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
  if (is_new) {
    at->second.replica = store.replica;
    at->second.sweep_s = store.record->expires_ms / kSweepMs + 1;
    sweeps_.emplace(at->second.sweep_s, object);
  }
  at->second.records.push_back(store.record);
  return {};
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

std::vector<ObjectId> ObjectTable::expire(int64_t wall_ms) {
  std::vector<ObjectId> lost;
  while (!sweeps_.empty() && sweeps_.begin()->first * kSweepMs <= wall_ms) {
    const ObjectId object = sweeps_.extract(sweeps_.begin()).value().second;
    const auto found = objects_.find(object);
    RecordPtrs& records = found->second.records;
    int64_t next_ms = INT64_MAX;
    const size_t gone = std::erase_if(records, [&](const RecordPtr& record) {
      if (!is_expired(*record, wall_ms)) {
        next_ms = std::min(next_ms, record->expires_ms);
        return false;
      }
      forget(*record);
      return true;
    });
    if (gone > 0) lost.push_back(object);
    if (records.empty()) {
      objects_.erase(found);
      continue;
    }
    found->second.sweep_s = next_ms / kSweepMs + 1;
    sweeps_.emplace(found->second.sweep_s, object);
  }
  return lost;
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
