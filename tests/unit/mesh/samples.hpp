#pragma once
// Instances and times for the tests of the mesh's policies.

#include <string>

#include "actors/mesh/instance.hpp"
#include "runtime/base/clock.hpp"

namespace themis::mesh::testing {

inline Instance instance(uint8_t number, uint16_t weight = 100, std::string version = {},
                         ring::Labels labels = {}) {
  ring::Contact contact;
  contact.id.bytes[0] = std::byte{number};
  contact.address = {"127.0.0.1", number};
  return {contact, weight, std::move(version), std::move(labels)};
}
inline NodeId id(uint8_t number) { return instance(number).contact.id; }
inline TimePoint after(Duration time) { return TimePoint{} + 1h + time; }

/// Whether `hits` of `trials` is within five standard deviations of the share.
inline bool is_share(int hits, int trials, double share) {
  const double mean = trials * share;
  const double variance = trials * share * (1 - share);
  return (hits - mean) * (hits - mean) <= 25 * variance;
}

}  // namespace themis::mesh::testing
