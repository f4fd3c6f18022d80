// logs: what a function says, wherever it runs.

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <charconv>
#include <chrono>

#include "apps/themis/log_reader.hpp"
#include "apps/themis/output.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/rng.hpp"

namespace themis::cli {
namespace {

using http::Json;

/// When there was nothing to wait for: no instance answers at the moment.
constexpr int kPauseMs = 500;

/// "2026-11-21 08:00:00.123 1f0c3a90 info  text"; further lines of the text are indented.
void print_log_line(const Json& line) {
  const int64_t ms = http::integer_or(line, "time_ms", 0);
  const std::string node = brief(http::string_or(line, "node", "?"));
  if (const int64_t lost = http::integer_or(line, "lost", 0); lost > 0)
    print_line(fmt::format("[{} {} of {} dropped]", lost, lost == 1 ? "line was" : "lines were",
                           printable(node)));
  std::string time = utc(ms / 1000);
  time.resize(std::min<size_t>(time.size(), 19));
  std::string text;
  std::string_view left = *line.at("text").get_ptr<const std::string*>();
  while (true) {
    const size_t end = std::min(left.find('\n'), left.size());
    text += printable(left.substr(0, end));
    if (end == left.size()) break;
    text += "\n    ";
    left.remove_prefix(end + 1);
  }
  print_line(fmt::format("{}.{:03} {} {:5} {}", time, ms % 1000, printable(node),
                         printable(http::string_or(line, "level", "?")), text));
}

}  // namespace

LogReader::LogReader(std::string name, std::string level, int64_t since_ms)
    : name_(std::move(name)),
      level_(std::move(level)),
      since_ms_(since_ms),
      reader_(SystemRng().next() | 1) {}

Maybe<bool> LogReader::print_next(Gateway& gateway, bool wait, bool json) {
  std::string target =
      fmt::format("/v1/functions/{}/logs?level={}", escaped_segment(name_), level_);
  if (since_ms_ > 0) target += fmt::format("&since_ms={}", since_ms_);
  if (!cursor_.empty()) target += "&after=" + cursor_;
  if (wait) target += fmt::format("&wait={}", reader_);
  const TimePoint begin = SystemClock().now();
  const auto answer = gateway.ask("GET", target);
  if (!answer) return tl::unexpected<Failure>(answer.error());
  for (const Json& node : http::array_or_empty(*answer, "restarted"))
    if (node.is_string() && !json)
      print_line(fmt::format("[{} was restarted; lines before may be missing]",
                             printable(brief(node.get<std::string>()))));
  const Json& lines = http::array_or_empty(*answer, "lines");
  for (const Json& line : lines) {
    if (!line.is_object() || !line.contains("text") || !line.at("text").is_string()) continue;
    json ? print_line(http::to_text(line)) : print_log_line(line);
  }
  fflush(stdout);
  cursor_ = http::string_or(*answer, "cursor", "");
  if (wait && lines.empty() && SystemClock().now() - begin < std::chrono::milliseconds(kPauseMs))
    poll(nullptr, 0, kPauseMs);
  return !lines.empty();
}

std::optional<int64_t> parse_duration_ms(const std::string& text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end + 1 != text.data() + text.size()) return std::nullopt;
  constexpr int64_t kMost = 10'000;
  if (number < 0 || number > kMost) return std::nullopt;
  switch (*end) {
    case 's':
      return number * 1000;
    case 'm':
      return number * 60'000;
    case 'h':
      return number * 3'600'000;
    case 'd':
      return number * 86'400'000;
    default:
      return std::nullopt;
  }
}

Outcome logs(const Connection& to, const Logs& what) {
  int64_t since_ms = 0;
  if (!what.since.empty()) {
    const auto ago = parse_duration_ms(what.since);
    if (!ago) return misused("--since is a number and s, m, h or d, as 10m: " + what.since);
    since_ms = SystemClock().wall_ms() - *ago;
  }
  auto gateway = Gateway::open(to);
  if (!gateway) return tl::unexpected<Failure>(gateway.error());
  // What was read is printed whole before the next question: to end anywhere loses nothing.
  if (what.follow)
    for (const int ending : {SIGINT, SIGTERM}) signal(ending, [](int) { _exit(0); });
  LogReader reader(what.name, what.level, since_ms);
  while (true) {
    const auto printed = reader.print_next(*gateway, what.follow, to.json);
    if (!printed) return tl::unexpected<Failure>(printed.error());
    if (!what.follow && !*printed) return {};
  }
}

}  // namespace themis::cli
