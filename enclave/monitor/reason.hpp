#pragma once
// Why a monitor refused: every check by name, and the place of the first one that failed.

#include <cstdint>
#include <string_view>

namespace themis::monitor {

enum class Reason : uint8_t {
  none = 0,
  malformed,        ///< Bytes that follow no command, or a second encoding of one.
  wrong_instance,   ///< A batch for another run of the monitors.
  wrong_thread,     ///< A batch for another monitor thread.
  out_of_sequence,  ///< A batch that was repeated, left out or moved.
  slot_range,       ///< No such slot, or one of the other kind.
  slot_occupied,    ///< Something is there already.
  slot_empty,       ///< Nothing is there.
  same_slot,        ///< A node cannot be its own parent.
  not_below,        ///< The key is no descendant of the parent's.
  not_initial,   ///< A key that was never written must come as absent, or as a node without edges.
  wrong_hash,    ///< Not the value that the parent's edge vouches for.
  in_deferred,   ///< The edge says that the current copy is in the deferred set.
  child_cached,  ///< A slot holds a child on that side already.
  not_ancestor,  ///< A node put into an edge must be an ancestor of what the edge led to.
  children_cached,    ///< A node leaves after the children that are in slots.
  wrong_edge,         ///< The parent's edge does not lead to this key.
  wrong_parent,       ///< Not the slot under which it was added.
  wrong_method,       ///< Added the other way.
  root_moved,         ///< The root stays where it is.
  epoch_closed,       ///< The epoch was verified before.
  epoch_window,       ///< The epoch is too far ahead.
  counter_overflow,   ///< No time is left in the epoch.
  evict_order,        ///< Evictions of a thread rise in (time, key).
  epoch_overflow,     ///< The last epoch.
  epoch_running,      ///< The thread's clock is still in the epoch to verify.
  reports_pending,    ///< Reports of verified epochs were not taken.
  restored,           ///< The list was restored before.
  unknown_function,   ///< The application has no such function, or not with this many records.
  wrong_key,          ///< The slot holds another key.
  duplicate_record,   ///< One record named twice.
  refused,            ///< The function does not hold on these records.
  output_room,        ///< No room for the result.
  client_range,       ///< No such place in the table of clients.
  client_exists,      ///< Somebody is registered there already.
  not_granted,        ///< The owner did not let this client in, or its share is no key.
  unknown_client,     ///< Nobody is registered there.
  client_needed,      ///< The instance runs no call without a client.
  forged_call,        ///< The client did not make this call.
  stale_nonce,        ///< The call was run before, or a later one was.
  unknown_reporter,   ///< A report of a thread that does not exist.
  duplicate_report,   ///< A second report of the same epoch by one thread.
  report_window,      ///< A report too far ahead of the last certified epoch.
  count_mismatch,     ///< Not as many added as evicted.
  multiset_mismatch,  ///< As many, but not the same.
};
constexpr Reason kLastReason = Reason::multiset_mismatch;

/// The reason as in the enum.
std::string_view name(Reason reason);

/// The first failed check, which is kept for good.
struct Violation {
  Reason reason = Reason::none;
  uint16_t thread = 0;
  uint64_t batch = 0;   ///< Its sequence number; for the aggregator the epoch.
  uint32_t offset = 0;  ///< Bytes from the start of the batch to the command; 0: the header.
  explicit operator bool() const { return reason != Reason::none; }
  friend bool operator==(const Violation&, const Violation&) = default;
};

/// How the product runs: every check holds. A test may drop one, to show what it is there for.
struct AllChecks {
  static constexpr bool holds(Reason, bool condition) { return condition; }
};

}  // namespace themis::monitor
