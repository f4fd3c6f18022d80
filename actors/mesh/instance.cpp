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
      add_instances(instances, {record.provider, record.weight, record.version, record.labels});
  return instances;
}

std::optional<std::string_view> label_of(const ring::Labels& labels, std::string_view key) {
  const auto found = std::ranges::find(labels, key, &ring::Labels::value_type::first);
  return found == labels.end() ? std::nullopt : std::optional<std::string_view>(found->second);
}

void add_instances(Instances& to, Instance announced) {
  const std::string_view share = label_of(announced.labels, kCanaryLabel).value_or("");
  uint32_t percent = 0;
  const auto [end, error] = std::from_chars(share.begin(), share.end(), percent);
  if (error != std::errc{} || end != share.end() || percent == 0)
    return to.push_back(std::move(announced));
  Instance canary = announced;
  canary.canary = std::min(percent, kCanaryShareMax);
  if (const auto sticky = label_of(announced.labels, kStickyLabel))
    if (Result<Sticky> by = Sticky::parse(*sticky)) canary.sticky = std::move(*by);
  if (const auto version = label_of(announced.labels, kCanaryVersionLabel)) {
    canary.version = *version;
    to.push_back(std::move(announced));
  }
  to.push_back(std::move(canary));
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
