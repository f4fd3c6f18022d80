#include "actors/node/push_queue.hpp"

namespace themis::ring {

void PushQueue::add(const std::vector<ObjectId>& objects) {
  objects_.insert(objects_.end(), objects.begin(), objects.end());
}

std::vector<Store> PushQueue::next(const ObjectTable& table, int64_t wall_ms) {
  std::vector<Store> chunk;
  to_ = from_;
  while (to_.object < objects_.size()) {
    const std::vector<Store> stores = table.stores(objects_[to_.object]);
    for (; to_.record < stores.size() && chunk.size() < kHandOverEntriesMax; ++to_.record)
      if (stores[to_.record].record->expires_ms > wall_ms) chunk.push_back(stores[to_.record]);
    if (chunk.size() == kHandOverEntriesMax) break;
    to_ = {to_.object + 1, 0};
  }
  return chunk;
}

void PushQueue::acknowledged() {
  from_ = to_;
  tries_ = 0;
}

}  // namespace themis::ring
