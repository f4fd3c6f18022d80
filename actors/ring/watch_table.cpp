#include "actors/ring/watch_table.hpp"

namespace themis::ring {

Status WatchTable::add(const ObjectId& object, const Contact& watcher, TimePoint until) {
  const auto known = objects_.find(object);
  if (known != objects_.end()) {
    const auto found = known->second.find(watcher.id);
    if (found != known->second.end()) {
      found->second.contact = watcher;
      found->second.until = until;
      return {};
    }
    if (known->second.size() >= kPerObjectMax)
      return fail(Code::overloaded, "the object has as many watchers as it may have");
  }
  const auto counted = per_peer_.find(watcher.id);
  if (size_ >= kWatchersMax || (counted != per_peer_.end() && counted->second >= kPerPeerMax))
    return fail(Code::overloaded, "as many objects are watched as may be");
  ++size_;
  ++per_peer_[watcher.id];
  objects_[object].emplace(watcher.id, Watcher{watcher, until});
  return {};
}

void WatchTable::remove(const ObjectId& object, const NodeId& watcher) {
  const auto found = objects_.find(object);
  if (found == objects_.end() || found->second.erase(watcher) == 0) return;
  forget(watcher);
  if (found->second.empty()) objects_.erase(found);
}

void WatchTable::expire(TimePoint now) {
  for (auto object = objects_.begin(); object != objects_.end();) {
    std::erase_if(object->second, [&](const auto& entry) {
      if (entry.second.until > now) return false;
      forget(entry.first);
      return true;
    });
    object = object->second.empty() ? objects_.erase(object) : std::next(object);
  }
}

Contacts WatchTable::remove_all(const ObjectId& object) {
  Contacts out;
  const auto found = objects_.extract(object);
  if (found.empty()) return out;
  for (const auto& [id, watcher] : found.mapped()) {
    out.push_back(watcher.contact);
    forget(id);
  }
  return out;
}

std::vector<ObjectId> WatchTable::objects() const {
  std::vector<ObjectId> out;
  for (const auto& [object, watchers] : objects_) out.push_back(object);
  return out;
}

Contacts WatchTable::changed(const ObjectId& object) {
  Contacts out;
  const auto found = objects_.find(object);
  if (found == objects_.end()) return out;
  for (auto& [id, watcher] : found->second) {
    watcher.stale = watcher.open;
    if (watcher.open) continue;
    watcher.open = true;
    out.push_back(watcher.contact);
  }
  return out;
}

bool WatchTable::acknowledged(const ObjectId& object, const NodeId& watcher) {
  const auto found = objects_.find(object);
  if (found == objects_.end()) return false;
  const auto at = found->second.find(watcher);
  if (at == found->second.end()) return false;
  at->second.open = std::exchange(at->second.stale, false);
  return at->second.open;
}

void WatchTable::forget(const NodeId& watcher) {
  --size_;
  const auto counted = per_peer_.find(watcher);
  if (--counted->second == 0) per_peer_.erase(counted);
}

}  // namespace themis::ring
