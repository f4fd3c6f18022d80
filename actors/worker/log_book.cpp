#include "actors/worker/log_book.hpp"

#include <algorithm>

namespace themis {
namespace {

constexpr uint8_t kWarning = 2;

}  // namespace

LogBook::Log& LogBook::log_of(std::string_view function) {
  if (const auto found = logs_.find(function); found != logs_.end()) return found->second;
  if (logs_.size() >= kFunctionsMax) {
    const auto silent =
        std::ranges::min_element(logs_, {}, [](const auto& entry) { return entry.second.time_ms; });
    bytes_ -= silent->second.bytes;
    logs_.erase(silent);
  }
  Log& log = logs_[std::string(function)];
  log.first = last_ + 1;
  log.last = last_;
  return log;
}

void LogBook::add(std::string_view function, Line line) {
  Log& log = log_of(function);
  line.sequence = ++log.last;
  last_ = std::max(last_, log.last);
  log.time_ms = line.time_ms;
  log.bytes += size_of(line);
  bytes_ += size_of(line);
  log.lines.push_back(std::move(line));
  while (log.bytes > kFunctionBytesMax && log.lines.size() > 1) drop_first(log);
  if (bytes_ > kBytesMax) make_room();
  if (told_) told_(function);
}

void LogBook::skip(std::string_view function) {
  Log& log = log_of(function);
  last_ = std::max(last_, ++log.last);
}

void LogBook::drop_first(Log& log) {
  const size_t bytes = size_of(log.lines.front());
  log.bytes -= bytes;
  bytes_ -= bytes;
  log.lines.pop_front();
}

void LogBook::make_room() {
  Log& most = std::ranges::max_element(logs_, {}, [](const auto& entry) {
                return entry.second.bytes;
              })->second;
  const size_t half = most.bytes / 2;
  while (most.bytes > half) drop_first(most);
}

LogBook::Page LogBook::read(std::string_view function, const Query& query) const {
  Page page{.lines = {}, .next = query.after, .restarted = false};
  const auto found = logs_.find(function);
  if (found == logs_.end()) return page;
  const Log& log = found->second;
  const bool is_known = query.after >= log.first - 1 && query.after <= log.last;
  page.restarted = query.after != 0 && !is_known;
  uint64_t last = is_known ? query.after : log.first - 1;
  // Who has read nothing yet has lost nothing either.
  if (query.after == 0 && !log.lines.empty()) last = log.lines.front().sequence - 1;
  page.next = last;
  auto next = std::ranges::upper_bound(log.lines, last, {}, &Line::sequence);
  uint64_t lost = 0;
  size_t bytes = 0;
  for (; next != log.lines.end(); ++next) {
    lost += next->sequence - page.next - 1;
    const bool is_wanted = next->level >= query.level && next->time_ms >= query.since_ms;
    if (is_wanted && bytes + size_of(*next) > kPageBytesMax) break;
    page.next = next->sequence;
    if (!is_wanted) continue;
    bytes += size_of(*next);
    page.lines.push_back(*next);
    page.lines.back().lost = static_cast<uint32_t>(std::min<uint64_t>(lost, UINT32_MAX));
    lost = 0;
  }
  // Nothing came after what was dropped last: it is told all the same.
  if (next == log.lines.end() && log.last > page.next) {
    lost += log.last - page.next;
    page.next = log.last;
    page.lines.push_back({.sequence = log.last,
                          .time_ms = log.time_ms,
                          .level = kWarning,
                          .lost = static_cast<uint32_t>(std::min<uint64_t>(lost, UINT32_MAX)),
                          .text = "too many lines in one second: the others are dropped"});
  }
  return page;
}

}  // namespace themis
