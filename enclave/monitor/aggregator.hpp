#pragma once
// Certifies epochs: one after the other, each when all threads have reported and the sums agree.

#include <optional>

#include "enclave/monitor/epochs.hpp"
#include "enclave/monitor/reason.hpp"

namespace themis::monitor {

/// One word holds who has reported.
constexpr uint16_t kThreadsMax = 64;
/// Epochs that reports may be ahead of the last certified one: the threads' window, twice.
constexpr uint32_t kEpochsReported = 2 * kEpochsOpen;

/// Collects all threads' reports; certifies nothing after a violation. No keys or heap. One thread.
template <class Checks = AllChecks>
class Aggregator {
 public:
  /// `threads`: 1 to 64. `first`: the epoch to certify first.
  explicit Aggregator(uint16_t threads, uint32_t first = 0) : threads_(threads), next_(first) {
    THEMIS_ASSERT(threads >= 1 && threads <= kThreadsMax, "1 to 64 monitor threads");
  }

  /// False when this report, or an earlier one, is a violation.
  bool accept(const EpochReport& report) {
    if (violation_) return false;
    if (report.thread >= threads_) return latch(Reason::unknown_reporter, report.epoch);
    if (!Checks::holds(Reason::duplicate_report, report.epoch >= next_))
      return latch(Reason::duplicate_report, report.epoch);
    if (!Checks::holds(Reason::report_window, report.epoch - next_ < kEpochsReported))
      return latch(Reason::report_window, report.epoch);
    Epoch& at = ring_[report.epoch % kEpochsReported];
    const uint64_t bit = uint64_t{1} << report.thread;
    if (!Checks::holds(Reason::duplicate_report, (at.reported & bit) == 0))
      return latch(Reason::duplicate_report, report.epoch);
    at.reported |= bit;
    merge(at.added, report.added);
    merge(at.evicted, report.evicted);
    return certify();
  }
  /// A monitor thread refused: all threads' certification ends with it.
  void fail(const Violation& violation) {
    if (!violation_) violation_ = violation;
  }

  /// The last certified epoch: everything run in it and before was sequentially consistent.
  std::optional<uint32_t> certified() const {
    return next_ == 0 ? std::nullopt : std::optional(next_ - 1);
  }
  const Violation& violation() const { return violation_; }

 private:
  struct Epoch {
    uint64_t reported = 0;
    Accumulator added, evicted;
  };

  /// Counts cannot wrap: 2^64 evictions of one epoch need 2^32 threads.
  static void merge(Accumulator& into, const Accumulator& from) {
    into.sum[0] ^= from.sum[0];
    into.sum[1] ^= from.sum[1];
    into.count += from.count;
  }
  bool certify() {
    const uint64_t all = ~uint64_t{0} >> (64 - threads_);
    for (uint32_t i = 0; i < kEpochsReported; ++i) {
      Epoch& at = ring_[next_ % kEpochsReported];
      if (at.reported != all) return true;
      if (!Checks::holds(Reason::count_mismatch, at.added.count == at.evicted.count))
        return latch(Reason::count_mismatch, next_);
      if (!Checks::holds(Reason::multiset_mismatch, at.added.sum == at.evicted.sum))
        return latch(Reason::multiset_mismatch, next_);
      at = Epoch{};
      ++next_;
    }
    return true;
  }
  bool latch(Reason reason, uint32_t epoch) {
    violation_ = {reason, 0, epoch, 0};
    return false;
  }

  uint16_t threads_;
  uint32_t next_;  // the epoch to certify
  std::array<Epoch, kEpochsReported> ring_{};
  Violation violation_;
};

}  // namespace themis::monitor
