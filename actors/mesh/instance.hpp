#pragma once
// One instance of a service or function, as its provider announces it.

#include <optional>

#include "actors/mesh/sticky.hpp"
#include "actors/ring/record.hpp"

namespace themis::mesh {

/// What a caller reads of a provider's signed record.
struct Instance {
  ring::Contact contact;
  uint16_t weight = 100;  ///< 0: takes no calls while others do.
  std::string version;
  ring::Labels labels;
  uint32_t canary = 0;                ///< Asks for so many percent of the calls; 0: it is none.
  std::optional<Sticky> sticky = {};  ///< Of a canary: by what callers are split; else by chance.
  friend bool operator==(const Instance&, const Instance&) = default;
};
/// Which instance: a node may run a canary beside the version before it.
struct InstanceKey {
  NodeId node;
  bool is_canary = false;
  InstanceKey(const NodeId& id = {}, bool canary = false) : node(id), is_canary(canary) {}
  friend auto operator<=>(const InstanceKey&, const InstanceKey&) = default;
};
inline InstanceKey key_of(const Instance& instance) {
  return {instance.contact.id, instance.canary > 0};
}
using Instances = std::vector<Instance>;

/// A label of providers that are found under a name and take no calls under it: who only keeps a
/// function's code.
inline constexpr std::pair<const char*, const char*> kNoCalls{"calls", "none"};

/// A label of an instance that asks for a share of the calls, in percent, where no [[route]] says
/// what a canary is.
inline constexpr std::string_view kCanaryLabel = "canary";
/// More is nobody's to ask for.
inline constexpr uint32_t kCanaryShareMax = 50;
/// The version of the canary, on a node that runs the one before it as well: its record's version.
inline constexpr std::string_view kCanaryVersionLabel = "canary-version";
/// Sticky::text() of a canary.
inline constexpr std::string_view kStickyLabel = "sticky";
/// The value of a label; nothing: there is none.
std::optional<std::string_view> label_of(const ring::Labels& labels, std::string_view key);
/// What one record says of instances, of which a canary's is one by itself. What is no share, as
/// "1x", makes no canary.
void add_instances(Instances& to, Instance announced);

/// Those that take calls.
Instances instances_of(const ring::Records& records);
/// Whether `instance` has the label "key=value".
bool has_label(const Instance& instance, std::string_view label);

/// Whether `pattern` names `ring_name` ("service/check"): equal to it or to what follows its first
/// "/", or a prefix of either that ends in "*".
bool matches(std::string_view pattern, std::string_view ring_name);

}  // namespace themis::mesh
