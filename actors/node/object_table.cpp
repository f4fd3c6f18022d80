#include "actors/node/object_table.hpp"

#include <algorithm>

#include "runtime/crypto/hash.hpp"

namespace themis::ring {
namespace {

/// Sweeps are bundled by the second.
constexpr int64_t kSweepMs = 1000;

bool is_live(const Record& record, int64_t wall_ms) { return record.expires_ms > wall_ms; }

Status check_form(const Record& record) {
  if (record.name.empty() || record.name.size() > kNameBytesMax)
    return fail(Code::malformed, "an object's name has 1 to 128 bytes");
  if (record.payload.size() > kPayloadBytesMax)
    return fail(Code::malformed, "a record's payload has at most 512 bytes");
  if (record.provider.id.is_zero()) return fail(Code::malformed, "a record names its provider");
  return {};
}

}  // namespace

ObjectId object_id(std::string_view name, uint8_t replica) {
  crypto::Hasher hasher("themis/object/v1");
  hasher.add_framed(as_bytes(name)).add(std::as_bytes(std::span(&replica, 1)));
  return ObjectId{hasher.finish()};
}

Status ObjectTable::put(const ObjectId& object, const Record& record, int64_t wall_ms) {
  THEMIS_CHECK(check_form(record));
  const bool withdrawal = record.expires_ms == 0;
  if (!withdrawal && !is_live(record, wall_ms))
    return fail(Code::invalid, "the record has expired already");
  if (record.expires_ms > wall_ms + limits_.lifetime_ms_max)
    return fail(Code::invalid, "the record would live for over an hour");

  const auto found = objects_.find(object);
  if (found != objects_.end()) {
    Records& records = found->second.records;
    const auto old = std::find_if(records.begin(), records.end(), [&](const Record& r) {
      return r.provider.id == record.provider.id;
    });
    if (old != records.end()) {
      if (old->sequence >= record.sequence) return {};
      if (!withdrawal) {
        *old = record;
        return {};
      }
      forget(*old);
      records.erase(old);
      if (records.empty()) erase_object(found);
      return {};
    }
    if (!withdrawal && records.size() >= limits_.records_per_object)
      return fail(Code::overloaded, "the object has as many providers as it may have");
  }
  return withdrawal ? Status{} : insert(object, record);
}

Status ObjectTable::insert(const ObjectId& object, const Record& record) {
  if (record_count_ >= limits_.records) return fail(Code::overloaded, "the object table is full");
  size_t& of_provider = per_provider_[record.provider.id];
  if (of_provider >= limits_.records_per_provider)
    return fail(Code::overloaded, "the provider has as many records as it may have");
  ++of_provider;
  ++record_count_;
  const auto [at, is_new] = objects_.try_emplace(object);
  if (is_new) {
    at->second.sweep_s = record.expires_ms / kSweepMs + 1;
    sweeps_.emplace(at->second.sweep_s, object);
  }
  at->second.records.push_back(record);
  return {};
}

Records ObjectTable::get(const ObjectId& object, int64_t wall_ms, uint64_t start) const {
  Records out;
  const auto found = objects_.find(object);
  if (found == objects_.end()) return out;
  const Records& records = found->second.records;
  out.reserve(std::min(records.size(), kRecordsPerReplyMax));
  for (size_t i = 0; i < records.size() && out.size() < kRecordsPerReplyMax; ++i) {
    const Record& record = records[(start + i) % records.size()];
    if (is_live(record, wall_ms)) out.push_back(record);
  }
  return out;
}

void ObjectTable::expire(int64_t wall_ms) {
  while (!sweeps_.empty() && sweeps_.begin()->first * kSweepMs <= wall_ms) {
    const ObjectId object = sweeps_.extract(sweeps_.begin()).value().second;
    const auto found = objects_.find(object);
    Records& records = found->second.records;
    int64_t next_ms = INT64_MAX;
    std::erase_if(records, [&](const Record& record) {
      if (is_live(record, wall_ms)) {
        next_ms = std::min(next_ms, record.expires_ms);
        return false;
      }
      forget(record);
      return true;
    });
    if (records.empty()) {
      objects_.erase(found);
      continue;
    }
    found->second.sweep_s = next_ms / kSweepMs + 1;
    sweeps_.emplace(found->second.sweep_s, object);
  }
}

std::vector<ObjectId> ObjectTable::outside(const NodeId& from, const NodeId& to) const {
  std::vector<ObjectId> out;
  for (const auto& [object, kept] : objects_)
    if (!is_in_range(from, object, to)) out.push_back(object);
  return out;
}

std::vector<ObjectId> ObjectTable::all() const {
  std::vector<ObjectId> out;
  out.reserve(objects_.size());
  for (const auto& [object, kept] : objects_) out.push_back(object);
  return out;
}

const Records& ObjectTable::records(const ObjectId& object) const {
  static const Records kNone;
  const auto found = objects_.find(object);
  return found == objects_.end() ? kNone : found->second.records;
}

void ObjectTable::erase(const ObjectId& object) {
  const auto found = objects_.find(object);
  if (found == objects_.end()) return;
  for (const Record& record : found->second.records) forget(record);
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
