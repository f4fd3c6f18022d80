#pragma once
// One thread of the verifier as an actor.

#include "actors/monitor/monitor_codec.hpp"
#include "actors/system/message_types.hpp"
#include "actors/system/pool_actor.hpp"
#include "enclave/applications/state_store.hpp"
#include "enclave/seal/sealed_monitors.hpp"
#include "runtime/base/rng.hpp"

namespace themis {

/// The sealed counter of a trusted side without files: the node keeps it, and says when it has
/// written it. How far that node is trusted: enclave/README.md.
class ToldCounter final : public seal::SealedCounter {
 public:
  explicit ToldCounter(const seal::CounterValue& value) : value_(value) {}
  /// The next raise() has to be to this.
  void expect(const seal::CounterValue& written) { expected_ = written; }
  Result<seal::CounterValue> value() override { return value_; }
  Status raise(const seal::CounterValue& to) override {
    if (expected_ && to != *expected_)
      return fail(Code::invalid, "the node's counter names another sealed state");
    value_ = to;
    return {};
  }

 private:
  seal::CounterValue value_;
  std::optional<seal::CounterValue> expected_;
};

/// What the threads share. MonitorsActor sees to it that nothing else runs beside apply().
struct TrustedState {
  TrustedState(MonitorsStart from, const BatchMemory& shared)
      : memory(shared),
        key(std::move(from.key)),
        counter(from.counter),
        monitors(
            {from.shape.threads, from.shape.node_slots, from.shape.record_slots, kStateClientsMax},
            key, counter, rng) {}
  const BatchMemory memory;
  seal::SealingKey key;
  ToldCounter counter;
  SystemRng rng;
  seal::SealedMonitors<monitor::StateStore> monitors;
};

/// Answers MonitorBatch of its thread with Ack, or with Code::forged once a command was wrong. On
/// the pool: a batch takes milliseconds.
class MonitorActor final : public PoolActor {
 public:
  /// `trusted` is a member of `owner`, which lives as long as somebody holds it.
  MonitorActor(caf::actor_config& config, uint16_t thread, TrustedState& trusted, caf::actor owner);
  const char* name() const override { return "monitor"; }
  void on_exit() override { owner_ = nullptr; }

 private:
  caf::behavior make_behavior() override;
  caf::result<DoneMsg> verify(const MonitorBatchMsg& message);

  const uint16_t thread_;
  TrustedState& trusted_;
  caf::actor owner_;
};

}  // namespace themis
