#pragma once
// Who wants to be told when an object changes.

#include <map>
#include <unordered_map>

#include "actors/ring/contact.hpp"
#include "runtime/base/clock.hpp"

namespace themis::ring {

/// A pure value: everything expires, everything is counted. To each watcher one message about an
/// object is open at a time; changes in the meantime are told together.
class WatchTable {
 public:
  static constexpr size_t kPerObjectMax = 64;  ///< One change costs as many messages.
  static constexpr size_t kPerPeerMax = 1024;  ///< As many names as a node may watch.
  static constexpr size_t kWatchersMax = 16'384;

  /// Adds `watcher`, or lets its watch last until `until`. Errors: overloaded (a limit).
  Status add(const ObjectId& object, const Contact& watcher, TimePoint until);
  void remove(const ObjectId& object, const NodeId& watcher);
  void expire(TimePoint now);
  /// Who watched `object`, which this node keeps no longer.
  Contacts remove_all(const ObjectId& object);
  std::vector<ObjectId> objects() const;

  /// The object changed: who must be told now. The others have a message open and come later.
  Contacts changed(const ObjectId& object);
  /// A watcher has acknowledged what it was told. True: the object changed since, tell it again.
  bool acknowledged(const ObjectId& object, const NodeId& watcher);

  size_t size() const { return size_; }

 private:
  struct Watcher {
    Contact contact;
    TimePoint until;
    bool open = false;   ///< A message is on its way.
    bool stale = false;  ///< The object changed since.
  };
  using Watchers = std::map<NodeId, Watcher>;

  void forget(const NodeId& watcher);

  std::unordered_map<ObjectId, Watchers, RingIdHash> objects_;
  std::unordered_map<NodeId, size_t, RingIdHash> per_peer_;
  size_t size_ = 0;
};

}  // namespace themis::ring
