#include "actors/mesh/instance.hpp"

#include <algorithm>
#include <charconv>

#include "runtime/base/error.hpp"

namespace themis::mesh {
namespace {

constexpr std::string_view kWeight = "weight=";
constexpr std::string_view kVersion = "version=";
constexpr std::string_view kLabel = "label=";

bool is_plain(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7F; });
}

Status read_line(std::string_view line, InstanceInfo& info) {
  if (line.starts_with(kWeight)) {
    line.remove_prefix(kWeight.size());
    const auto [end, error] = std::from_chars(line.begin(), line.end(), info.weight);
    if (error == std::errc{} && end == line.end()) return {};
  } else if (line.starts_with(kVersion)) {
    info.version = line.substr(kVersion.size());
    return {};
  } else if (line.starts_with(kLabel)) {
    line.remove_prefix(kLabel.size());
    const size_t equals = line.find('=');
    if (equals != std::string_view::npos) {
      info.labels.emplace_back(line.substr(0, equals), line.substr(equals + 1));
      return {};
    }
  }
  return fail(Code::malformed, "an instance's record with a line that is none");
}

bool matches_one(std::string_view pattern, std::string_view name) {
  if (!pattern.ends_with('*')) return pattern == name;
  pattern.remove_suffix(1);
  return name.starts_with(pattern);
}

}  // namespace

Status check_info(const InstanceInfo& info) {
  if (info.weight > InstanceInfo::kWeightMax)
    return fail(Code::invalid, "a weight is at most " + std::to_string(InstanceInfo::kWeightMax));
  if (info.version.size() > InstanceInfo::kVersionBytesMax || !is_plain(info.version))
    return fail(Code::invalid, "a version has at most 32 bytes, without spaces");
  if (info.labels.size() > InstanceInfo::kLabelsMax)
    return fail(Code::invalid, "an instance has at most 8 labels");
  for (const auto& [key, value] : info.labels) {
    const bool fits = key.size() + value.size() < InstanceInfo::kLabelBytesMax;
    const bool is_key = !key.empty() && key.find('=') == std::string::npos;
    if (!fits || !is_key || !is_plain(key) || !is_plain(value))
      return fail(Code::invalid, "a label is \"key=value\" of at most 48 bytes, without spaces");
  }
  return {};
}

Bytes encode_info(const InstanceInfo& info) {
  if (info == InstanceInfo{}) return {};
  std::string text{kWeight};
  text += std::to_string(info.weight) + "\n";
  if (!info.version.empty()) text.append(kVersion).append(info.version) += '\n';
  for (const auto& [key, value] : info.labels)
    text.append(kLabel).append(key).append("=").append(value) += '\n';
  return to_bytes(text);
}

Result<InstanceInfo> decode_info(ByteView payload) {
  InstanceInfo info;
  std::string_view text = as_text(payload);
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos)
      return fail(Code::malformed, "an instance's record with a line without an end");
    THEMIS_CHECK(read_line(text.substr(0, end), info));
    text.remove_prefix(end + 1);
  }
  if (const Status valid = check_info(info); !valid)
    return fail(Code::malformed, valid.error().detail);
  return info;
}

Instance make_instance(const ring::Contact& contact, InstanceInfo info) {
  return {contact, info.weight, std::move(info.version), std::move(info.labels)};
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
