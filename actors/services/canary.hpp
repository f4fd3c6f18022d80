#pragma once
// A version of a function that gets a share of its calls, on one node, while the others run the
// version before.

#include "actors/services/function_types.hpp"
#include "canary.capnp.h"
#include "wire/msg.hpp"

namespace themis {

using HostCanaryMsg = wire::Msg<schema::HostCanary>;

/// What is more than half is no trial.
inline constexpr uint32_t kCanaryPercentMax = 50;
/// Of the functions deployed through one node; the code of each, up to 1 MB, is in memory.
inline constexpr size_t kCanariesMax = 64;

/// Who runs one; the version it is of goes on elsewhere.
struct CanaryRow {
  HostedRow row;  ///< Without an owner.
  uint32_t percent = 0;
};

HostCanaryMsg encode_host_canary(const CanaryRow& canary, TimePoint deadline);
/// Errors: malformed.
Result<CanaryRow> decode_host_canary(const HostCanaryMsg& message);

}  // namespace themis
