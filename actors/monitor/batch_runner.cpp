#include "actors/monitor/batch_runner.hpp"

#include <algorithm>
#include <future>

namespace themis {

BatchRunner::BatchRunner(StateHost& host, std::span<const StateBatch> batches,
                         std::span<StateAnswers> answers, size_t answers_bytes_max)
    : host_(host), share_bytes_max_(answers_bytes_max / host.threads()) {
  for (size_t i = 0; i < batches.size(); ++i)
    work_.push_back(
        {batches[i].calls(), &answers[i], host.thread_of(batches[i]), batches[i].bytes().size()});
}

bool BatchRunner::run() {
  while (next_ < work_.size()) {
    const std::span left = std::span(work_).subspan(next_);
    if (!left[0].thread) {
      if (!run_alone(left[0])) return false;
      ++next_;
      continue;
    }
    const auto end = std::ranges::find_if(left, [](const Work& each) { return !each.thread; });
    const auto count = static_cast<size_t>(end - left.begin());
    if (!run_shares(left.first(count))) return false;
    next_ += count;
  }
  return true;
}

bool BatchRunner::run_alone(Work& work) {
  host_.run(work.calls, *work.answers);
  return work.calls.done();
}

bool BatchRunner::run_shares(std::span<Work> work) {
  std::vector<Share> shares(host_.threads());
  for (Work& each : work) shares[*each.thread].push_back(&each);
  std::erase_if(shares, [](const Share& share) { return share.empty(); });
  std::vector<Share*> here{&shares[0]};
  std::vector<std::future<bool>> beside;  // waits for them when it ends
  for (Share& share : std::span(shares).subspan(1)) {
    size_t bytes = 0;
    for (const Work* each : share) bytes += each->bytes;
    if (bytes < kParallelBytesMin) {
      here.push_back(&share);
    } else {
      beside.push_back(std::async(std::launch::async, [this, &share] { return run_share(share); }));
    }
  }
  bool all_ran = true;
  for (const Share* share : here) all_ran = run_share(*share) && all_ran;
  for (std::future<bool>& each : beside) all_ran = each.get() && all_ran;
  return all_ran;
}

/// In their order, until the thread's part of the commit is full.
bool BatchRunner::run_share(const Share& share) const {
  size_t bytes = 0;
  for (Work* each : share) {
    if (bytes >= share_bytes_max_) break;
    if (!each->calls.done()) host_.run(each->calls, *each->answers);
    if (!each->calls.done()) return false;
    bytes += each->answers->bytes().size();
  }
  return true;
}

}  // namespace themis
