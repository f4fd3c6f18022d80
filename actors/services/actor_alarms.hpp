#pragma once
// Rings the alarms of the actors that live on this node.

#include "actors/services/alarm_table.hpp"
#include "actors/services/function_context.hpp"

namespace themis {

/// Part of the function service; its thread only. An alarm is a value in the verified state, beside
/// its actor's storage; here is an index of them, read from there at the start. One that is due is
/// looked up and goes as a call of its function to a node that runs it, and from there to its
/// actor, whose handler takes it away: it rings at least once, whatever is killed meanwhile.
class ActorAlarms {
 public:
  /// Between two looks at what is due, while there is any.
  static constexpr Duration kTick = 100ms;
  /// After a handler that failed: doubled each time, kTriesMax times; then the alarm is taken away.
  static constexpr Duration kRetry = 2s;
  static constexpr uint32_t kTriesMax = 6;
  /// A removal erases what actors kept within about so long.
  static constexpr Duration kErased = 2s;
  /// After a call that reached no handler.
  static constexpr Duration kUnreached = 5s;

  explicit ActorAlarms(FunctionContext& context) : context_(context) {}
  /// `gate`: a FunctionGate. Reads what is set.
  void start(caf::actor gate);
  Status note(const NoteAlarm& alarm) {
    return table_.note({alarm.name_space, alarm.key}, alarm.at_ms);
  }
  /// Its actors ended: what they set is erased by now or soon, and is then forgotten here, too.
  void ended(const std::string& function, int64_t now_ms) {
    table_.look_at(function, now_ms + to_ms(kErased));
  }
  bool has_any() const { return !table_.is_empty() || !unlearned_.empty(); }
  void tick(int64_t now_ms);
  void stop() { gate_ = nullptr; }

  size_t count() const { return table_.count(); }
  uint64_t rung() const { return rung_; }
  uint64_t failed() const { return failed_; }

 private:
  using Key = AlarmTable::Key;

  void learn(const std::string& name_space, const std::string& after);
  void look(const Key& key, int64_t now_ms);
  void ring(const Key& key, const bundle::Alarm& alarm, const std::string& text, int64_t now_ms);
  void rang(const Key& key, const std::string& text, int64_t now_ms, const Status& status);
  void give_up(const Key& key, const std::string& text);

  FunctionContext& context_;
  caf::actor gate_;
  AlarmTable table_;
  /// Namespaces whose alarms could not be read yet, and after which key.
  std::vector<std::pair<std::string, std::string>> unlearned_;
  int64_t learn_ms_ = 0;           ///< When they are asked again.
  std::map<Key, uint32_t> tries_;  ///< Of alarms whose handlers failed.
  uint64_t rung_ = 0;
  uint64_t failed_ = 0;
};

}  // namespace themis
