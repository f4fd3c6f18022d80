#pragma once
// A version of a function that gets a share of its calls, on one node, while the others run the
// version before.

#include "actors/mesh/sticky.hpp"
#include "actors/ring/record.hpp"
#include "actors/services/function_types.hpp"
#include "canary.capnp.h"
#include "wire/msg.hpp"

namespace themis {

using HostCanaryMsg = wire::Msg<schema::HostCanary>;

/// What is more than half is no trial.
inline constexpr uint32_t kCanaryPercentMax = 50;
/// Of the functions deployed through one node; the code of each, up to 1 MB, is in memory.
inline constexpr size_t kCanariesMax = 64;

/// Whose calls a canary takes.
struct CanaryShare {
  uint32_t percent = 0;                     ///< Of the calls; 0: it is no canary.
  std::optional<mesh::Sticky> sticky = {};  ///< Callers that say this keep their version.
  friend bool operator==(const CanaryShare&, const CanaryShare&) = default;
};
/// Who runs one; the version before it goes on, there or elsewhere.
struct CanaryRow {
  HostedRow row;  ///< Without an owner.
  CanaryShare share;
};

/// The name under which peers call canaries: a node may run the version before one as well.
inline constexpr std::string_view kCanariesActorName = "canaries";

/// Where a function host keeps a canary, beside the function's name: no function is called so.
std::string canary_key(std::string_view name);
/// The function's name, of it or of a canary's key.
std::string function_of_key(std::string_view key);
bool is_canary_key(std::string_view key);

/// The labels of a record that announces one; `beside`: the version before it runs there, too, and
/// is the record's.
void add_canary_labels(ring::Labels& labels, const CanaryShare& share, uint32_t version,
                       bool beside);
/// What a record says of a canary.
struct AnnouncedCanary {
  uint32_t version = 0;
  bool beside = false;  ///< The record is of another version, which runs there as well.
};
/// Nothing: there is none. `version`: the record's.
std::optional<AnnouncedCanary> announced_canary(const ring::Labels& labels, uint32_t version);

HostCanaryMsg encode_host_canary(const CanaryRow& canary, TimePoint deadline);
/// Errors: malformed.
Result<CanaryRow> decode_host_canary(const HostCanaryMsg& message);

}  // namespace themis
