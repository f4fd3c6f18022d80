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

/// Trying again does not help: the files have to be put right.
bool is_of_the_store(Code code) {
  return code == Code::forged || code == Code::replayed || code == Code::malformed ||
         code == Code::invalid || code == Code::denied;
}

}  // namespace

StateActor::StateActor(caf::actor_config& config, StateOptions options)
    : PoolActor(config),
      options_(std::move(options)),
      history_(options_.history == nullptr ? own_history_ : *options_.history) {}

caf::behavior StateActor::make_behavior() {
  set_default_handlers(*this);
  set_down_handler([this](const caf::down_msg& down) { on_down(down); });
  set_exit_handler([this](const caf::exit_msg& exit) { end(exit.reason); });
  const StateKeeperOptions keeper{options_.data, options_.shape, options_.answer_max,
                                  options_.bytes_max};
  keeper_ = options_.start_keeper
                ? options_.start_keeper(system(), keeper)
                : caf::actor_cast<caf::actor>(system().spawn<StateKeeper, caf::detached>(keeper));
  monitor(keeper_);
  start();
  return {[this](CallState& ask) { return call(ask); },
          [this](const ProveState& ask) { return prove(ask); },
          [this](const AskStateMsg& message) { return answer_peer(message); },
          [this](const AskHome& ask) { return answer_peer(ask.question); },
          [this](const ReportState&) { return report(); },
          [this](const NameStates&) { return names(); },
          [this](const StartPlace&) { start(); },
          [this](const EndEpoch& tick) {
            if (tick.instance != instance_ || !up_) return;
            epoch_watched_ = false;
            epoch_due_ = true;
            run_waiting();
          }};
}

void StateActor::on_exit() {
  if (keeper_) caf::anon_send_exit(keeper_, caf::exit_reason::user_shutdown);
  keeper_ = nullptr;
  refuse_all({Code::unavailable, "the state's actor ended before it answered"});
  const Error ended{Code::unavailable, "the state's actor ended"};
  for (auto& each : std::exchange(names_asked_, {})) each.deliver(to_caf(ended));
  if (place_) caf::anon_send_exit(place_, caf::exit_reason::user_shutdown);
  place_ = monitors_ = nullptr;
  memory_ = nullptr;
}

/// The store is closed before its monitors end: what they confirm last is not to be run again.
void StateActor::end(const caf::error& reason) {
  if (ending_) return;
  ending_ = reason;
  const auto closed = [this] {
    if (!place_) return quit(*ending_);
    send_exit(place_, *ending_);
  };
  request(keeper_, caf::infinite, CloseStore{})
      .then(
          [closed](const StoreTold& told) {
            if (told.failure)
              log::warn(kComponent, "no checkpoint at the end ({}): the journal is run again",
                        told.failure->text());
            closed();
          },
          [closed](const caf::error&) { closed(); });
}

caf::result<StateAnswers> StateActor::call(CallState& ask) {
  auto promise = make_response_promise<StateAnswers>();
  take(std::move(ask.calls), ask.wait,
       [promise](StateAnswers&& all) mutable { promise.deliver(std::move(all)); });
  return caf::delegated<StateAnswers>{};
}

caf::result<StateAnswer> StateActor::prove(const ProveState& ask) {
  auto promise = make_response_promise<StateAnswer>();
  take(ask.call, ask.wait, [promise](Result<StateAnswer>&& answer) mutable {
    answer ? promise.deliver(std::move(*answer)) : promise.deliver(to_caf(answer.error()));
  });
  return caf::delegated<StateAnswer>{};
}

void StateActor::take(StateBatch calls, bool wait, TellAll tell) {
  Group group;
  group.size = calls.size();
  group.wait = wait;
  group.tell = std::move(tell);
  if (const Status admitted = admit(calls.size(), calls.bytes().size()); !admitted)
    return refuse(group, admitted.error());
  group.bytes = kStateMessageBytes + calls.bytes().size();
  group.calls = std::move(calls);
  add(std::move(group));
}

void StateActor::take(const StateCall& call, bool wait, TellOne tell) {
  if (const Status admitted = admit(1, kCallBodyBytesMax); !admitted)
    return tell(fail(admitted.error()));
  Group group;
  group.size = 1;
  group.bytes = kStateMessageBytes + kCallBodyBytesMax;
  group.wait = wait;
  group.proof = Proof{call, std::nullopt, std::move(tell)};
  add(std::move(group));
}

void StateActor::add(Group group) {
  calls_ += group.size;
  calls_waiting_ += group.size;
  bytes_waiting_ += group.bytes;
  waiting_.push_back(std::move(group));
  run_waiting();
}

Status StateActor::admit(size_t calls, size_t bytes) const {
  if (history_.violation) return fail(*history_.violation);
  if (refused_) return fail(*refused_);
  if (ending_) return fail(Code::unavailable, "the state ends");
  if (!up_ && !down_why_.empty())
    return fail(Code::unavailable, "the monitors are down: " + down_why_);
  if (calls_waiting_ + calls > kStateCallsMax ||
      bytes_waiting_ + kStateMessageBytes + bytes > kStateBytesMax)
    return fail(Code::overloaded, "too many calls wait for the monitors");
  return {};
}

/// A peer may have as many clients as there are places left, so that one always is for another. One
/// that is refused later counts as well, until the next start.
Status StateActor::admit_client(const NodeId* peer) {
  constexpr size_t kPlaces = kStateClientsMax - 1;
  if (peer != nullptr) {
    const auto own = places_of_.find(*peer);
    if ((own == places_of_.end() ? 0 : own->second) >= kPlaces - std::min(places_, kPlaces))
      return fail(Code::overloaded,
                  "this node's clients have as many places as are left for others; try again "
                  "after the monitors' next start");
    ++places_of_[*peer];
  }
  ++places_;
  return {};
}

/// What waits, as one commit, when there is none at work.
void StateActor::run_waiting() {
  if (!up_ || running_ || ending_) return;
  RunCalls ask;
  // Alone: no call's certificate is to wait for it.
  ask.checkpoint = std::exchange(last_.checkpoint_due, false);
  if (waiting_.empty() && !epoch_due_ && !ask.checkpoint && !last_.ending) return;
  ask.end_epoch = !ask.checkpoint && std::exchange(epoch_due_, false);
  const size_t calls_max = ask.checkpoint ? 0 : kRunCallsMax;
  for (size_t calls = 0; !waiting_.empty() && calls < calls_max; waiting_.pop_front()) {
    Group& group = waiting_.front();
    calls += group.size;
    group.proof ? ask.proven.push_back(group.proof->call)
                : ask.batches.push_back(std::exchange(group.calls, {}));
    in_commit_.push_back(std::move(group));
  }
  epoch_open_ = (!ask.end_epoch && epoch_open_) || !in_commit_.empty();
  running_ = true;
  const bool ends = ask.end_epoch || last_.ending;
  request(keeper_, caf::infinite, std::move(ask))
      .then(
          [this, ends](StoreTold& told) {
            if (ends && !told.ending && !told.failure) pause_ = kMonitorsPauseMin;
            on_run(told);
          },
          [this](const caf::error& error) { quit(error); });
}

void StateActor::on_run(StoreTold& told) {
  running_ = false;
  ++commits_;
  std::vector<StateAnswers> answers = std::exchange(told.answers, {});
  std::vector<Result<StateAnswer>> proofs = std::exchange(told.proofs, {});
  const FinalReceipts receipts = std::exchange(told.receipts, {});
  note(told);
  for (auto& [epoch, group] : certifying_) add_receipt(group, receipts);
  size_t batch = 0, proof = 0;
  for (Group& group : std::exchange(in_commit_, {})) {
    if (group.proof) {
      if (proof < proofs.size()) group.proof->answer = std::move(proofs[proof++]);
      add_receipt(group, receipts);
    } else if (batch < answers.size()) {
      group.answers = std::move(answers[batch++]);
    }
    finish(std::move(group), told.failure);
  }
  while (!certifying_.empty() && last_.certified &&
         certifying_.begin()->first <= *last_.certified) {
    auto node = certifying_.extract(certifying_.begin());
    deliver(node.mapped());
  }
  if (told.violation) return violated(*told.violation);
  // What it was asked before its monitors were lost says nothing new, unless of the store.
  if (told.failure && (up_ || is_of_the_store(told.failure->code))) return fail_with(*told.failure);
  if (!up_) return;
  watch_epoch();
  run_waiting();
}

/// Makes its receipt final if that is among them.
void StateActor::add_receipt(Group& group, const FinalReceipts& receipts) {
  if (!group.proof || !group.wait || !group.proof->answer || !*group.proof->answer) return;
  StateAnswer& answer = **group.proof->answer;
  if (!answer.receipt) return;
  const auto found = receipts.find({answer.receipt->thread, answer.receipt->position});
  if (found == receipts.end()) return;
  StateReceipt shown = *answer.receipt;
  shown.transferable = found->second;
  answer.receipt = std::make_shared<const StateReceipt>(std::move(shown));
}

std::optional<uint32_t> StateActor::epoch_of(const Group& group) {
  if (!group.proof) return group.answers.epoch();
  const auto& answer = group.proof->answer;
  return answer && *answer ? std::optional((*answer)->epoch) : std::nullopt;
}

/// `failure`: why its last answers are missing, if they are.
void StateActor::finish(Group group, const std::optional<Error>& failure) {
  const Error why = failure.value_or(
      Error{Code::overloaded, "the answers of a commit are too long: ask again for the rest"});
  if (group.proof) {
    if (!group.proof->answer) group.proof->answer = fail(why);
  } else {
    while (group.answers.size() < group.size) group.answers.add(why);
    const size_t bytes = kStateMessageBytes + group.answers.bytes().size();
    bytes_waiting_ -= std::exchange(group.bytes, bytes);
    bytes_waiting_ += group.bytes;
  }
  const std::optional<uint32_t> epoch = epoch_of(group);
  if (!group.wait || !epoch || (last_.certified && *epoch <= *last_.certified))
    return deliver(group);
  if (up_) return void(certifying_.emplace(*epoch, std::move(group)));
  // Its monitors are gone: a certificate of the next ones says nothing of what these have read.
  refuse_waiting(group,
                 {Code::unavailable, "the monitors ended before the certificate: it may have run"});
}

void StateActor::deliver(Group& group) {
  calls_waiting_ -= group.size;
  bytes_waiting_ -= group.bytes;
  if (!group.proof) {
    group.answers.certified = last_.certified;
    return group.tell(std::move(group.answers));
  }
  Result<StateAnswer>& answer = *group.proof->answer;
  if (answer) answer->certified = last_.certified && answer->epoch <= *last_.certified;
  group.proof->tell(std::move(answer));
}

void StateActor::start() {
  if (history_.violation || refused_ || ending_ || place_) return;
  ++instance_;
  places_of_.clear();
  places_ = 0;
  place_ = options_.start_place();
  monitor(place_);
  request(place_, caf::infinite, PlacePid{})
      .then(
          [this, instance = instance_](uint32_t pid) {
            if (instance == instance_) pid_ = pid;
          },
          [](const caf::error&) {});  // it ended: on_down() says so
  // Answered before the next question: both go to one actor, in this order.
  request(place_, caf::infinite, PlaceMemory{})
      .then(
          [this, instance = instance_](const SharedWith& shared) {
            if (instance == instance_) memory_ = shared.memory;
          },
          [](const caf::error&) {});  // it ended: on_down() says so
  request(place_, caf::infinite, SpawnActor{"monitors", "monitors"})
      .then(
          [this, instance = instance_](const caf::actor& monitors) {
            if (instance == instance_) open(monitors);
          },
          [this, instance = instance_](const caf::error& error) {
            if (instance == instance_) lose(from_caf(error));
          });
}

void StateActor::open(const caf::actor& monitors) {
  monitors_ = monitors;
  monitor(monitors_);
  request(keeper_, caf::infinite, OpenStore{monitors, memory_})
      .then(
          [this, instance = instance_](const StoreTold& told) {
            if (instance == instance_ && !ending_) on_opened(told);
          },
          [this](const caf::error& error) { quit(error); });
}

void StateActor::on_opened(const StoreTold& told) {
  if (told.violation) return violated(*told.violation);
  if (told.failure) return fail_with(*told.failure);
  note(told);
  up_ = true;
  down_why_.clear();
  name_spaces_ = told.name_spaces;
  for (auto& each : std::exchange(names_asked_, {})) each.deliver(StateNames{name_spaces_});
  log::info(kComponent, "verified state is up: {} monitor threads, {} records, epoch {}",
            options_.shape.threads, told.records, told.epoch);
  epoch_open_ = told.journal_bytes > 0;  // calls of before may want their certificate
  watch_epoch();
  run_waiting();
}

void StateActor::note(const StoreTold& told) {
  if (told.failure) return;
  if (told.batches < last_.batches) batches_ += last_.batches;  // of the monitors before
  last_ = told;
}

Duration StateActor::epoch_lasts() const {
  return std::max(options_.epoch, kEpochPerRecord * static_cast<Duration::rep>(last_.carried));
}

/// Epochs in which nobody calls do not end.
void StateActor::watch_epoch() {
  if (!epoch_open_ || std::exchange(epoch_watched_, true)) return;
  delayed_send(this, epoch_lasts(), EndEpoch{instance_});
}

void StateActor::on_down(const caf::down_msg& down) {
  if (keeper_ && down.source == keeper_.address()) {
    keeper_ = nullptr;
    return quit(down.reason);
  }
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

void StateActor::fail_with(const Error& why) {
  is_of_the_store(why.code) ? refuse_store(why) : lose(why);
}

/// The monitors are gone; the store has everything that was answered.
void StateActor::lose(const Error& why) {
  if (history_.violation || refused_ || ending_) return;
  log::warn(kComponent, "the state is down: {}; trying again in {} ms", why.text(), to_ms(pause_));
  down({why.code, fmt::format("{}; trying again in {} ms", why.detail, to_ms(pause_))});
  ++restarts_;
  delayed_send(this, pause_, StartPlace{});
  pause_ = std::min(2 * pause_, kMonitorsPauseMax);
}

void StateActor::refuse_store(const Error& why) {
  log::error(kComponent, "the state stays down: {}", why.text());
  refused_ = why;
  down(why);
}

void StateActor::violated(const Error& why) {
  if (history_.violation) return;
  history_.violation = why;
  log::error(kComponent, "VIOLATION: {}. No call is answered and no epoch certified any more",
             why.detail);
  ++instance_;
  up_ = false;
  refuse_all(why);
}

void StateActor::down(const Error& why) {
  down_why_ = why.detail;
  ++instance_;
  up_ = epoch_watched_ = epoch_due_ = false;
  pid_ = 0;
  if (place_) send_exit(place_, caf::exit_reason::kill);
  place_ = monitors_ = nullptr;
  memory_ = nullptr;
  refuse_all(why);
}

void StateActor::refuse_waiting(Group& group, const Error& why) {
  calls_waiting_ -= group.size;
  bytes_waiting_ -= group.bytes;
  refuse(group, why);
}

void StateActor::refuse(Group& group, const Error& why) {
  if (group.proof) return group.proof->tell(fail(why));
  group.answers = {};
  while (group.answers.size() < group.size) group.answers.add(why);
  group.tell(std::move(group.answers));
}

/// But what the keeper has: that is answered by what it says.
void StateActor::refuse_all(const Error& why) {
  for (Group& group : std::exchange(waiting_, {})) refuse_waiting(group, why);
  for (auto& [epoch, group] : std::exchange(certifying_, {})) refuse_waiting(group, why);
  if (keeper_) return;
  for (Group& group : std::exchange(in_commit_, {})) refuse_waiting(group, why);
}

StateReport StateActor::report() const {
  StateReport out;
  out.state = history_.violation  ? "violated"
              : up_               ? "up"
              : down_why_.empty() ? "starting"
                                  : "down";
  out.why = history_.violation ? history_.violation->detail : down_why_;
  out.threads = options_.shape.threads;
  out.key = last_.key;
  out.pid = pid_;
  out.epoch = last_.epoch;
  out.certified = last_.certified;
  out.certifying = last_.certifying;
  out.epoch_lasts = epoch_lasts();
  out.saving = last_.saving;
  out.calls = calls_;
  out.batches = batches_ + last_.batches;
  out.commits = commits_;
  out.restarts = restarts_;
  out.records = last_.records;
  out.journal_bytes = last_.journal_bytes;
  out.waiting = calls_waiting_;
  return out;
}

caf::result<StateNames> StateActor::names() {
  if (up_) return StateNames{name_spaces_};
  if (names_asked_.size() >= kNamesAskedMax)
    return to_caf({Code::overloaded, "too many wait for the state to start"});
  names_asked_.push_back(make_response_promise<StateNames>());
  return caf::delegated<StateNames>{};
}

caf::result<StateAnsweredMsg> StateActor::answer_peer(const AskStateMsg& message) {
  Result<std::optional<StateBatchAsk>> batch = decode_batch_ask(message);
  if (!batch) return to_caf(batch.error());
  if (*batch) return answer_batch(**batch);
  const Result<StateAsk> ask = decode_ask(message);
  if (!ask) return to_caf(ask.error());
  if (ask->call.op == StateOp::join)
    if (const Status admitted = admit_client(message.frame()->peer()); !admitted)
      return to_caf(admitted.error());
  StateBatch calls;
  if (!is_proven(ask->call))
    if (const Status added = calls.add(ask->call); !added) return to_caf(added.error());
  auto promise = make_response_promise<StateAnsweredMsg>();
  auto answered = [promise, call = ask->call](const Result<StateAnswer>& answer) mutable {
    answer ? promise.deliver(encode_answered(call, *answer))
           : promise.deliver(to_caf(answer.error()));
  };
  if (is_proven(ask->call)) {
    take(ask->call, ask->wait, answered);
    return caf::delegated<StateAnsweredMsg>{};
  }
  take(calls, ask->wait, [answered](StateAnswers&& all) mutable { answered(all.front()); });
  return caf::delegated<StateAnsweredMsg>{};
}

caf::result<StateAnsweredMsg> StateActor::answer_batch(const StateBatchAsk& ask) {
  auto promise = make_response_promise<StateAnsweredMsg>();
  take(ask.calls, ask.wait,
       [promise](StateAnswers&& all) mutable { promise.deliver(encode_answered(all)); });
  return caf::delegated<StateAnsweredMsg>{};
}

}  // namespace themis
