#pragma once
// One instance of a service or function, as its provider announces it.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "actors/node/contact.hpp"
#include "runtime/base/bytes.hpp"

namespace themis::mesh {

using Labels = std::vector<std::pair<std::string, std::string>>;

/// What a provider says of its instance besides where it is.
struct InstanceInfo {
  static constexpr uint16_t kWeightDefault = 100;
  static constexpr uint16_t kWeightMax = 10'000;
  static constexpr size_t kVersionBytesMax = 32;
  static constexpr size_t kLabelsMax = 8;
  static constexpr size_t kLabelBytesMax = 48;  ///< Key, "=" and value: all fit into a record.

  uint16_t weight = kWeightDefault;  ///< 0: takes no calls while others do.
  std::string version;
  Labels labels;
  friend bool operator==(const InstanceInfo&, const InstanceInfo&) = default;
};

struct Instance {
  ring::Contact contact;
  uint16_t weight = InstanceInfo::kWeightDefault;
  std::string version;
  Labels labels;
  friend bool operator==(const Instance&, const Instance&) = default;
};
using Instances = std::vector<Instance>;

/// Errors: invalid (over the limits above, a control character, a label that is not "key=value").
Status check_info(const InstanceInfo& info);
/// The payload of a service's record: lines "weight=100", "version=2", "label=key=value".
Bytes encode_info(const InstanceInfo& info);
/// An empty payload has the defaults. Errors: malformed.
Result<InstanceInfo> decode_info(ByteView payload);

Instance make_instance(const ring::Contact& contact, InstanceInfo info = {});
/// Whether `instance` has the label "key=value".
bool has_label(const Instance& instance, std::string_view label);

/// Whether `pattern` names `ring_name` ("service/check"): equal to it or to what follows its first
/// "/", or a prefix of either that ends in "*".
bool matches(std::string_view pattern, std::string_view ring_name);

}  // namespace themis::mesh
