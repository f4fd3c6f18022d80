#include "actors/services/function_service.hpp"

#include <algorithm>
#include <caf/all.hpp>

#include "actors/monitor/state_api.hpp"
#include "actors/peer/exports.hpp"
#include "actors/services/code_finder.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"
#include "rpc.capnp.h"
#include "runtime/base/log.hpp"
#include "runtime/js/engine.hpp"

namespace themis {
namespace {

/// How often parts look at what is due.
constexpr Duration kTick = 1s;
/// And whether calls still run, when the node ends.
constexpr Duration kDrainLook = 10ms;

const wire::Target kFunctionsTarget = Exports::target_of(kFunctionsActorName);

}  // namespace

FunctionService::FunctionService(caf::actor_config& config, FunctionServiceOptions options)
    : PinnedActor(config),
      options_(std::move(options)),
      context_{*this,         reactor_.loop(), options_.node,  options_.workers, {},
               options_.self, options_.limits, options_.alone, options_.router},
      guard_(options_.self.id, options_.routes, options_.rules) {}

caf::behavior FunctionService::make_behavior() {
  set_default_handlers(*this);
  if (const Status started = start(); !started) {
    log::error("functions", "cannot start: {}", started.error().text());
    quit(to_caf(started.error()));
    return {};
  }
  return behavior();
}

Status FunctionService::start() {
  THEMIS_TRY(FunctionStore store, FunctionStore::open(*options_.environment, options_.at_rest));
  context_.store = home_system().spawn<FunctionStoreActor>(std::move(store));
  monitor(context_.store);
  // Ends after its store: the environment is free then.
  set_down_handler(
      [this](const caf::down_msg& down) { quit(stopping_ ? *stopping_ : down.reason); });
  set_exit_handler([this](const caf::exit_msg& exit) {
    if (std::exchange(stopping_, exit.reason)) return;
    drained_by_ = reactor_.loop().now() + options_.drain_max;
    drain();
  });
  // Nothing else is taken until it is known what was here before.
  request(context_.store, caf::infinite, LoadInventory{})
      .await(
          [this](const FunctionStore::Inventory& all) {
            host_.restore(all.hosted);
            deployer_.restore(all.deployed, all.attempted);
            options_.exports->add(kFunctionsActorName, caf::strong_actor_ptr{ctrl()});
            door_ = spawn_hosted<CanaryDoor>(reactor_, caf::actor(this));
            options_.exports->add(kCanariesActorName, door_.strong());
            alarms_.start(options_.gate);
            logs_.start(options_.logs);
            tick();
          },
          [this](const caf::error& error) {
            log::error("functions", "cannot start: {}", describe(error));
            quit(error);
          });
  return {};
}

void FunctionService::drain() {
  const auto end = [this] { caf::anon_send_exit(context_.store, caf::exit_reason::user_shutdown); };
  const Duration left = drained_by_ - reactor_.loop().now();
  if (!context_.workers || left <= Duration::zero()) return end();
  request(context_.workers, left, ReportWorkers{})
      .then(
          [this, end](const WorkersReport& report) {
            const bool is_busy = std::ranges::any_of(
                report.workers, [](const WorkerReport& each) { return each.in_flight > 0; });
            if (!is_busy) return end();
            drain_timer_ = reactor_.loop().after(kDrainLook, [this] { drain(); });
          },
          [end](const caf::error&) { end(); });
}

void FunctionService::on_exit() {
  reactor_.loop().cancel(drain_timer_);
  reactor_.loop().cancel(timer_);
  reactor_.loop().cancel(alarm_timer_);
  if (context_.store) caf::anon_send_exit(context_.store, caf::exit_reason::user_shutdown);
  deployer_.stop();
  host_.stop();
  actors_.stop();
  alarms_.stop();
  logs_.stop();
  meter_.stop();
  fetched_.refuse_all({Code::cancelled, "the function service ended"});
  const auto remove = [this](wire::Target target, const caf::actor_control_block* own) {
    const caf::strong_actor_ptr* exported = options_.exports->find(target);
    if (exported != nullptr && exported->get() == own) options_.exports->remove(target);
  };
  remove(kFunctionsTarget, ctrl());
  if (door_) {
    remove(Exports::target_of(kCanariesActorName), door_.strong().get());
    caf::anon_send_exit(door_.handle(), caf::exit_reason::user_shutdown);
    door_.reset();
  }
  // Those who ask each other must not keep each other alive.
  for (caf::actor* handle : {&options_.node, &options_.workers, &options_.router, &options_.gate,
                             &context_.node, &context_.workers, &context_.store, &context_.router})
    *handle = nullptr;
}

/// What callers say besides their calls.
caf::message_handler FunctionService::about_calls() {
  const auto locate = [this](const LocateMsg& message) -> caf::result<LocatedMsg> {
    const Result<std::string> name = decode_locate(message);
    if (!name) return to_caf(name.error());
    const Result<FunctionVersion> version = host_.version_of(*name);
    if (!version) return to_caf(version.error());
    return encode_located(*version);
  };
  const auto measure =
      [this](const MeasureFunctionsMsg& message) -> caf::result<FunctionsMeasuredMsg> {
    Result<std::vector<std::string>> names = decode_measure(message);
    if (!names) return to_caf(names.error());
    auto promise = make_response_promise<FunctionsMeasuredMsg>();
    meter_.measure(std::move(*names), promise);
    return promise;
  };
  return {locate, measure,
          [this](const CancelRequest& given_up) {
            if (context_.workers) send(context_.workers, given_up);
          },
          // A health check: who answers it takes calls.
          [this](const wire::Msg<schema::Echo>& check) -> caf::result<wire::Msg<schema::Echo>> {
            if (context_.workers) return check;
            return to_caf({Code::unavailable, "this node runs no functions"});
          }};
}

caf::message_handler FunctionService::about_actors() {
  return {[this](const CallOwnActor& ask) -> caf::result<OutcomeMsg> {
            auto promise = make_response_promise<OutcomeMsg>();
            actors_.call(ask.invoke, promise);
            return promise;
          },
          [this](const RunActor& ask) -> caf::result<OutcomeMsg> {
            auto promise = make_response_promise<OutcomeMsg>();
            actors_.run(ask.call, promise);
            return promise;
          },
          [this](const NoteAlarm& alarm) -> caf::result<void> {
            if (const Status noted = alarms_.note(alarm); !noted) return to_caf(noted.error());
            return caf::unit;
          }};
}

caf::message_handler FunctionService::about_versions() {
  return {
      [this](const CallCanary& call) { return invoke(call.invoke, true); },
      [this](const ReadLogMsg& message) { return read_log(message); },
      [this](const HostCanaryMsg& message) -> caf::result<AckMsg> {
        const Result<CanaryRow> canary = decode_host_canary(message);
        if (!canary) return to_caf(canary.error());
        const NodeId* peer = message.frame()->peer();
        auto promise = make_response_promise<AckMsg>();
        host_.host(canary->row, peer == nullptr ? std::nullopt : std::optional<NodeId>(*peer),
                   promise, canary->share);
        return promise;
      },
      [this](const EndCanary& order) -> caf::result<DeployedFunction> {
        auto promise = make_response_promise<DeployedFunction>();
        deployer_.end_canary(order, promise);
        return promise;
      },
      [this](const RollBack& order) -> caf::result<DeployedFunction> {
        auto promise = make_response_promise<DeployedFunction>();
        deployer_.roll_back(order, promise);
        return promise;
      },
      [this](const ListVersions& order) -> caf::result<VersionList> {
        auto promise = make_response_promise<VersionList>();
        deployer_.versions(order.name, promise);
        return promise;
      },
  };
}

/// What a function logs is for who deployed it.
caf::result<LogPageMsg> FunctionService::read_log(const ReadLogMsg& message) {
  const Result<ReadLog> order = decode_read_log(message);
  if (!order) return to_caf(order.error());
  const crypto::Digest* owner = host_.owner_of(order->function);
  if (owner == nullptr)
    return to_caf({Code::not_found, "\"" + order->function + "\" does not run here"});
  const wire::Frame& frame = *message.frame();
  const auto is_owner = [owner](const NodeId& id) { return id.bytes == *owner; };
  const NodeId& node = frame.peer() == nullptr ? context_.self.id : *frame.peer();
  if (!is_owner(node) && !std::ranges::any_of(frame.former(), is_owner))
    return to_caf({Code::denied, "the log is for the node that deployed the function"});
  auto promise = make_response_promise<LogPageMsg>();
  logs_.read(node, *order, promise);
  return promise;
}

FunctionCounts FunctionService::counts() const {
  return FunctionCounts{deployer_.count(),
                        host_.count(),
                        host_.installed(),
                        invoked_,
                        deployer_.placed(),
                        host_.fetched(),
                        guard_.counters().denied,
                        guard_.counters().limited,
                        woken_,
                        actors_.calls(),
                        alarms_.count(),
                        alarms_.rung(),
                        alarms_.failed()};
}

caf::behavior FunctionService::behavior() {
  return caf::message_handler{
      [this](const InvokeMsg& message) { return invoke(message); },
      [this](const HostMsg& message) -> caf::result<AckMsg> {
        const Result<HostedRow> row = decode_host(message);
        if (!row) return to_caf(row.error());
        const NodeId* peer = message.frame()->peer();
        auto promise = make_response_promise<AckMsg>();
        host_.host(*row, peer == nullptr ? std::nullopt : std::optional<NodeId>(*peer), promise);
        return promise;
      },
      [this](const UnhostMsg& message) -> caf::result<AckMsg> {
        const Result<UnhostOrder> order = decode_unhost(message);
        if (!order) return to_caf(order.error());
        auto promise = make_response_promise<AckMsg>();
        if (order->of_actors) {
          alarms_.ended(order->name, wall_ms());
          actors_.end(order->name, promise);
        } else {
          host_.unhost(order->of_canary ? canary_key(order->name) : order->name, promise);
        }
        return promise;
      },
      [this](const FetchCodeMsg& message) -> caf::result<CodeBlobMsg> {
        auto promise = make_response_promise<CodeBlobMsg>();
        send_code(message, promise);
        return promise;
      },
  }
      .or_else(about_calls())
      .or_else(about_actors())
      .or_else(about_versions())
      .or_else(
          [this](const DeployFunction& order) -> caf::result<DeployedFunction> {
            auto promise = make_response_promise<DeployedFunction>();
            deployer_.deploy(order, promise);
            return promise;
          },
          [this](const RemoveFunction& order) -> caf::result<caf::unit_t> {
            auto promise = make_response_promise<caf::unit_t>();
            deployer_.remove(order, promise);
            return promise;
          },
          [this](const EnsureFunction& order) -> caf::result<caf::unit_t> {
            auto promise = make_response_promise<caf::unit_t>();
            deployer_.ensure(order.name, promise);
            return promise;
          },
          [this](const EnsureCode& order) -> caf::result<caf::unit_t> {
            auto promise = make_response_promise<caf::unit_t>();
            deployer_.ensure(order.id, promise);
            return promise;
          },
          [this](const ListFunctions& order) { return deployer_.list(order.after); },
          [this](const DescribeFunction& order) -> caf::result<FunctionReport> {
            auto promise = make_response_promise<FunctionReport>();
            deployer_.describe(order.name, promise);
            return promise;
          },
          [this](const FindCode& wanted) { return find_code_for(wanted); },
          [this](const CountFunctions&) { return counts(); }, [this](caf::tick_atom) { tick(); });
}

void FunctionService::send_code(const FetchCodeMsg& message, caf::response_promise promise) {
  const Result<CodeId> id = decode_fetch(message);
  if (!id) return promise.deliver(to_caf(id.error()));
  const NodeId peer = message.frame()->peer() == nullptr ? NodeId() : *message.frame()->peer();
  size_t open = 0;
  for (const auto& [other, count] : fetches_) open += count;
  if (open >= kFetchesMax || (fetches_.contains(peer) && fetches_[peer] >= kFetchesPerPeerMax))
    return promise.deliver(to_caf({Code::overloaded, "too many codes are being sent; try again"}));
  ++fetches_[peer];
  const uint64_t owed = fetched_.add(std::move(promise));
  const auto answered = [this, peer, owed] {
    if (--fetches_[peer] == 0) fetches_.erase(peer);
    return fetched_.take(owed);
  };
  request(context_.store, caf::infinite, LoadCode{*id})
      .then([answered](const CodePtr& code) { answered().deliver(encode_code(*code)); },
            [answered](const caf::error& error) { answered().deliver(error); });
}

caf::result<CodePtr> FunctionService::find_code_for(const FindCode& wanted) {
  if (searches_ >= kFetchesMax)
    return to_caf({Code::overloaded, "too many codes are being looked for; try again"});
  ++searches_;
  auto promise = make_response_promise<CodePtr>();
  find_code(context_, wanted.id, std::nullopt,
            [this, promise](const Result<FoundCode>& found) mutable {
              --searches_;
              found ? promise.deliver(found->source) : promise.deliver(to_caf(found.error()));
            });
  return caf::delegated<CodePtr>{};
}

caf::result<caf::message> FunctionService::invoke(const InvokeMsg& message, bool of_canary) {
  if (stopping_) return to_caf({Code::not_hosted, "this node ends"});
  const Result<InvokeTarget> target = decode_target(message);
  if (!target) return to_caf(target.error());
  if (const Status admitted = admit(*message.frame(), *target); !admitted)
    return to_caf(admitted.error());
  if (target->is_actor) {
    auto promise = make_response_promise();
    actors_.call(message, promise);
    return promise;
  }
  const Result<FunctionHost::Place> place = host_.find(*target, of_canary);
  if (!place) return to_caf(place.error());
  ++invoked_;
  if (place->is_installed)
    return delegate(context_.workers, CallFunction{place->at_workers, message});
  auto promise = make_response_promise();
  wake(place->key, message, promise);
  return promise;
}

/// Its code is read from disk for this call.
void FunctionService::wake(const std::string& key, const InvokeMsg& message,
                           caf::response_promise promise) {
  host_.wake(key, [this, message, promise](const Result<CodeId>& id) mutable {
    if (!id) return promise.deliver(to_caf(id.error()));
    if (message.frame()->cancelled())
      return promise.deliver(to_caf({Code::cancelled, "the caller gave up"}));
    promise.delegate(context_.workers, CallFunction{*id, message});
  });
}

/// A function that is closed is closed under its code's id too.
Status FunctionService::admit(const wire::Frame& frame, const InvokeTarget& target) {
  if (options_.rules.empty() && options_.routes.empty()) return {};
  const TimePoint now = context_.loop.now();
  const auto one = [&](const std::string& ring_name) {
    return guard_.admit(frame.peer(), ring_name, target.method, now, frame.former());
  };
  if (!target.by_code) return one(ring_name_of_function(target.function));
  THEMIS_CHECK(one(ring_name_of_code(target.id)));
  for (const std::string& name : host_.names_of(target.id))
    THEMIS_CHECK(one(ring_name_of_function(name)));
  return {};
}

void FunctionService::fire(const Firing& firing) {
  request(context_.node, caf::infinite, FindName{ring_name_of_function(firing.function)})
      .then(
          [this, firing](const ring::Records& records) {
            std::vector<NodeId> nodes{context_.self.id};
            for (const ring::Record& record : records) {
              const auto canary = announced_canary(record.labels, 0);
              // A canary alone has no cron lines.
              if (!canary || canary->beside) nodes.push_back(record.provider.id);
            }
            if (woken_node(firing.function, nodes) == context_.self.id) run(firing);
          },
          [firing](const caf::error& error) {
            log::warn("functions", "{} is not woken for \"{}\": {}", firing.function, firing.cron,
                      describe(error));
          });
}

void FunctionService::run(const Firing& firing) {
  const auto place = host_.find({.function = firing.function});
  if (!place) return;  // it was let go meanwhile
  if (place->is_installed) return run(firing, place->at_workers);
  host_.wake(place->key, [this, firing](const Result<CodeId>& id) {
    if (id) return run(firing, *id);
    log::warn("functions", "{} is not woken for \"{}\": {}", firing.function, firing.cron,
              id.error().text());
  });
}

void FunctionService::run(const Firing& firing, const CodeId& id) {
  ++woken_;
  wire::Builder<schema::Invoke> invoke;
  invoke->setFunction(wire::to_text(firing.function));
  invoke->setMethod("POST");
  invoke->setUrl("http://cron/");
  invoke->setEvent(static_cast<uint8_t>(js::Event::scheduled));
  // A line has no character that JSON would escape.
  const std::string body =
      "{\"scheduledTime\":" + std::to_string(firing.time_ms) + ",\"cron\":\"" + firing.cron + "\"}";
  invoke->setBody(wire::to_data(as_bytes(body)));
  request(context_.workers, caf::infinite, CallFunction{id, invoke.finish()})
      .then([](const OutcomeMsg&) {},
            [firing](const caf::error& error) {
              log::warn("functions", "{} failed for \"{}\": {}", firing.function, firing.cron,
                        describe(error));
            });
}

int64_t FunctionService::wall_ms() const {
  return options_.clock == nullptr ? context_.loop.wall_ms() : options_.clock->wall_ms();
}

/// More often than other things, while there is an alarm.
void FunctionService::look_at_alarms() {
  alarm_timer_ = 0;
  alarms_.tick(wall_ms());
  if (alarms_.has_any())
    alarm_timer_ = reactor_.loop().after(ActorAlarms::kTick, [this] { look_at_alarms(); });
}

void FunctionService::tick() {
  host_.tick();
  deployer_.tick();
  logs_.tick();
  if (alarm_timer_ == 0) look_at_alarms();
  for (const Firing& firing : crons_.due(host_.with_crons(), wall_ms())) fire(firing);
  timer_ = reactor_.send_after(kTick, caf::actor_cast<caf::actor>(this),
                               caf::make_message(caf::tick_atom::value));
}

}  // namespace themis
