#pragma once
// What will happen in the simulated world, in order of virtual time; ties go to what was scheduled
// first.

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "runtime/base/bytes.hpp"
#include "runtime/base/clock.hpp"

namespace themis::sim {

/// What kind of thing happened: part of the trace.
enum class EventKind : uint8_t { timer, post, turn, connect, data, acknowledge, close, fault };

struct Event {
  static constexpr uint32_t kWorld = UINT32_MAX;  ///< Owner of what no crash can take away.
  EventKind kind = EventKind::fault;
  uint32_t owner = kWorld;   ///< The host it dies with.
  uint64_t incarnation = 0;  ///< Of the owner, when the event was scheduled.
  std::function<void()> run;
};

/// A queue without equal keys: (time, sequence) is unique, so the order is total and the same in
/// every run.
class EventQueue {
 public:
  struct Key {
    TimePoint at;
    uint64_t sequence = 0;
    friend auto operator<=>(const Key&, const Key&) = default;
  };

  Key add(TimePoint at, Event event) {
    const Key key{at, ++last_sequence_};
    events_.emplace(key, std::move(event));
    return key;
  }
  void remove(const Key& key) { events_.erase(key); }
  void clear() { events_.clear(); }
  bool empty() const { return events_.empty(); }
  size_t size() const { return events_.size(); }
  TimePoint next_due() const { return events_.begin()->first.at; }
  /// The earliest event, taken out. Only when not empty.
  std::pair<Key, Event> pop() {
    auto node = events_.extract(events_.begin());
    return {node.key(), std::move(node.mapped())};
  }
  /// Takes out what `owner` still had to do, so that what its closures hold is freed at once.
  void remove_of(uint32_t owner) {
    std::erase_if(events_, [owner](const auto& entry) { return entry.second.owner == owner; });
  }

 private:
  std::map<Key, Event> events_;
  uint64_t last_sequence_ = 0;
};

/// A running hash of everything that happened. Not for secrets.
class Trace {
 public:
  void mix(uint64_t word) {
    hash_ = (hash_ ^ word) * 0x9fb21c651e98df25;
    hash_ ^= hash_ >> 29;
  }
  void mix(ByteView bytes) {
    size_t at = 0;
    for (; at + sizeof(uint64_t) <= bytes.size(); at += sizeof(uint64_t))
      mix(load<uint64_t>(bytes.data() + at));
    uint64_t rest = bytes.size();
    for (; at < bytes.size(); ++at) rest = rest << 8 | static_cast<uint64_t>(bytes[at]);
    mix(rest);
  }
  uint64_t value() const { return hash_; }

 private:
  uint64_t hash_ = 0xcbf29ce484222325;
};

}  // namespace themis::sim
