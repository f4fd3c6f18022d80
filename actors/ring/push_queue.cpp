#include "actors/ring/push_queue.hpp"

#include <algorithm>

namespace themis::ring {
namespace {

/// The records of providers after `after`, by provider: a place that stays true when others expire.
std::vector<Store> rest(const ObjectTable& table, const ObjectId& object, const NodeId& after,
                        int64_t wall_ms) {
  std::vector<Store> out = table.stores(object);
  std::erase_if(out, [&](const Store& store) {
    return store.record->expires_ms <= wall_ms || !(after < store.record->provider.id);
  });
  std::ranges::sort(out, {}, [](const Store& store) { return store.record->provider.id; });
  return out;
}

/// Whether one of `count` bits from `first` on is set.
bool any(uint16_t bits, size_t first, size_t count) {
  return ((bits >> first) & ((1u << count) - 1)) != 0;
}

}  // namespace

/// One that changed while it was sent is sent from its beginning.
void PushQueue::add(const std::vector<ObjectId>& objects, const ObjectTable& table) {
  for (const ObjectId& object : objects) {
    items_[object] = {};
    std::erase_if(open_, [&](const Part& part) { return part.object == object; });
  }
  if (items_.size() > table.object_count())
    std::erase_if(items_, [&](const auto& item) { return !table.contains(item.first); });
}

std::vector<Store> PushQueue::next(const ObjectTable& table, int64_t wall_ms) {
  std::vector<Store> chunk;
  open_.clear();
  auto at = items_.upper_bound(sent_);
  for (size_t left = items_.size(); left > 0 && chunk.size() < kHandOverEntriesMax; --left) {
    if (at == items_.end()) at = items_.begin();
    auto& [object, item] = *at;
    if (item.waits > 0) {
      ++at;
      continue;
    }
    const std::vector<Store> stores = rest(table, object, item.after, wall_ms);
    if (stores.empty()) {
      at = items_.erase(at);
      continue;
    }
    ++at;
    const size_t count = std::min(stores.size(), kHandOverEntriesMax - chunk.size());
    open_.push_back({object, stores[count - 1].record->provider.id, chunk.size(), count,
                     count == stores.size()});
    chunk.insert(chunk.end(), stores.begin(), stores.begin() + static_cast<std::ptrdiff_t>(count));
  }
  return chunk;
}

std::vector<ObjectId> PushQueue::acknowledged(const Refused& refused) {
  std::vector<ObjectId> out;
  tries_ = 0;
  for (const Part& part : std::exchange(open_, {})) {
    sent_ = part.object;
    const auto found = items_.find(part.object);
    if (found == items_.end()) continue;
    Item& item = found->second;
    item.after = part.last;
    item.invalid = item.invalid || any(refused.invalid, part.first, part.count);
    item.retry = item.retry || any(refused.retry, part.first, part.count);
    if (!part.whole) continue;
    if (item.retry) {
      const unsigned rounds = item.next_wait;
      item = {{}, false, false, std::min(2 * rounds, kWaitRoundsMax), rounds};
      continue;
    }
    if (!item.invalid) out.push_back(part.object);
    items_.erase(found);
  }
  return out;
}

void PushQueue::next_round() {
  for (auto& [object, item] : items_)
    if (item.waits > 0) --item.waits;
}

}  // namespace themis::ring
