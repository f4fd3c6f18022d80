#include "runtime/bundle/cron.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <chrono>

namespace themis::bundle {
namespace {

constexpr int64_t kMinuteMs = 60'000;
constexpr int64_t kDayMs = 86'400'000;
/// From 1896 to 1904 there was no 29th of February; 2100 is the next such gap.
constexpr int64_t kDaysMax = 8 * 366;

struct Field {
  const char* name;
  int low;
  int high;
  std::string_view words;  ///< Three letters each, from `low` on; empty: numbers only.
};
constexpr std::array<Field, 5> kFields{{{"minute", 0, 59, ""},
                                        {"hour", 0, 23, ""},
                                        {"day", 1, 31, ""},
                                        {"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
                                        {"weekday", 0, 7, "sunmontuewedthufrisat"}}};

std::optional<int> number_of(std::string_view text, const Field& field) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (!text.empty() && error == std::errc{} && end == text.data() + text.size()) {
    if (value < field.low || value > field.high) return std::nullopt;
    return value;
  }
  if (text.size() != 3) return std::nullopt;
  std::string lower;
  for (const char c : text) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  for (size_t at = 0; at < field.words.size(); at += 3)
    if (field.words.substr(at, 3) == lower) return field.low + static_cast<int>(at / 3);
  return std::nullopt;
}

/// One item of a list. Calls `set` for each value; false: it is none.
template <class Set>
bool read_item(std::string_view item, const Field& field, Set set) {
  int step = 1;
  const size_t slash = item.find('/');
  const bool has_step = slash != std::string_view::npos;
  if (has_step) {
    const std::string_view text = item.substr(slash + 1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), step);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size() || step < 1 ||
        step > field.high)
      return false;
    item = item.substr(0, slash);
  }
  int low = field.low;
  int high = field.high;
  if (item != "*") {
    const size_t dash = item.find('-');
    const auto first = number_of(item.substr(0, dash), field);
    if (!first || (has_step && dash == std::string_view::npos)) return false;
    const auto last =
        dash == std::string_view::npos ? first : number_of(item.substr(dash + 1), field);
    if (!last || *last < *first) return false;
    low = *first;
    high = *last;
  }
  for (int value = low; value <= high; value += step) set(static_cast<size_t>(value));
  return true;
}

template <class Set>
Status read_field(std::string_view text, const Field& field, Set set) {
  for (size_t at = 0; at <= text.size();) {
    const size_t comma = std::min(text.find(',', at), text.size());
    if (!read_item(text.substr(at, comma - at), field, set))
      return fail(Code::invalid,
                  fmt::format("cron: \"{}\" is no {}: *, {}-{}, lists, ranges, steps", text,
                              field.name, field.low, field.high));
    at = comma + 1;
  }
  return {};
}

std::array<std::string_view, 6> split(std::string_view line) {
  std::array<std::string_view, 6> parts;
  size_t count = 0;
  for (size_t at = 0; at < line.size() && count < parts.size();) {
    const size_t start = line.find_first_not_of(' ', at);
    if (start == std::string_view::npos) break;
    const size_t end = std::min(line.find(' ', start), line.size());
    parts[count++] = line.substr(start, end - start);
    at = end;
  }
  return parts;
}

}  // namespace

Result<Cron> Cron::parse(std::string_view line) {
  const auto parts = split(line.substr(0, kBytesMax + 1));
  if (line.size() > kBytesMax || parts[4].empty() || !parts[5].empty())
    return fail(Code::invalid,
                fmt::format("cron: \"{}\" is not five fields: minute hour day month weekday",
                            line.substr(0, 80)));
  Cron cron;
  THEMIS_CHECK(read_field(parts[0], kFields[0], [&](size_t i) { cron.minutes_.set(i); }));
  THEMIS_CHECK(read_field(parts[1], kFields[1], [&](size_t i) { cron.hours_.set(i); }));
  THEMIS_CHECK(read_field(parts[2], kFields[2], [&](size_t i) { cron.days_.set(i); }));
  THEMIS_CHECK(read_field(parts[3], kFields[3], [&](size_t i) { cron.months_.set(i); }));
  THEMIS_CHECK(read_field(parts[4], kFields[4], [&](size_t i) { cron.weekdays_.set(i % 7); }));
  cron.any_day_ = parts[2].starts_with('*');
  cron.any_weekday_ = parts[4].starts_with('*');
  if (!cron.next_after(0))
    return fail(Code::invalid, fmt::format("cron: \"{}\" never comes", line));
  return cron;
}

bool Cron::is_day(int64_t day) const {
  const std::chrono::sys_days date{std::chrono::days(day)};
  const std::chrono::year_month_day calendar(date);
  if (!months_.test(unsigned{calendar.month()})) return false;
  const bool by_day = days_.test(unsigned{calendar.day()});
  const bool by_weekday = weekdays_.test(std::chrono::weekday(date).c_encoding());
  if (any_day_ || any_weekday_) return by_day && by_weekday;
  return by_day || by_weekday;
}

std::optional<int64_t> Cron::next_after(int64_t unix_ms) const {
  const int64_t minute = unix_ms / kMinuteMs + 1;
  const int64_t first_day = minute * kMinuteMs / kDayMs;
  constexpr int64_t kMinutesADay = kDayMs / kMinuteMs;
  for (int64_t day = first_day; day <= first_day + kDaysMax; ++day) {
    if (is_day(day)) {
      for (int64_t at = std::max(minute - day * kMinutesADay, int64_t{0}); at < kMinutesADay; ++at)
        if (hours_.test(static_cast<size_t>(at / 60)) &&
            minutes_.test(static_cast<size_t>(at % 60)))
          return (day * kMinutesADay + at) * kMinuteMs;
    }
  }
  return std::nullopt;
}

}  // namespace themis::bundle
