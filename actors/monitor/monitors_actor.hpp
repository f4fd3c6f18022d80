#pragma once
// The trusted side of verified state: the monitors of one store, their aggregator and the seal over
// both, as one actor that a host asks.

#include <deque>
#include <functional>

#include "actors/monitor/monitor_actor.hpp"
#include "actors/placement/kinds.hpp"
#include "actors/system/owed.hpp"
#include "enclave/sandbox/shared_memory.hpp"

namespace themis {

/// Questions that may wait for batches before them. A host waits for each but batches, of which it
/// sends kBatchesAheadMax ahead.
inline constexpr size_t kMonitorTasksMax = 256;

/// seal::TrustedSide for a host in another process: StartMonitors makes it, once, and the other
/// messages of state.capnp ask it in its order; who keeps another order is refused. Batches of
/// different threads run beside each other, everything else alone. After the first failure
/// everything is answered with that, for good. Ends when one of its monitors does. On the pool.
class MonitorsActor final : public PoolActor {
 public:
  /// `memory`: what this process and the host's have in common, or null.
  explicit MonitorsActor(caf::actor_config& config, sandbox::SharedMemoryPtr memory = nullptr)
      : PoolActor(config), memory_(std::move(memory)) {}
  const char* name() const override { return "monitors"; }
  void on_exit() override;

 private:
  enum class Phase : uint8_t { fresh, replaying, running, sealed };
  struct Task {
    bool is_batch = false;
    std::function<void()> run;
    caf::response_promise promise;
  };

  caf::behavior make_behavior() override;
  caf::result<MonitorsStartedMsg> start(const StartMonitorsMsg& message);
  caf::result<DoneMsg> verify(const MonitorBatchMsg& message);
  Result<CertifiedMsg> finish_replay();
  Result<CertifiedMsg> certify();
  Result<SealedStateMsg> seal(const SealStateMsg& message);
  Result<ReleasedMsg> confirm(const ConfirmStateMsg& message);
  Result<DoneMsg> register_client(const RegisterClientMsg& message);
  Result<CallAdmittedMsg> admit(const AdmitCallMsg& message);

  /// Runs when all before it has; `run` once, with nothing beside it. Its error is for good, unless
  /// it is of a client: those end nothing.
  enum class Errors : uint8_t { for_good, of_clients };
  template <class Answer>
  caf::result<Answer> alone(std::function<Result<Answer>()> run, Errors errors = Errors::for_good);
  Status add(Task task);
  void run_tasks();
  void run_batch(uint16_t thread, const MonitorBatchMsg& message,
                 caf::typed_response_promise<DoneMsg> promise);
  /// The order that TrustedSide asks for.
  Status expect(std::initializer_list<Phase> phases) const;

  const sandbox::SharedMemoryPtr memory_;
  std::unique_ptr<TrustedState> trusted_;
  std::vector<caf::actor> monitors_;
  Phase phase_ = Phase::fresh;
  std::optional<Error> failure_;
  std::deque<Task> tasks_;
  size_t applying_ = 0;
  Owed batches_;  ///< Those that monitors run: an end of this actor answers them, too.
};

/// The kind "monitors": a MonitorsActor. `memory`: see there; borrowed by one of them at a time.
Kinds state_kinds(sandbox::SharedMemoryPtr memory = nullptr);

}  // namespace themis
