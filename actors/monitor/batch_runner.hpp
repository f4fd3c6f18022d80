#pragma once
// Runs batches of calls on as many threads as they have monitor threads.

#include "actors/monitor/state_host.hpp"

namespace themis {

/// Batches that are all of one namespace run beside those of other monitor threads, in their order
/// on each; a batch of several namespaces runs alone, after those before it and before those after
/// it. A share of less than kParallelBytesMin is not worth a thread. Blocks; one thread.
///
/// No actors: the monitor threads, which are, verify on the trusted side what is only predicted
/// here, within one message to the keeper. A thread lives for one run() and has nothing of its own:
/// there is no queue to bound and nothing to supervise. Actors on the pool would take its two
/// threads from all others there while the keeper blocks for them. What a share throws (no memory)
/// is thrown by run(), when all have ended.
class BatchRunner {
 public:
  static constexpr size_t kParallelBytesMin = 32 * 1024;

  /// All are borrowed for the object's life. `answers`: by batch. `answers_bytes_max`: of all
  /// together, in equal parts by monitor thread; calls of what comes after are left out.
  BatchRunner(StateHost& host, std::span<const StateBatch> batches, std::span<StateAnswers> answers,
              size_t answers_bytes_max);

  /// True when all have run; else a commit is due, and run() goes on after it.
  bool run();

 private:
  struct Work {
    StateCallReader calls;
    StateAnswers* answers;
    std::optional<uint16_t> thread;
    size_t bytes;
  };
  using Share = std::vector<Work*>;

  bool run_alone(Work& work);
  bool run_shares(std::span<Work> work);
  bool run_share(const Share& share) const;

  StateHost& host_;
  std::vector<Work> work_;
  size_t next_ = 0;  ///< All before it have run.
  size_t share_bytes_max_;
};

}  // namespace themis
