#pragma once
// What nodes ask each other about the memory of functions, parsed strictly into bounded values, and
// back.

#include <string>
#include <vector>

#include "figures.capnp.h"
#include "runtime/base/error.hpp"
#include "wire/msg.hpp"

namespace themis {

using MeasureFunctionsMsg = wire::Msg<schema::MeasureFunctions>;
using FunctionsMeasuredMsg = wire::Msg<schema::FunctionsMeasured>;

/// Names of one question.
inline constexpr size_t kMeasuredNamesMax = 512;
/// Versions that a node may run of a function: the current one and a canary.
inline constexpr size_t kVersionsRunningMax = 2;
/// What a node may say of one: more processes than it can have, and 16 TB.
inline constexpr uint32_t kIsolatesToldMax = 4096;
inline constexpr uint64_t kMemoryToldMaxKb = uint64_t{1} << 34;

/// One version of a function on one node.
struct RunningFunction {
  std::string name;
  uint32_t version = 0;
  uint32_t isolates = 0;   ///< 0: it is called from disk next.
  uint64_t memory_kb = 0;  ///< Of those.
  friend bool operator==(const RunningFunction&, const RunningFunction&) = default;
};

MeasureFunctionsMsg encode_measure(const std::vector<std::string>& names, TimePoint deadline);
/// Errors of both decoders: malformed.
Result<std::vector<std::string>> decode_measure(const MeasureFunctionsMsg& message);
FunctionsMeasuredMsg encode_measured(const std::vector<RunningFunction>& functions);
Result<std::vector<RunningFunction>> decode_measured(const FunctionsMeasuredMsg& message);

}  // namespace themis
