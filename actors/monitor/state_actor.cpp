#include "actors/monitor/state_actor.hpp"

#include <algorithm>
#include <caf/all.hpp>

#include "actors/placement/placement.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"
#include "runtime/base/log.hpp"

namespace themis {
namespace {

constexpr std::string_view kComponent = "state";

}  // namespace

StateActor::StateActor(caf::actor_config& config, StateOptions options)
    : PoolActor(config),
      options_(std::move(options)),
      history_(options_.history == nullptr ? own_history_ : *options_.history) {}

caf::behavior StateActor::make_behavior() {
  set_default_handlers(*this);
  set_down_handler([this](const caf::down_msg& down) { on_down(down); });
  set_exit_handler([this](const caf::exit_msg& exit) {
    ending_ = exit.reason;
    if (!place_) return quit(exit.reason);
    send_exit(place_, exit.reason);
  });
  start();
  return {[this](const CallState& ask) { return call(ask); },
          [this](const AskStateMsg& message) { return answer_peer(message); },
          [this](const AskHome& ask) { return answer_peer(ask.question); },
          [this](const ReportState&) { return report(); },
          [this](const StartMonitors&) { start(); },
          [this](const EndEpoch& tick) {
            if (tick.instance == instance_ && host_) end_epoch();
          },
          [this](const CheckEpoch& check) {
            const bool is_done = certified_ && *certified_ >= check.epoch;
            if (check.instance == instance_ && host_ && !is_done)
              lose({Code::unavailable, "the monitors certify no epoch any more"});
          }};
}

void StateActor::on_exit() {
  refuse_all({Code::unavailable, "the state's actor ended before it answered"});
  if (place_) caf::anon_send_exit(place_, caf::exit_reason::user_shutdown);
  place_ = monitors_ = nullptr;
  host_.reset();
}

caf::result<StateAnswers> StateActor::call(const CallState& ask) {
  auto promise = make_response_promise<StateAnswers>();
  if (const Status admitted = admit(); !admitted) {
    const Result<StateAnswer> refused = fail(admitted.error());
    promise.deliver(StateAnswers{{ask.calls.size(), refused}});
  } else if (!host_) {
    waiting_.push_back({ask, promise});
  } else {
    run(ask, promise);
  }
  return caf::delegated<StateAnswers>{};
}

Status StateActor::admit() const {
  if (history_.violation) return fail(*history_.violation);
  if (ending_ || (!host_ && !down_why_.empty()))
    return fail(Code::unavailable, "the monitors are down: " + down_why_);
  if (!host_ && waiting_.size() >= kStateWaitingMax)
    return fail(Code::overloaded, "the monitors start and too many calls wait for them");
  return {};
}

void StateActor::run(const CallState& ask, caf::typed_response_promise<StateAnswers> promise) {
  const uint64_t id = ++last_group_;
  Group& group = groups_[id];
  group.promise = std::move(promise);
  group.wait = ask.wait;
  group.answers.answers.resize(ask.calls.size());
  for (size_t i = 0; i < ask.calls.size(); ++i) run_one(ask.calls[i], {id, i}, group);
  for (uint16_t thread = 0; thread < host_->threads(); ++thread)
    if (in_flight_[thread] == 0) host_->flush(thread);
  watch_epoch();
  finish_if_done(id);
}

void StateActor::run_one(const StateCall& call, Place place, Group& group) {
  ++calls_;
  Result<StateAnswer>& answer = group.answers.answers[place.answer];
  const auto started = [&](const StateCall& one) -> Status {
    if (host_->open_calls() >= kStateCallsMax)
      return fail(Code::overloaded, "too many calls wait for the monitors");
    THEMIS_TRY(const uint64_t ticket, host_->run(one));
    places_.emplace(ticket, place);
    ++group.open;
    return {};
  };
  const auto start_all = [&]() -> Status {
    THEMIS_CHECK(check_state_call(call));
    if (call.op != StateOp::list) return started(call);
    auto [keys, more] = host_->list(call);
    answer->done = true;
    answer->more = more;
    for (std::string& key : keys) {
      place.entry = answer->entries.size();
      answer->entries.push_back({key, {}});
      StateCall read;
      read.name_space = call.name_space;
      read.key = std::move(key);
      THEMIS_CHECK(started(read));
    }
    return {};
  };
  if (const Status status = start_all(); !status) answer = fail(status.error());
}

void StateActor::on_result(const VerifiedCall& call) {
  const auto node = places_.extract(call.ticket);
  const Place& place = node.mapped();
  Group& group = groups_.at(place.group);
  Result<StateAnswer>& answer = group.answers.answers[place.answer];
  --group.open;
  group.epoch = std::max(group.epoch, call.epoch);
  if (answer) {
    answer->epoch = call.epoch;
    if (!place.entry) {
      answer->done = call.done;
      answer->value = call.value;
    } else if (call.value) {
      answer->entries[*place.entry].value = *call.value;
    }
  }
  finish_if_done(place.group);
}

void StateActor::finish_if_done(uint64_t id) {
  const auto found = groups_.find(id);
  if (found == groups_.end() || found->second.open > 0) return;
  Group& group = found->second;
  const bool certified = certified_ && group.epoch <= *certified_;
  if (group.wait && !certified) return void(certifying_.emplace(group.epoch, id));
  deliver(group);
  groups_.erase(found);
}

void StateActor::deliver(Group& group) {
  for (Result<StateAnswer>& answer : group.answers.answers)
    if (answer) answer->certified = certified_ && answer->epoch <= *certified_;
  group.promise.deliver(std::move(group.answers));
}

void StateActor::start() {
  if (history_.violation || ending_) return;
  ++instance_;
  place_ = options_.start_place();
  monitor(place_);
  const auto failed = [this, instance = instance_](const caf::error& error) {
    if (instance == instance_) lose(from_caf(error));
  };
  request(place_, caf::infinite, PlacePid{})
      .then(
          [this, instance = instance_](uint32_t pid) {
            if (instance == instance_) pid_ = pid;
          },
          [](const caf::error&) {});  // the place is this process
  request(place_, caf::infinite, SpawnActor{"monitors", "monitors"})
      .then(
          [this, instance = instance_](const caf::actor& monitors) {
            if (instance == instance_) open(monitors);
          },
          failed);
}

void StateActor::open(const caf::actor& monitors) {
  monitors_ = monitors;
  monitor(monitors_);
  request(monitors_, caf::infinite, encode_open(options_.shape))
      .then(
          [this, instance = instance_](const MonitorsOpenedMsg& message) {
            if (instance != instance_) return;
            const auto opened = decode_opened(message);
            opened ? on_opened(*opened) : lose(opened.error());
          },
          [this, instance = instance_](const caf::error& error) {
            if (instance == instance_) lose(from_caf(error));
          });
}

void StateActor::on_opened(const monitor::InstanceId& instance) {
  down_why_.clear();
  pause_ = kMonitorsPauseMin;
  certified_.reset();
  epoch_watched_ = false;
  in_flight_.assign(options_.shape.threads, 0);
  StateHostOptions options;
  options.instance = instance;
  options.threads = options_.shape.threads;
  options.node_slots = options_.shape.node_slots;
  options.record_slots = options_.shape.record_slots;
  host_ = std::make_unique<StateHost>(
      options, [this](uint16_t thread, ByteView batch) { on_batch(thread, batch); });
  log::info(kComponent, "verified state is up: {} monitor threads, instance {}, in memory only",
            options.threads, to_hex(instance).substr(0, 8));
  for (const Waiting& waiting : std::exchange(waiting_, {})) run(waiting.ask, waiting.promise);
}

void StateActor::on_batch(uint16_t thread, ByteView batch) {
  ++batches_;
  ++in_flight_[thread];
  request(monitors_, caf::infinite, encode_batch(thread, batch))
      .then(
          [this, thread, instance = instance_](const VerifiedMsg& message) {
            if (instance == instance_ && host_) on_verified(thread, message);
          },
          [this, instance = instance_](const caf::error& error) {
            if (instance == instance_) on_failed(from_caf(error));
          });
}

void StateActor::on_verified(uint16_t thread, const VerifiedMsg& message) {
  --in_flight_[thread];
  const Status verified =
      wire::decode(message, [this, thread](const schema::Verified::Reader& answer) {
        return host_->verify(thread, wire::bytes_of(answer.getResults()),
                             [this](const VerifiedCall& call) { on_result(call); });
      });
  if (!verified) return violated(verified.error());
  if (in_flight_[thread] == 0) host_->flush(thread);
}

/// Of a batch or an epoch. What is no refusal of a monitor is the end of its process.
void StateActor::on_failed(const Error& why) {
  why.code == Code::unavailable ? lose(why) : violated(why);
}

void StateActor::watch_epoch() {
  if (std::exchange(epoch_watched_, true)) return;
  delayed_send(this, options_.epoch, EndEpoch{instance_});
}

void StateActor::end_epoch() {
  epoch_watched_ = false;
  const uint32_t epoch = host_->epoch();
  const uint32_t first_open = certified_ ? *certified_ + 1 : 0;
  if (epoch - first_open >= kEpochsAheadMax) return watch_epoch();
  if (!host_->end_epoch(certified_)) return watch_epoch();
  delayed_send(this, options_.answer_max, CheckEpoch{instance_, epoch});
  request(monitors_, caf::infinite, encode_await(epoch))
      .then(
          [this, instance = instance_](const EpochCertifiedMsg& message) {
            if (instance != instance_ || !host_) return;
            const auto certified = decode_certified(message);
            certified ? on_certified(*certified) : violated(certified.error());
          },
          [this, instance = instance_](const caf::error& error) {
            if (instance == instance_) on_failed(from_caf(error));
          });
}

void StateActor::on_certified(uint32_t epoch) {
  certified_ = std::max(certified_.value_or(0), epoch);
  while (!certifying_.empty() && certifying_.begin()->first <= *certified_) {
    const auto node = groups_.extract(certifying_.begin()->second);
    certifying_.erase(certifying_.begin());
    deliver(node.mapped());
  }
}

void StateActor::on_down(const caf::down_msg& down) {
  const bool is_place = place_ && down.source == place_.address();
  if (is_place) {
    place_ = nullptr;
    pid_ = 0;
  }
  if (ending_) {
    if (is_place) quit(*ending_);
    return;
  }
  if (is_place || (monitors_ && down.source == monitors_.address()))
    lose(down.reason ? from_caf(down.reason) : Error{Code::unavailable, "the monitors ended"});
}

/// The monitors are gone, and with them the only proof of what the records were.
void StateActor::lose(const Error& why) {
  if (history_.violation || ending_) return;
  if (!std::exchange(down_why_, why.text()).empty()) return;
  ++instance_;
  pid_ = 0;
  if (place_) send_exit(place_, caf::exit_reason::kill);
  place_ = monitors_ = nullptr;
  if (host_) {
    ++history_.losses;
    log::error(kComponent, "{} records are lost with their monitors ({}); the state starts empty",
               host_->records(), why.text());
  } else {
    log::warn(kComponent, "the monitors did not start: {}; trying again in {} ms", why.text(),
              to_ms(pause_));
  }
  refuse_all({Code::unavailable, "the state was lost with its monitors: " + why.detail});
  host_.reset();
  delayed_send(this, pause_, StartMonitors{});
  pause_ = std::min(2 * pause_, kMonitorsPauseMax);
}

void StateActor::violated(const Error& why) {
  if (history_.violation) return;
  history_.violation = why.code == Code::forged ? why : Error{Code::forged, why.text()};
  log::error(kComponent, "VIOLATION: {}. No call is answered and no epoch certified any more",
             history_.violation->detail);
  ++instance_;
  refuse_all(*history_.violation);
}

void StateActor::refuse_all(const Error& why) {
  const Result<StateAnswer> refused = fail(why);
  for (auto& [id, group] : std::exchange(groups_, {}))
    group.promise.deliver(StateAnswers{{group.answers.answers.size(), refused}});
  for (Waiting& waiting : std::exchange(waiting_, {}))
    waiting.promise.deliver(StateAnswers{{waiting.ask.calls.size(), refused}});
  places_.clear();
  certifying_.clear();
}

StateReport StateActor::report() const {
  StateReport out;
  out.state = history_.violation  ? "violated"
              : host_             ? "up"
              : down_why_.empty() ? "starting"
                                  : "down";
  out.why = history_.violation ? history_.violation->detail : down_why_;
  out.threads = options_.shape.threads;
  out.pid = pid_;
  if (host_) {
    out.epoch = host_->epoch();
    out.records = host_->records();
    out.waiting = host_->open_calls();
  }
  out.certified = certified_;
  out.calls = calls_;
  out.batches = batches_;
  out.losses = history_.losses;
  return out;
}

caf::result<StateAnsweredMsg> StateActor::answer_peer(const AskStateMsg& message) {
  const Result<StateAsk> ask = decode_ask(message);
  if (!ask) return to_caf(ask.error());
  auto promise = make_response_promise<StateAnsweredMsg>();
  const auto answered = [promise, call = ask->call](const StateAnswers& all) mutable {
    const Result<StateAnswer>& answer = all.answers.front();
    if (!answer) return void(promise.deliver(to_caf(answer.error())));
    promise.deliver(encode_answered(call, *answer));
  };
  request(caf::actor(this), caf::infinite, CallState{{ask->call}, ask->wait})
      .then(answered, [promise](const caf::error& error) mutable { (void)promise.deliver(error); });
  return caf::delegated<StateAnsweredMsg>{};
}

}  // namespace themis
