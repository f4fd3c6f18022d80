#include "actors/monitor/monitors_actor.hpp"

#include <algorithm>
#include <caf/all.hpp>

#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"

namespace themis {

caf::behavior MonitorsActor::make_behavior() {
  set_default_handlers(*this);
  set_down_handler([this](const caf::down_msg&) {
    quit(to_caf({Code::internal, "a monitor ended: so do the others"}));
  });
  return {
      [this](const StartMonitorsMsg& message) { return start(message); },
      [this](const MonitorBatchMsg& message) { return verify(message); },
      [this](const FinishReplayMsg&) {
        return alone<CertifiedMsg>([this] { return finish_replay(); });
      },
      [this](const CertifyEpochsMsg&) { return alone<CertifiedMsg>([this] { return certify(); }); },
      [this](const SealStateMsg& message) {
        return alone<SealedStateMsg>([this, message] { return seal(message); });
      },
      [this](const ConfirmStateMsg& message) {
        return alone<ReleasedMsg>([this, message] { return confirm(message); });
      },
      [this](const RegisterClientMsg& message) {
        return alone<DoneMsg>([this, message] { return register_client(message); },
                              Errors::of_clients);
      },
      [this](const AdmitCallMsg& message) {
        return alone<CallAdmittedMsg>([this, message] { return admit(message); },
                                      Errors::of_clients);
      }};
}

void MonitorsActor::on_exit() {
  for (const caf::actor& each : std::exchange(monitors_, {}))
    caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
  const Error ended{Code::unavailable, "the monitors ended"};
  for (Task& task : std::exchange(tasks_, {})) task.promise.deliver(to_caf(ended));
  batches_.refuse_all(ended);
}

caf::result<MonitorsStartedMsg> MonitorsActor::start(const StartMonitorsMsg& message) {
  if (trusted_) return to_caf({Code::exists, "these monitors are started already"});
  Result<MonitorsStart> from = decode_start(message);
  if (!from) return to_caf(from.error());
  const Bytes sealed = std::move(from->sealed);
  const uint16_t threads = from->shape.threads;
  const auto memory =
      BatchMemory::over(memory_ ? memory_->bytes() : std::span<std::byte>(), threads);
  if (!memory) return to_caf(memory.error());
  trusted_ = std::make_unique<TrustedState>(std::move(*from), *memory);
  if (const Status started = trusted_->monitors.start(sealed); !started) {
    failure_ = started.error();
    return to_caf(*failure_);
  }
  for (uint16_t thread = 0; thread < threads; ++thread) {
    monitors_.push_back(caf::actor_cast<caf::actor>(
        system().spawn<MonitorActor>(thread, std::ref(*trusted_), caf::actor(this))));
    monitor(monitors_.back());
  }
  phase_ = Phase::replaying;
  const bool clients_only = !trusted_->monitors.admits(0, {}, {});
  return encode_started({trusted_->monitors.describe(), clients_only});
}

Status MonitorsActor::expect(std::initializer_list<Phase> phases) const {
  if (failure_) return fail(*failure_);
  if (std::ranges::find(phases, phase_) == phases.end())
    return fail(Code::invalid, "the monitors are asked in a wrong order");
  return {};
}

Status MonitorsActor::add(Task task) {
  if (tasks_.size() >= kMonitorTasksMax)
    return fail(Code::overloaded, "too many questions wait for the monitors");
  tasks_.push_back(std::move(task));
  run_tasks();
  return {};
}

void MonitorsActor::run_tasks() {
  while (!tasks_.empty() && (tasks_.front().is_batch || applying_ == 0)) {
    const Task task = std::move(tasks_.front());
    tasks_.pop_front();
    task.run();
  }
}

template <class Answer>
caf::result<Answer> MonitorsActor::alone(std::function<Result<Answer>()> run, Errors errors) {
  auto promise = make_response_promise<Answer>();
  const auto deliver = [this, promise, errors, run = std::move(run)]() mutable {
    const Result<Answer> answer = run();
    if (answer) return void(promise.deliver(*answer));
    if (!failure_ && errors == Errors::for_good) failure_ = answer.error();
    promise.deliver(to_caf(answer.error()));
  };
  const Status added = add({false, deliver, promise});
  if (!added) promise.deliver(to_caf(added.error()));
  return caf::delegated<Answer>{};
}

caf::result<DoneMsg> MonitorsActor::verify(const MonitorBatchMsg& message) {
  if (!trusted_) return to_caf(expect({}).error());
  const Result<MonitorBatch> batch = decode_batch(message, trusted_->memory);
  if (!batch) return to_caf(batch.error());
  if (batch->thread >= monitors_.size()) return to_caf({Code::invalid, "no such monitor thread"});
  auto promise = make_response_promise<DoneMsg>();
  const auto run = [this, thread = batch->thread, message, promise] {
    run_batch(thread, message, promise);
  };
  const Status added = add({true, run, promise});
  if (!added) promise.deliver(to_caf(added.error()));
  return caf::delegated<DoneMsg>{};
}

void MonitorsActor::run_batch(uint16_t thread, const MonitorBatchMsg& message,
                              caf::typed_response_promise<DoneMsg> promise) {
  const Status expected = expect({Phase::replaying, Phase::running});
  if (!expected) return void(promise.deliver(to_caf(expected.error())));
  ++applying_;
  const uint64_t owed = batches_.add(promise);
  request(monitors_[thread], caf::infinite, message)
      .then(
          [this, owed](const DoneMsg& answer) {
            --applying_;
            batches_.take(owed).deliver(answer);
            run_tasks();
          },
          [this, owed](const caf::error& error) {
            --applying_;
            if (!failure_) failure_ = from_caf(error);
            batches_.take(owed).deliver(error);
            run_tasks();
          });
}

Result<CertifiedMsg> MonitorsActor::finish_replay() {
  THEMIS_CHECK(expect({Phase::replaying}));
  THEMIS_CHECK(trusted_->monitors.started());
  phase_ = Phase::running;
  return encode_certified(trusted_->monitors.certified());
}

Result<CertifiedMsg> MonitorsActor::certify() {
  THEMIS_CHECK(expect({Phase::replaying, Phase::running}));
  THEMIS_CHECK(trusted_->monitors.certify());
  return encode_certified(trusted_->monitors.certified());
}

Result<SealedStateMsg> MonitorsActor::seal(const SealStateMsg& message) {
  THEMIS_CHECK(expect({Phase::running}));
  THEMIS_TRY(const bool checkpoint,
             wire::decode(message, [](const schema::SealState::Reader& ask) -> Result<bool> {
               return ask.getCheckpoint();
             }));
  const Result<Bytes> sealed =
      checkpoint ? trusted_->monitors.checkpoint() : trusted_->monitors.seal();
  if (!sealed) return fail(sealed.error());
  phase_ = Phase::sealed;
  return encode_sealed(*sealed);
}

Result<ReleasedMsg> MonitorsActor::confirm(const ConfirmStateMsg& message) {
  THEMIS_TRY(const std::optional<seal::CounterValue> written, decode_confirm(message));
  THEMIS_CHECK(expect({written ? Phase::sealed : Phase::running}));
  if (written) trusted_->counter.expect(*written);
  THEMIS_TRY(const seal::Released released,
             written ? trusted_->monitors.confirm() : trusted_->monitors.release());
  phase_ = Phase::running;
  return encode_released(released, trusted_->memory);
}

Result<DoneMsg> MonitorsActor::register_client(const RegisterClientMsg& message) {
  THEMIS_CHECK(expect({Phase::running}));
  THEMIS_TRY(const Registration asked, decode_register(message));
  THEMIS_CHECK(trusted_->monitors.register_client(asked.thread, asked.client));
  return wire::Builder<schema::Ack>(2).finish();
}

Result<CallAdmittedMsg> MonitorsActor::admit(const AdmitCallMsg& message) {
  THEMIS_CHECK(expect({Phase::running}));
  THEMIS_TRY(const ClientCall call, decode_admit(message));
  if (call.thread >= monitors_.size()) return fail(Code::invalid, "no such monitor thread");
  return encode_admitted(trusted_->monitors.admits(call.thread, call.caller, call.body));
}

Kinds state_kinds(sandbox::SharedMemoryPtr memory) {
  Kinds kinds;
  kinds.emplace(
      "monitors",
      [memory = std::move(memory)](Reactor& reactor, const std::string&) -> Result<caf::actor> {
        return caf::actor_cast<caf::actor>(reactor.system().spawn<MonitorsActor>(memory));
      });
  return kinds;
}

}  // namespace themis
