#include "actors/monitor/epoch_actor.hpp"

#include <caf/all.hpp>

#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"
#include "runtime/base/rng.hpp"

namespace themis {

caf::behavior EpochActor::make_behavior() {
  set_default_handlers(*this);
  set_down_handler([this](const caf::down_msg&) {
    quit(to_caf({Code::internal, "a monitor ended: so do the others"}));
  });
  return {[this](const OpenMonitorsMsg& message) { return open(message); },
          [this](const MonitorBatchMsg& message) { return pass_on(message); },
          [this](const AwaitEpochMsg& message) { return await(message); },
          [this](const ThreadReport& told) {
            aggregator_->accept(told.report);
            answer_waiting();
          },
          [this](const ThreadRefused& told) {
            aggregator_->fail(told.violation);
            answer_waiting();
          }};
}

void EpochActor::on_exit() {
  for (const caf::actor& each : std::exchange(monitors_, {}))
    caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
  const Error ended{Code::unavailable, "the monitors ended"};
  for (auto& [epoch, promise] : std::exchange(waiting_, {})) promise.deliver(to_caf(ended));
}

caf::result<MonitorsOpenedMsg> EpochActor::open(const OpenMonitorsMsg& message) {
  if (aggregator_) return to_caf({Code::exists, "these monitors are open already"});
  const Result<MonitorShape> shape = decode_open(message);
  if (!shape) return to_caf(shape.error());
  SystemRng rng;
  monitor::MonitorOptions options;
  rng.fill(options.instance);
  options.node_slots = shape->node_slots;
  options.record_slots = shape->record_slots;
  options.calls_without_client = true;
  const auto key = std::make_shared<const monitor::MasterKey>(rng);
  aggregator_.emplace(shape->threads);
  for (uint16_t thread = 0; thread < shape->threads; ++thread) {
    options.thread = thread;
    monitors_.push_back(
        caf::actor_cast<caf::actor>(system().spawn<MonitorActor>(options, key, address())));
    monitor(monitors_.back());
  }
  return encode_opened(options.instance);
}

caf::result<VerifiedMsg> EpochActor::pass_on(const MonitorBatchMsg& message) {
  if (!aggregator_) return to_caf({Code::invalid, "open the monitors first"});
  if (aggregator_->violation()) return to_caf(violation_error(aggregator_->violation()));
  const Result<uint16_t> thread = decode_batch_thread(message);
  if (!thread) return to_caf(thread.error());
  if (*thread >= monitors_.size()) return to_caf({Code::invalid, "no such monitor thread"});
  delegate(monitors_[*thread], message);
  return caf::delegated<VerifiedMsg>{};
}

caf::result<EpochCertifiedMsg> EpochActor::await(const AwaitEpochMsg& message) {
  if (!aggregator_) return to_caf({Code::invalid, "open the monitors first"});
  const Result<uint32_t> epoch = decode_await(message);
  if (!epoch) return to_caf(epoch.error());
  if (waiting_.size() >= kEpochsAwaitedMax)
    return to_caf({Code::overloaded, "too many epochs are waited for"});
  waiting_.emplace(*epoch, make_response_promise<EpochCertifiedMsg>());
  answer_waiting();
  return caf::delegated<EpochCertifiedMsg>{};
}

void EpochActor::answer_waiting() {
  const auto certified = aggregator_->certified();
  for (auto at = waiting_.begin(); at != waiting_.end(); at = waiting_.erase(at)) {
    if (aggregator_->violation()) {
      at->second.deliver(to_caf(violation_error(aggregator_->violation())));
    } else if (certified && at->first <= *certified) {
      at->second.deliver(encode_certified(*certified));
    } else {
      return;
    }
  }
}

Kinds state_kinds() {
  Kinds kinds;
  kinds.emplace("monitors", [](Reactor& reactor, const std::string&) -> Result<caf::actor> {
    return spawn_pinned<EpochActor>(reactor);
  });
  return kinds;
}

}  // namespace themis
