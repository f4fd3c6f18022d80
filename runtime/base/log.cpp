#include "runtime/base/log.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

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

/// Valid inside a JSON string, and harmless on a terminal.
std::string escaped(std::string_view text, bool json) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\u{:04x}", byte);
    } else if (json && (c == '"' || c == '\\')) {
      out.push_back('\\');
      out.push_back(c);
    } else {
      out.push_back(c);
    }
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
