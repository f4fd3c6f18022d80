#pragma once
// What stands between a host and real monitors.

#include <caf/all.hpp>

#include "actors/monitor/monitors_actor.hpp"
#include "actors/system/hosted_actor.hpp"

namespace themis::tests {

/// Passes on what the monitors are asked, but for what a test does itself. Ends them with it.
class BeforeMonitors : public PinnedActor {
 public:
  /// `memory`: as MonitorsActor.
  explicit BeforeMonitors(caf::actor_config& config, sandbox::SharedMemoryPtr memory = nullptr)
      : PinnedActor(config),
        monitors_(caf::actor_cast<caf::actor>(system().spawn<MonitorsActor>(std::move(memory)))) {}
  const char* name() const override { return "before-monitors"; }
  void on_exit() override {
    caf::anon_send_exit(monitors_, caf::exit_reason::user_shutdown);
    monitors_ = nullptr;
  }

 protected:
  /// `own`: a handler of one kind of message.
  template <class Own>
  caf::behavior but(Own own) {
    return caf::message_handler{std::move(own)}.or_else(
        pass_on<StartMonitorsMsg, FinishReplayMsg, CertifyEpochsMsg, SealStateMsg, ConfirmStateMsg,
                MonitorBatchMsg, RegisterClientMsg, AdmitCallMsg>());
  }
  caf::actor monitors_;

 private:
  template <class... Messages>
  caf::message_handler pass_on() {
    return {[this](const Messages& message) { return delegate(monitors_, message); }...};
  }
};

}  // namespace themis::tests
