#pragma once
// seal::TrustedSide where the trusted side is an actor, in another process or in this one.

#include <caf/actor.hpp>
#include <memory>
#include <mutex>

#include "actors/monitor/monitor_codec.hpp"
#include "enclave/sandbox/shared_memory.hpp"

namespace themis {

/// Batches that may be with the monitors: enough to keep the threads busy while the next ones are
/// written, few enough that those in messages are 4 MB. Shared memory holds no more than its rings.
inline constexpr size_t kBatchesAheadMax = 16;

struct RemoteMonitorsOptions {
  MonitorShape shape;
  /// For one answer. Then the monitors are given up: who does not let them run could starve all
  /// that wait.
  Duration answer_max;
  /// What this process and the monitors' have in common; null: batches travel in messages.
  sandbox::SharedMemoryPtr memory;
};

/// Sends batches without waiting, and waits where the store has to know: in start(), started(),
/// seal(), checkpoint() and confirm(), which also say what was wrong with a batch before them.
/// Keeps the sealed counter for the trusted side, which has no files: confirm() raises it first.
/// Errors of its own: unavailable (the process ended), timeout (answer_max). Blocks: for a thread
/// of its own, never a reactor's or the pool's.
class RemoteMonitors final : public seal::TrustedSide, public seal::ClientDesk {
 public:
  /// `monitors`: a MonitorsActor. `key` and `counter` are borrowed for the object's life.
  RemoteMonitors(caf::actor_system& system, caf::actor monitors,
                 const RemoteMonitorsOptions& options, const seal::SealingKey& key,
                 seal::SealedCounter& counter);
  ~RemoteMonitors() override;

  Status start(ByteView sealed) override;
  Status started() override;
  Status apply(uint16_t thread, ByteView batch) override;
  /// After started(), wrong epochs are told by the next call that waits.
  Status certify() override;
  Result<Bytes> seal() override { return seal(false); }
  Result<Bytes> checkpoint() override { return seal(true); }
  Result<seal::Released> confirm() override;
  Result<seal::Released> release() override { return released(std::nullopt); }
  std::optional<uint32_t> certified() const override { return certified_; }
  const monitor::InstanceId& instance() const override { return run_.instance.id; }

  seal::ClientDesk* clients() override { return this; }
  const receipts::Instance& describe() const override { return run_.instance; }
  /// Of its own also: overloaded (kStateClientsMax).
  Status register_client(uint16_t thread, const seal::ClientEntry& client) override;
  /// One question for each call of a client, none for others. False also when the monitors cannot
  /// be asked; the next call that waits tells why.
  bool admits(uint16_t thread, const receipts::Caller& caller, ByteView body) override;

  /// What a monitor refused, which is more than a store that does not fit.
  const std::optional<Error>& violation() const { return violation_; }
  uint64_t batches() const { return batches_; }

 private:
  struct Pending;
  template <class Answer, class Question>
  Result<Answer> ask(const Question& question);
  /// `ring`: of the thread whose batch it names.
  template <class Question>
  Status send(const Question& question, RingWriter* ring = nullptr);
  /// Until at most `left` of what was sent are without their answer.
  Status wait(size_t left);
  Result<Bytes> seal(bool checkpoint);
  Result<seal::Released> released(const std::optional<seal::CounterValue>& written);
  Error noted(Error error);

  const RemoteMonitorsOptions options_;
  const seal::SealingKey& key_;
  seal::SealedCounter& counter_;
  std::unique_ptr<Pending> pending_;
  MonitorsRun run_;
  std::optional<Error> lost_;  ///< What admits() could not tell.
  std::optional<uint32_t> certified_;
  seal::CounterValue sealed_;  ///< What the last seal() gave, or the store had at its start.
  std::optional<Error> violation_;
  uint64_t batches_ = 0;
  BatchMemory memory_;
  std::vector<RingWriter> rings_;  ///< By thread; none without memory.
  std::mutex applying_;            ///< apply() has one sender for all threads.
};

}  // namespace themis
