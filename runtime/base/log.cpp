#include "runtime/base/log.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <string>

namespace themis::log {
namespace {

struct State {
  std::shared_ptr<spdlog::logger> logger;
  Format format = Format::text;
};

State make_state() {
  auto logger = std::make_shared<spdlog::logger>(
      "themis", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %^%-5l%$ %v");
  logger->set_level(spdlog::level::warn);
  return {std::move(logger), Format::text};
}

State& state() {
  static State instance = make_state();
  return instance;
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::trace:
      return spdlog::level::trace;
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
    case Level::off:
      return spdlog::level::off;
  }
  return spdlog::level::off;
}

/// How many bytes the character at the start of `text` takes, and its code point; 0 when it is not
/// UTF-8 (Unicode 15, table 3-7: no overlong form, no surrogate, nothing past U+10FFFF).
size_t decode(std::string_view text, char32_t& point) {
  constexpr char32_t kLowest[] = {0, 0, 0x80, 0x800, 0x10000};  // by size: below it is overlong
  const auto first = static_cast<unsigned char>(text.front());
  size_t size = 1;
  if (first >= 0x80) size = first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (size == 0 || size > text.size() || first >= 0xf8) return 0;
  point = size == 1 ? first : first & (0x7fu >> size);
  for (size_t i = 1; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0) != 0x80) return 0;
    point = point << 6 | (byte & 0x3fu);
  }
  const bool surrogate = point >= 0xd800 && point <= 0xdfff;
  return point < kLowest[size] || point > 0x10ffff || surrogate ? 0 : size;
}

/// Valid inside a JSON string, and harmless on a terminal: valid UTF-8 (each byte that is not
/// becomes U+FFFD), and no control character of C0 or C1.
std::string escaped(std::string_view text, bool json) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    char32_t point = 0;
    const size_t size = decode(text, point);
    if (size == 0) {
      out += "\xef\xbf\xbd";
    } else if (point < 0x20 || (point >= 0x7f && point <= 0x9f)) {
      out += fmt::format("\\u{:04x}", static_cast<uint32_t>(point));
    } else {
      if (json && (point == '"' || point == '\\')) out.push_back('\\');
      out += text.substr(0, size);
    }
    text.remove_prefix(std::max<size_t>(size, 1));
  }
  return out;
}

}  // namespace

void setup(Level level, Format format) {
  State& s = state();
  s.format = format;
  s.logger->set_level(to_spdlog(level));
  if (format == Format::json) {
    s.logger->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})");
  }
}

bool enabled(Level level) { return state().logger->should_log(to_spdlog(level)); }

void write(Level level, std::string_view component, std::string_view message) {
  State& s = state();
  if (s.format == Format::json) {
    s.logger->log(to_spdlog(level), R"("component":"{}","message":"{}")", component,
                  escaped(message, true));
  } else {
    s.logger->log(to_spdlog(level), "{:<9} {}", component, escaped(message, false));
  }
}

}  // namespace themis::log
