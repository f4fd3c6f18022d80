#include "enclave/monitor/reason.hpp"

#include <iterator>

namespace themis::monitor {

std::string_view name(Reason reason) {
  // clang-format off
  constexpr std::string_view kNames[] = {
      "none", "malformed", "wrong_instance", "wrong_thread", "out_of_sequence", "slot_range",
      "slot_occupied", "slot_empty", "same_slot", "not_below", "not_initial", "wrong_hash",
      "in_deferred", "child_cached", "not_ancestor", "children_cached", "wrong_edge",
      "wrong_parent", "wrong_method", "root_moved", "epoch_closed", "epoch_window",
      "counter_overflow", "evict_order", "epoch_overflow", "epoch_running", "reports_pending",
      "restored", "unknown_function", "wrong_key", "duplicate_record", "refused", "output_room",
      "client_range", "client_exists", "not_granted", "unknown_client", "client_needed",
      "forged_call", "stale_nonce", "unknown_reporter", "duplicate_report", "report_window",
      "count_mismatch", "multiset_mismatch",
  };
  // clang-format on
  static_assert(std::size(kNames) == static_cast<size_t>(kLastReason) + 1);
  const auto index = static_cast<size_t>(reason);
  return index < std::size(kNames) ? kNames[index] : "unknown";
}

}  // namespace themis::monitor
