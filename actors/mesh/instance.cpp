#include "actors/mesh/instance.hpp"

#include <algorithm>
#include <charconv>

namespace themis::mesh {
namespace {

bool matches_one(std::string_view pattern, std::string_view name) {
  if (!pattern.ends_with('*')) return pattern == name;
  pattern.remove_suffix(1);
  return name.starts_with(pattern);
}

}  // namespace

Instances instances_of(const ring::Records& records) {
  Instances instances;
  for (const ring::Record& record : records)
    if (std::ranges::find(record.labels, ring::Labels::value_type(kNoCalls)) == record.labels.end())
      instances.push_back({record.provider, record.weight, record.version, record.labels});
  return instances;
}

std::optional<uint32_t> canary_share(const Instance& instance) {
  for (const auto& [key, value] : instance.labels) {
    uint32_t percent = 0;
    const char* end = value.data() + value.size();
    if (key == kCanaryLabel && std::from_chars(value.data(), end, percent).ptr == end)
      return std::min(percent, kCanaryShareMax);
  }
  return std::nullopt;
}

bool has_label(const Instance& instance, std::string_view label) {
  return std::ranges::any_of(instance.labels, [label](const auto& own) {
    const auto& [key, value] = own;
    return label.size() == key.size() + 1 + value.size() && label.starts_with(key) &&
           label[key.size()] == '=' && label.ends_with(value);
  });
}

bool matches(std::string_view pattern, std::string_view ring_name) {
  if (matches_one(pattern, ring_name)) return true;
  const size_t slash = ring_name.find('/');
  return slash != std::string_view::npos && matches_one(pattern, ring_name.substr(slash + 1));
}

}  // namespace themis::mesh
