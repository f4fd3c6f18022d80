#pragma once
// Which messages wait, in which order they are due: the index of a queue store, in memory. Pure.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "actors/queues/queue_types.hpp"

namespace themis {

/// One thread. A message is waiting, or taken until it is put back or dropped.
class QueueBook {
 public:
  /// Errors: overloaded (kQueuedMax, kQueuedBytesMax).
  Status check_room(size_t messages, size_t bytes) const;
  void add(const std::string& queue, uint64_t id, int64_t due_ms, size_t bytes);
  /// The first ones that are due at `now_ms`, taken: at most `count`, and of at most `bytes` unless
  /// it is one alone.
  std::vector<uint64_t> take(const std::string& queue, int64_t now_ms, size_t count, size_t bytes);
  /// A taken one waits again, or is gone for good.
  void put_back(const std::string& queue, uint64_t id, int64_t due_ms);
  void drop(const std::string& queue, uint64_t id);
  /// Queues with a message that is due.
  std::vector<std::string> due(int64_t now_ms) const;
  bool contains(const std::string& queue) const { return queues_.contains(queue); }
  bool is_empty() const { return messages_ == 0; }
  size_t messages() const { return messages_; }
  size_t bytes() const { return bytes_; }

 private:
  struct Queue {
    std::set<std::pair<int64_t, uint64_t>> waiting;  ///< By time and id.
    std::map<uint64_t, size_t> bytes;                ///< Of all, the taken ones too.
  };

  std::map<std::string, Queue> queues_;
  size_t messages_ = 0;
  size_t bytes_ = 0;
};

}  // namespace themis
