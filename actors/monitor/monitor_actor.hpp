#pragma once
// One thread of the verifier as an actor. The one place that talks to a Monitor.

#include "actors/monitor/monitor_codec.hpp"
#include "actors/monitor/state_host.hpp"
#include "actors/system/message_types.hpp"
#include "actors/system/pool_actor.hpp"
#include "enclave/applications/state_store.hpp"
#include "enclave/monitor/monitor.hpp"

namespace themis {

// What a monitor tells the epochs' actor, in its own process: no schema, so nobody outside can say
// it.
struct ThreadReport {
  monitor::EpochReport report;
};
struct ThreadRefused {
  monitor::Violation violation;
};

/// "a monitor refused: wrong_hash (thread 0, batch 17, byte 312)".
Error violation_error(const monitor::Violation& violation);

/// Answers MonitorBatch with Verified, or with Code::forged once a command was wrong. On the pool:
/// a batch takes milliseconds.
class MonitorActor final : public PoolActor {
 public:
  MonitorActor(caf::actor_config& config, const monitor::MonitorOptions& options,
               const std::shared_ptr<const monitor::MasterKey>& key, caf::actor_addr epochs);
  const char* name() const override { return "monitor"; }

 private:
  caf::behavior make_behavior() override;
  caf::result<VerifiedMsg> verify(const MonitorBatchMsg& message);

  monitor::Monitor<monitor::StateStore> monitor_;
  const caf::actor_addr epochs_;
  Bytes results_;
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::ThreadReport)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::ThreadRefused)
