#include "actors/services/cron_table.hpp"

#include <limits>

namespace themis {
namespace {

int64_t next_of(const bundle::Cron& cron, int64_t now_ms) {
  return cron.next_after(now_ms).value_or(std::numeric_limits<int64_t>::max());
}

}  // namespace

std::vector<Firing> CronTable::due(const Functions& functions, int64_t now_ms) {
  if (now_ms < last_ms_) lines_.clear();
  last_ms_ = now_ms;
  std::map<Key, Line> lines;
  std::vector<Firing> fired;
  for (const auto& [function, settings] : functions) {
    for (const std::string& text : settings->crons) {
      const Key key{function, text};
      auto known = lines_.extract(key);
      if (known.empty()) {
        const auto cron = bundle::Cron::parse(text);
        if (cron) lines.emplace(key, Line{*cron, next_of(*cron, now_ms)});
        continue;
      }
      Line& line = known.mapped();
      if (line.next_ms <= now_ms) {
        if (now_ms - line.next_ms <= kLateMaxMs) fired.push_back({function, text, line.next_ms});
        line.next_ms = next_of(line.cron, now_ms);
      }
      lines.insert(std::move(known));
    }
  }
  lines_ = std::move(lines);
  return fired;
}

}  // namespace themis
