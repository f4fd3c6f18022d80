#pragma once
// One-shot timers of one loop: a binary heap, cancelled by id.

#include <algorithm>
#include <functional>
#include <unordered_map>
#include <vector>

#include "runtime/net/loop.hpp"

namespace themis::net {

/// Loop thread only. Cancelled timers take at most as much room again as the live ones.
class Timers {
 public:
  TimerId add(TimePoint due, std::function<void()> callback) {
    const TimerId id = ++last_id_;
    heap_.push_back({due, id});
    std::push_heap(heap_.begin(), heap_.end(), later);
    callbacks_.emplace(id, std::move(callback));
    return id;
  }

  void cancel(TimerId id) {
    if (callbacks_.erase(id) > 0) drop_many_cancelled();
  }

  size_t size() const { return heap_.size(); }

  /// When the next timer is due; TimePoint::max() when there is none.
  TimePoint next_due() {
    drop_cancelled();
    return heap_.empty() ? TimePoint::max() : heap_.front().due;
  }

  /// Runs what is due at `now`, earliest first; timers added meanwhile wait for the next call.
  void run_due(TimePoint now) {
    const TimerId newest = last_id_;
    while (next_due() <= now && heap_.front().id <= newest) {
      const TimerId id = heap_.front().id;
      pop();
      auto node = callbacks_.extract(id);
      node.mapped()();
    }
  }

 private:
  static constexpr size_t kCompactFrom = 64;
  struct Entry {
    TimePoint due;
    TimerId id;
  };
  static bool later(const Entry& a, const Entry& b) {
    return a.due != b.due ? a.due > b.due : a.id > b.id;
  }
  void pop() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    heap_.pop_back();
  }
  /// A timer that is set again with every message would otherwise leave its past selves behind
  /// until they are due.
  void drop_many_cancelled() {
    if (heap_.size() < kCompactFrom || heap_.size() < 2 * callbacks_.size()) return;
    std::erase_if(heap_, [this](const Entry& entry) { return !callbacks_.contains(entry.id); });
    std::make_heap(heap_.begin(), heap_.end(), later);
  }
  void drop_cancelled() {
    while (!heap_.empty() && !callbacks_.contains(heap_.front().id)) pop();
  }

  std::vector<Entry> heap_;
  std::unordered_map<TimerId, std::function<void()>> callbacks_;
  TimerId last_id_ = 0;
};

}  // namespace themis::net
