#include "actors/oyster/runner_actor.hpp"

#include <algorithm>
#include <caf/all.hpp>

#include "actors/flows/flow_api.hpp"
#include "actors/mesh/balancer.hpp"
#include "actors/oyster/code_shelf.hpp"
#include "actors/oyster/machine_memory.hpp"
#include "actors/peer/exports.hpp"
#include "actors/services/function_context.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"
#include "actors/worker/function_codec.hpp"
#include "runtime/base/log.hpp"

namespace themis {
namespace {

/// The limit of time of the workers comes first.
constexpr Duration kWallMargin = 1s;
constexpr Duration kDrainLook = 10ms;
/// So long the machine's memory is taken to be as it was.
constexpr Duration kMemoryFor = 1s;

const wire::Target kRunnerTarget = Exports::target_of(kRunnerActorName);

struct Asked {
  CodeId code{};
  bool fresh = false;
};

/// Errors: malformed (also what is no plain request with its whole body).
Result<Asked> decode_asked(const InvokeMsg& message) {
  THEMIS_TRY(const InvokeTarget target, decode_target(message));
  if (!target.by_code || target.is_actor)
    return fail(Code::malformed, "uploaded code goes by its id");
  return wire::decode(message, [&](const schema::Invoke::Reader& invoke) -> Result<Asked> {
    if (invoke.getEvent() != 0 || invoke.getFlow() != 0 || invoke.getSocket())
      return fail(Code::malformed, "uploaded code takes requests with their whole bodies");
    return Asked{target.id, invoke.getFresh()};
  });
}

}  // namespace

RunnerActor::RunnerActor(caf::actor_config& config, RunnerOptions options)
    : PinnedActor(config), options_(std::move(options)) {}

caf::behavior RunnerActor::make_behavior() {
  set_default_handlers(*this);
  set_exit_handler([this](const caf::exit_msg& exit) { drain(exit.reason); });
  if (const Status started = start(); !started) {
    log::error("oyster", "cannot run codes: {}", started.error().text());
    quit(to_caf(started.error()));
    return {};
  }
  return caf::message_handler{[this](const RunCode& order) { return run_own(order); },
                              [this](const InvokeMsg& invoke) { return run_for_peer(invoke); },
                              [this](const CancelRequest& given_up) { cancel(given_up.frame); },
                              [this](const OfferRuns& order) { offer(order.is_offered); },
                              [this](const CountRuns&) { return counts(); },
                              // A health check: who answers it takes calls.
                              [](const wire::Msg<schema::Echo>& check) { return check; },
                              [this](caf::tick_atom) { drain(*stopping_); }}
      .or_else(about_bodies());
}

caf::message_handler RunnerActor::about_bodies() {
  return {[this](const TakePart& take) { return read_part(take.flow); },
          [this](const DropPart& drop) { drop_part(drop.flow); }};
}

Status RunnerActor::start() {
  if (options_.fronts.empty()) return {};
  THEMIS_TRY(const CodeShelf shelf, CodeShelf::open(*options_.environment));
  shelf_ = caf::actor_cast<caf::actor>(home_system().spawn<CodeShelfActor>(shelf));
  options_.exports->add(kRunnerActorName, caf::strong_actor_ptr{ctrl()});
  if (!options_.waits_for_front) offer(true);
  return {};
}

/// Who asks afterwards is sent elsewhere; who was told before finds it so for a moment.
void RunnerActor::offer(bool is_offered) {
  if (options_.fronts.empty() || is_offered == is_offered_) return;
  is_offered_ = is_offered;
  if (!is_offered) return send(options_.node, WithdrawName{kRunsRingName});
  when_done(
      request(options_.node, caf::infinite, ProvideName{.name = kRunsRingName}), [] {},
      [](const caf::error& error) {
        if (from_caf(error).code != Code::cancelled)
          log::warn("oyster", "{} is not announced yet: {}", kRunsRingName, describe(error));
      });
}

OysterRuns RunnerActor::counts() const {
  OysterRuns counts = counts_;
  counts.running = runs_.size();
  counts.capacity = options_.capacity;
  counts.is_offered = is_offered_;
  return counts;
}

void RunnerActor::drain(const caf::error& reason) {
  if (!stopping_) {
    stopping_ = reason;
    drained_by_ = reactor_.loop().now() + options_.drain_max;
    offer(false);
  }
  if (runs_.empty() || reactor_.loop().now() >= drained_by_) return quit(*stopping_);
  drain_timer_ = reactor_.send_after(kDrainLook, caf::actor_cast<caf::actor>(this),
                                     caf::make_message(caf::tick_atom::value));
}

void RunnerActor::on_exit() {
  reactor_.loop().cancel(drain_timer_);
  for (auto& [id, run] : std::exchange(runs_, {})) {
    reactor_.loop().cancel(run.timer);
    if (run.promise.pending()) run.promise.deliver(to_caf({Code::cancelled, "the node ends"}));
    if (run.outer != 0) send(options_.flows, EndFlow{run.outer});
  }
  if (shelf_) caf::anon_send_exit(shelf_, caf::exit_reason::user_shutdown);
  const caf::strong_actor_ptr* exported = options_.exports->find(kRunnerTarget);
  if (exported != nullptr && exported->get() == ctrl()) options_.exports->remove(kRunnerTarget);
  for (caf::actor* handle : {&options_.workers, &options_.flows, &options_.node, &shelf_})
    *handle = nullptr;
}

/// What it never said is taken to be as here.
bool RunnerActor::is_more_crowded_than(const mesh::KnownLoad& other) {
  const uint8_t memory = memory_percent();
  return mesh::crowding(runs_.size(), memory) >
         mesh::crowding(other.running, other.memory_percent.value_or(memory));
}

caf::result<OutcomeMsg> RunnerActor::run_own(const RunCode& order) {
  if (order.other && is_more_crowded_than(*order.other)) {
    ++counts_.refused;
    return to_caf({Code::overloaded, "another node has more room"});
  }
  const Result<Asked> asked = decode_asked(order.invoke);
  if (!asked) return to_caf(asked.error());
  const Result<uint64_t> run = take_place(order.invoke, asked->code);
  if (!run) return to_caf(run.error());
  runs_.at(*run).fresh = options_.fresh || asked->fresh;
  ++counts_.own;
  begin(*run, order.code->source);
  return caf::delegated<OutcomeMsg>{};
}

bool RunnerActor::is_allowed(const wire::Frame& frame) const {
  const auto names = [this](const NodeId& id) {
    return std::ranges::any_of(options_.fronts, [&](const std::string& front) {
      return front == "any" || front == to_hex(id.bytes);
    });
  };
  return frame.peer() != nullptr &&
         (names(*frame.peer()) || std::ranges::any_of(frame.former(), names));
}

caf::result<OutcomeMsg> RunnerActor::run_for_peer(const InvokeMsg& invoke) {
  if (!is_allowed(*invoke.frame()))
    return to_caf({Code::denied, "this node runs no codes for that front: oyster.fronts"});
  if (!is_offered_) return to_caf({Code::not_hosted, "this node takes no codes now"});
  const Result<Asked> asked = decode_asked(invoke);
  if (!asked) return to_caf(asked.error());
  const Result<uint64_t> run = take_place(invoke, asked->code);
  if (!run) return to_caf(run.error());
  runs_.at(*run).fresh = options_.fresh || asked->fresh;
  ++counts_.others;
  if (const auto source = installed_.find(asked->code)) {
    begin(*run, source);
  } else {
    std::vector<uint64_t>& waiting = waiting_[asked->code];
    waiting.push_back(*run);
    if (waiting.size() == 1) look_on_disk(asked->code);
  }
  return caf::delegated<OutcomeMsg>{};
}

/// For the message that is handled now.
Result<uint64_t> RunnerActor::take_place(const InvokeMsg& invoke, const CodeId& code) {
  if (runs_.size() >= options_.capacity) {
    ++counts_.refused;
    return fail(Code::overloaded,
                std::to_string(options_.capacity) + " codes run here, as many as may");
  }
  const uint64_t id = ++last_id_;
  Run& run = runs_[id];
  run.invoke = invoke;
  run.code = code;
  run.promise = make_response_promise<OutcomeMsg>();
  const TimePoint now = reactor_.loop().now();
  const Duration wall = std::chrono::milliseconds(options_.limits.wall_ms);
  const Duration most = std::min<Duration>(wall, invoke.frame()->deadline() - now) + kWallMargin;
  run.timer = reactor_.loop().after(std::max<Duration>(most, 1ms), [this, id] { expired(id); });
  return id;
}

void RunnerActor::look_on_disk(const CodeId& id) {
  request(shelf_, caf::infinite, TakeFromShelf{id})
      .then([this, id](const CodePtr& source) { found(id, source); },
            [this, id](const caf::error&) { fetch(id); });
}

/// From whose front asked first; when that does not work, from the next.
void RunnerActor::fetch(const CodeId& id) {
  const auto waiting = waiting_.find(id);
  if (waiting == waiting_.end()) return;
  std::erase_if(waiting->second, [this](uint64_t run) { return !runs_.contains(run); });
  if (waiting->second.empty()) {
    waiting_.erase(waiting);
    return;
  }
  const uint64_t run = waiting->second.front();
  const ReachActor reach{{*runs_.at(run).peer(), {}}, Exports::target_of(kFrontActorName)};
  request(options_.node, caf::infinite, reach)
      .then([this, run, id](const caf::actor& front) { fetch_from(front, run, id); },
            [this, run, id](const caf::error& error) {
              not_found(run, from_caf(error));
              fetch(id);
            });
}

void RunnerActor::fetch_from(const caf::actor& front, uint64_t run, const CodeId& id) {
  const auto took = [this, run, id](const CodeBlobMsg& blob) {
    const auto source = decode_code(blob, id);
    if (source) {
      ++counts_.fetched;
      send(shelf_, PutOnShelf{*source});
      return found(id, *source);
    }
    log::warn("oyster", "the code {} from a front is refused: {}", to_hex(id).substr(0, 8),
              source.error().text());
    not_found(run, source.error());
    fetch(id);
  };
  request(front, caf::infinite, encode_fetch(id, reactor_.loop().now() + kFetchMax))
      .then(took, [this, run, id](const caf::error& error) {
        not_found(run, from_caf(error));
        fetch(id);
      });
}

/// Another node may have more luck: it was not run.
void RunnerActor::not_found(uint64_t run, const Error& why) {
  if (runs_.contains(run))
    refuse(run, {Code::not_found, "the front did not send the code: " + why.text()});
}

void RunnerActor::found(const CodeId& id, const CodePtr& source) {
  for (const CodeId& gone : installed_.keep(id, source))
    send(options_.workers, UninstallFunction{gone});
  const auto waiting = waiting_.extract(id);
  if (waiting.empty()) return;
  for (const uint64_t run : waiting.mapped())
    if (runs_.contains(run)) begin(run, source);
}

void RunnerActor::begin(uint64_t id, const CodePtr& source) {
  Run& run = runs_.at(id);
  run.is_begun = true;
  if (run.fresh) {
    InstallFunction function = description_of(run.code, source, options_.limits);
    function.fresh = true;
    store(function.id.data(), id);  // this call's alone
    CallFresh fresh{std::make_shared<const InstallFunction>(std::move(function)), run.invoke};
    request(options_.workers, caf::infinite, std::move(fresh))
        .then([this, id](const OutcomeMsg& outcome) { answered(id, outcome); },
              [this, id](const caf::error& error) { refuse(id, from_caf(error)); });
    return;
  }
  for (const CodeId& gone : installed_.keep(run.code, source))
    send(options_.workers, UninstallFunction{gone});
  if (installed_.is_installed(run.code)) return call(id);
  const auto installed = [this, id, code = run.code] {
    installed_.installed(code);
    call(id);
  };
  const auto failed = [this, id](const caf::error& error) {
    const Error why = from_caf(error);
    refuse(id, {why.code == Code::threw ? Code::invalid : why.code, why.detail});
  };
  when_done(
      request(options_.workers, caf::infinite, description_of(run.code, source, options_.limits)),
      installed, failed);
}

void RunnerActor::call(uint64_t id) {
  const auto run = runs_.find(id);
  if (run == runs_.end()) return;  // given up meanwhile
  const auto failed = [this, id](const caf::error& error) {
    Error why = from_caf(error);
    // It made room for another one between two turns: it was not run.
    if (why.code == Code::not_found) why.code = Code::overloaded;
    refuse(id, std::move(why));
  };
  request(options_.workers, caf::infinite, CallFunction{run->second.code, run->second.invoke})
      .then([this, id](const OutcomeMsg& outcome) { answered(id, outcome); }, failed);
}

/// What goes on of the body is read through here: its place is taken until it ends.
void RunnerActor::answered(uint64_t id, const OutcomeMsg& outcome) {
  const Result<FlowId> inner = flow_of(outcome);
  const auto found = runs_.find(id);
  if (found == runs_.end()) {  // too late
    if (inner && *inner != 0) send(options_.flows, LeaveFlow{{}, *inner});
    return;
  }
  if (!inner) return refuse(id, inner.error());
  Run& run = found->second;
  const NodeId* peer = run.peer();
  if (*inner == 0 && peer == nullptr) {
    run.promise.deliver(outcome);
    return end(id);
  }
  OutcomeChange change;
  const auto running = static_cast<uint16_t>(runs_.size() - (*inner == 0 ? 1 : 0));
  if (peer != nullptr) change.load = FunctionLoad{running, memory_percent()};
  if (*inner != 0) change.flow = new_flow_id(*options_.rng);
  const Result<OutcomeMsg> passed = pass_on(outcome, change);
  if (!passed) return refuse(id, passed.error());
  if (*inner != 0) {
    run.inner = *inner;
    run.outer = change.flow;
    flows_.emplace(run.outer, id);
    send(options_.flows, OfferFlow{run.outer, caf::actor_cast<caf::actor>(this),
                                   peer ? std::optional<NodeId>(*peer) : std::nullopt});
  }
  run.promise.deliver(*passed);
  if (*inner == 0) end(id);
}

/// To a peer "unavailable" is the end of a session with this node, not of a process of its workers.
void RunnerActor::refuse(uint64_t id, Error why) {
  const auto found = runs_.find(id);
  if (found == runs_.end()) return;
  if (found->second.peer() != nullptr && why.code == Code::unavailable) why.code = Code::internal;
  found->second.promise.deliver(to_caf(why));
  end(id);
}

void RunnerActor::expired(uint64_t id) {
  Run& run = runs_.at(id);
  send(options_.workers, CancelRequest{run.invoke.frame()});
  if (run.inner != 0) send(options_.flows, LeaveFlow{{}, run.inner});
  if (run.promise.pending()) return refuse(id, {Code::timeout, "no answer in time"});
  end(id);
}

void RunnerActor::cancel(const wire::FramePtr& frame) {
  const auto found = std::ranges::find_if(runs_, [&](const auto& entry) {
    return entry.second.invoke.frame().writable() == frame.writable();
  });
  if (found == runs_.end()) return;
  if (found->second.is_begun) return send(options_.workers, CancelRequest{frame});
  refuse(found->first, {Code::cancelled, "the front gave up"});
}

caf::result<BodyPartMsg> RunnerActor::read_part(FlowId outer) {
  const auto found = flows_.find(outer);
  if (found == flows_.end()) return to_caf({Code::not_found, "this body is over"});
  const uint64_t id = found->second;
  auto promise = make_response_promise<BodyPartMsg>();
  const auto is_there = [this, id] { return runs_.contains(id); };
  request(options_.flows, caf::infinite, ReadFlow{{}, runs_.at(id).inner})
      .then(
          [this, id, is_there, promise](const BodyPartMsg& message) mutable {
            const Result<js::Part> part = decode_part(message);
            promise.deliver(message);
            if (is_there() && (!part || part->is_last())) end(id);
          },
          [this, id, is_there, promise](const caf::error& error) mutable {
            promise.deliver(error);
            if (is_there()) end(id);
          });
  return caf::delegated<BodyPartMsg>{};
}

void RunnerActor::drop_part(FlowId outer) {
  const auto found = flows_.find(outer);
  if (found == flows_.end()) return;
  const uint64_t id = found->second;
  send(options_.flows, LeaveFlow{{}, runs_.at(id).inner});
  end(id);
}

/// Its place is free.
void RunnerActor::end(uint64_t id) {
  const auto over = runs_.extract(id);
  reactor_.loop().cancel(over.mapped().timer);
  if (over.mapped().outer == 0) return;
  flows_.erase(over.mapped().outer);
  send(options_.flows, EndFlow{over.mapped().outer});
}

uint8_t RunnerActor::memory_percent() {
  const TimePoint now = reactor_.loop().now();
  if (now - memory_read_ < kMemoryFor) return memory_percent_;
  memory_read_ = now;
  return memory_percent_ = used_memory_percent();
}

}  // namespace themis
