#pragma once
// A time table of five fields: minute, hour, day of the month, month, day of the week; UTC.

#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>

#include "runtime/base/error.hpp"

namespace themis::bundle {

/// Each field is `*`, a number, a range `a-b`, a step `*/n` or `a-b/n`, or a list of them with
/// commas; months and days also by their first three letters; Sunday is 0 and 7. When neither day
/// field is `*`, one of them is enough. Source: POSIX.1-2017, crontab; the steps are Vixie's.
class Cron {
 public:
  /// Longest line; a list of every minute is shorter.
  static constexpr size_t kBytesMax = 256;

  /// Errors: invalid; the detail names the field.
  static Result<Cron> parse(std::string_view line);

  /// The first full minute after `unix_ms` at which it fires, in ms since 1970. Nothing: never
  /// within the eight years that may lie between two 29ths of February.
  std::optional<int64_t> next_after(int64_t unix_ms) const;

 private:
  bool is_day(int64_t day) const;

  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;
  std::bitset<13> months_;
  std::bitset<8> weekdays_;
  bool any_day_ = false;
  bool any_weekday_ = false;
};

}  // namespace themis::bundle
