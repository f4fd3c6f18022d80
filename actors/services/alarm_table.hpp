#pragma once
// Which alarms of a node's actors are due: pure.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/base/error.hpp"

namespace themis {

/// One thread. An index of what is in the storage of the actors: before an alarm rings, it is
/// looked for there, so an entry may be too early, or of an alarm that is gone.
class AlarmTable {
 public:
  /// Each is some 200 bytes.
  static constexpr size_t kAlarmsMax = 100'000;
  /// Calls of `alarm` handlers at a time.
  static constexpr size_t kRingingMax = 64;

  struct Key {
    std::string name_space;
    std::string key;  ///< In it.
    auto operator<=>(const Key&) const = default;
  };

  /// There is one, or is about to be. Errors: overloaded.
  Status note(const Key& key, int64_t at_ms);
  /// Those that are due, as many as may ring; each rings until settle().
  std::vector<Key> take(int64_t now_ms);
  /// Those of a function's actors that are due later are looked for at `at_ms`.
  void look_at(std::string_view function, int64_t at_ms);
  /// `at_ms`: when it is to be looked for again; nothing: it is gone, unless it was noted
  /// meanwhile.
  void settle(const Key& key, std::optional<int64_t> at_ms);
  bool is_empty() const { return entries_.empty(); }
  size_t count() const { return entries_.size(); }

 private:
  struct Entry {
    int64_t at_ms = 0;
    bool is_ringing = false;
    std::optional<int64_t> noted_ms;  ///< While it rang.
  };

  std::map<Key, Entry> entries_;
  std::set<std::pair<int64_t, Key>> due_;  ///< Of those that do not ring.
  size_t ringing_ = 0;
};

}  // namespace themis
