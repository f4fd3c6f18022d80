#pragma once
// The trusted side of verified state: the monitors of one instance and the aggregator of their
// epochs, all for one.

#include <map>

#include "actors/monitor/monitor_actor.hpp"
#include "actors/placement/kinds.hpp"
#include "actors/system/hosted_actor.hpp"
#include "enclave/monitor/aggregator.hpp"

namespace themis {

/// Epochs that may be waited for at a time; a host waits for each once.
inline constexpr size_t kEpochsAwaitedMax = 64;

/// OpenMonitors makes a new instance, once: the actor is that instance, and ends when one of its
/// monitors does. Passes MonitorBatch on, answers AwaitEpoch when the epoch is certified. After the
/// first violation everything is answered with Code::forged, for good.
class EpochActor final : public PinnedActor {
 public:
  using PinnedActor::PinnedActor;
  const char* name() const override { return "epochs"; }
  void on_exit() override;

 private:
  caf::behavior make_behavior() override;
  caf::result<MonitorsOpenedMsg> open(const OpenMonitorsMsg& message);
  caf::result<VerifiedMsg> pass_on(const MonitorBatchMsg& message);
  caf::result<EpochCertifiedMsg> await(const AwaitEpochMsg& message);
  void answer_waiting();

  std::vector<caf::actor> monitors_;
  std::optional<monitor::Aggregator<>> aggregator_;
  std::multimap<uint32_t, caf::typed_response_promise<EpochCertifiedMsg>> waiting_;
};

/// The kind "monitors": an EpochActor.
Kinds state_kinds();

}  // namespace themis
