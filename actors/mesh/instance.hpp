#pragma once
// One instance of a service or function, as its provider announces it.

#include <optional>

#include "actors/ring/record.hpp"

namespace themis::mesh {

/// What a caller reads of a provider's signed record.
struct Instance {
  ring::Contact contact;
  uint16_t weight = 100;  ///< 0: takes no calls while others do.
  std::string version;
  ring::Labels labels;
  friend bool operator==(const Instance&, const Instance&) = default;
};
using Instances = std::vector<Instance>;

/// A label of providers that are found under a name and take no calls under it: who only keeps a
/// function's code.
inline constexpr std::pair<const char*, const char*> kNoCalls{"calls", "none"};

/// A label of an instance that asks for a share of the calls, in percent, where no [[route]] says
/// what a canary is.
inline constexpr std::string_view kCanaryLabel = "canary";
/// More is nobody's to ask for.
inline constexpr uint32_t kCanaryShareMax = 50;
/// That share; nothing: it is none.
std::optional<uint32_t> canary_share(const Instance& instance);

/// Those that take calls.
Instances instances_of(const ring::Records& records);
/// Whether `instance` has the label "key=value".
bool has_label(const Instance& instance, std::string_view label);

/// Whether `pattern` names `ring_name` ("service/check"): equal to it or to what follows its first
/// "/", or a prefix of either that ends in "*".
bool matches(std::string_view pattern, std::string_view ring_name);

}  // namespace themis::mesh
