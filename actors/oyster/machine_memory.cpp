#include "actors/oyster/machine_memory.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <string>

namespace themis {
namespace {

constexpr uint8_t kAll = 100;

std::optional<uint64_t> field(std::string_view text, std::string_view name) {
  size_t at = text.find(name);
  if (at == std::string_view::npos) return std::nullopt;
  at = text.find_first_not_of(' ', at + name.size());
  if (at == std::string_view::npos) return std::nullopt;
  uint64_t kb = 0;
  const auto parsed = std::from_chars(text.data() + at, text.data() + text.size(), kb);
  return parsed.ec == std::errc() ? std::optional(kb) : std::nullopt;
}

}  // namespace

uint8_t used_memory_percent(std::string_view meminfo) {
  const auto total = field(meminfo, "MemTotal:");
  const auto available = field(meminfo, "MemAvailable:");
  if (!total || !available || *total == 0) return kAll;
  return static_cast<uint8_t>(kAll - kAll * std::min(*available, *total) / *total);
}

uint8_t used_memory_percent() {
  // All that is looked for is in its first lines.
  std::string text(256, '\0');
  std::ifstream file("/proc/meminfo");
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  return used_memory_percent(text);
}

}  // namespace themis
