#include "actors/services/alarm_table.hpp"

#include <algorithm>

namespace themis {

Status AlarmTable::note(const Key& key, int64_t at_ms) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) {
    if (entries_.size() >= kAlarmsMax)
      return fail(Code::overloaded, "this node keeps as many alarms as it may");
    entries_.emplace(key, Entry{at_ms, false, std::nullopt});
    due_.emplace(at_ms, key);
    return {};
  }
  Entry& entry = found->second;
  if (entry.is_ringing) {
    entry.noted_ms = std::min(entry.noted_ms.value_or(at_ms), at_ms);
  } else if (at_ms < entry.at_ms) {
    due_.erase({entry.at_ms, key});
    entry.at_ms = at_ms;
    due_.emplace(at_ms, key);
  }
  return {};
}

std::vector<AlarmTable::Key> AlarmTable::take(int64_t now_ms) {
  std::vector<Key> out;
  while (ringing_ < kRingingMax && !due_.empty() && due_.begin()->first <= now_ms) {
    out.push_back(due_.begin()->second);
    due_.erase(due_.begin());
    entries_.at(out.back()).is_ringing = true;
    ++ringing_;
  }
  return out;
}

void AlarmTable::look_at(std::string_view function, int64_t at_ms) {
  const std::string spaces = std::string(function) + ".";
  for (auto entry = entries_.lower_bound({spaces, ""});
       entry != entries_.end() && entry->first.name_space.starts_with(spaces); ++entry)
    if (!entry->second.is_ringing) (void)note(entry->first, at_ms);  // it is known: there is room
}

void AlarmTable::settle(const Key& key, std::optional<int64_t> at_ms) {
  const auto found = entries_.find(key);
  if (found == entries_.end() || !found->second.is_ringing) return;
  --ringing_;
  const std::optional<int64_t> noted = found->second.noted_ms;
  if (!at_ms && !noted) return void(entries_.erase(found));
  const int64_t at = std::min(at_ms.value_or(INT64_MAX), noted.value_or(INT64_MAX));
  found->second = {at, false, std::nullopt};
  due_.emplace(at, key);
}

}  // namespace themis
