#pragma once
// One log for the process: text or JSON lines on stderr, a level, a component. Secrets are never
// passed to it.

#include <fmt/core.h>

#include <string_view>

namespace themis::log {

enum class Level { trace, debug, info, warn, error, off };
enum class Format { text, json };

/// Called once from main(), before other threads start.
void setup(Level level, Format format);
bool enabled(Level level);
/// Any thread. Control characters of `message` are escaped, so a peer cannot forge a line; a byte
/// that is not UTF-8 becomes U+FFFD, so a JSON line always parses.
void write(Level level, std::string_view component, std::string_view message);

template <class... Args>
void debug(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::debug))
    write(Level::debug, component, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::info))
    write(Level::info, component, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warn(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::warn))
    write(Level::warn, component, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::error))
    write(Level::error, component, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace themis::log
