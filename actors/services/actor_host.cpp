#include "actors/services/actor_host.hpp"

#include <caf/all.hpp>

#include "actors/monitor/state_api.hpp"
#include "actors/services/code_finder.hpp"
#include "actors/system/caf_error.hpp"
#include "runtime/base/log.hpp"

namespace themis {
namespace {

/// What the workers know an actor by, whatever its code is.
CodeId id_of(const std::string& function, const bundle::ActorName& actor) {
  crypto::Hasher hasher("themis/actor-worker/v1");
  return hasher.add_framed(as_bytes(function))
      .add_framed(as_bytes(actor.class_name))
      .add_framed(as_bytes(actor.id))
      .finish();
}

template <class Response>
void answer(const Response& response, caf::response_promise promise) {
  Response handle = response;
  handle.then([promise](const OutcomeMsg& outcome) mutable { promise.deliver(outcome); },
              [promise](const caf::error& error) mutable { promise.deliver(error); });
}

}  // namespace

Result<HostedRow> ActorHost::row_of(const std::string& function) const {
  if (const HostedRow* row = functions_.with_actors(function)) return *row;
  const auto kept = codes_.find(function);
  if (kept != codes_.end() && kept->second.source) return kept->second.row;
  return fail(Code::not_found, "\"" + function + "\" has no actors here");
}

void ActorHost::call(const InvokeMsg& message, caf::response_promise promise) {
  Result<ActorCall> call = decode_actor_call(message);
  if (!call) return promise.deliver(to_caf(call.error()));
  if (call->row.name.size() > bundle::kActorFunctionBytesMax)
    return promise.deliver(
        to_caf({Code::invalid, "the name of a function with actors has at most " +
                                   std::to_string(bundle::kActorFunctionBytesMax) + " bytes"}));
  Result<HostedRow> row = row_of(call->row.name);
  if (!row) return promise.deliver(to_caf(row.error()));
  call->row = std::move(*row);
  const std::string name_space = bundle::actor_home(call->row.name, call->actor).name_space;
  answer(context_.actor.request(context_.router, caf::infinite,
                                CallHome{name_space, encode_actor_call(message, *call)}),
         promise);
}

/// Makes room by forgetting what nobody used for so long that none of its actors is loaded.
Result<ActorHost::Kept*> ActorHost::code_of(const std::string& function) {
  const TimePoint now = context_.loop.now();
  if (const auto found = codes_.find(function); found != codes_.end()) {
    found->second.used = now;
    return &found->second;
  }
  if (codes_.size() >= kFunctionsMax)
    std::erase_if(codes_, [&](const auto& each) {
      return !each.second.coming && now - each.second.used > kKeptMin;
    });
  if (codes_.size() >= kFunctionsMax)
    return fail(Code::overloaded, "actors of too many functions live on this node");
  Kept& code = codes_[function];
  code.used = now;
  return &code;
}

void ActorHost::run(const InvokeMsg& message, caf::response_promise promise) {
  if (!context_.workers)
    return promise.deliver(to_caf({Code::unavailable, "this node runs no functions"}));
  const Result<ActorCall> call = decode_actor_call(message);
  if (!call) return promise.deliver(to_caf(call.error()));
  const Result<Kept*> kept = code_of(call->row.name);
  if (!kept) return promise.deliver(to_caf(kept.error()));
  Kept& code = **kept;
  if (code.waiting.empty() && is_current(code, call->row.version))
    return start(*call, {message, std::move(promise)}, code);
  if (code.waiting.size() >= kWaitingMax)
    return promise.deliver(to_caf({Code::overloaded, "too many calls wait for an actor's code"}));
  code.waiting.push_back({message, std::move(promise)});
  if (code.coming) return;
  code.coming = call->row;
  const NodeId* peer = message.frame()->peer();
  find_code(context_, call->row.version.id, peer ? std::optional<NodeId>(*peer) : std::nullopt,
            [this, function = call->row.name](const Result<FoundCode>& found) {
              loaded(function, found);
            });
}

/// Whether a call that asks for a version is for the one that is here.
bool ActorHost::is_current(Kept& code, const FunctionVersion& asked) const {
  if (!code.source || code.row.version < asked) return false;
  const TimePoint now = context_.loop.now();
  if (code.row.version == asked) code.brought = now;
  return now - code.brought <= kBehindMax;
}

void ActorHost::start(const ActorCall& call, Waiting waiting, Kept& code) {
  ++calls_;
  InstallFunction order{code.row.name,
                        id_of(code.row.name, call.actor),
                        code.source,
                        limits_of(*code.settings, context_.limits),
                        actors_owner(code.row.name),
                        code.row.key,
                        code.settings};
  order.actor = call.actor;
  order.code = code.row.version.id;
  order.deployer = deployer_text(code.row.owner);
  answer(context_.actor.request(
             context_.workers, caf::infinite,
             CallActor{std::make_shared<const InstallFunction>(std::move(order)), waiting.message}),
         waiting.promise);
}

/// Errors: those of read_code.
Status ActorHost::take(Kept& code, const CodePtr& source) const {
  THEMIS_TRY(bundle::Bundle read, bundle::read_code(*source, code.coming->name));
  code.settings = std::make_shared<const bundle::Settings>(std::move(read.settings));
  code.source = source;
  code.row = *code.coming;
  code.brought = context_.loop.now();
  return {};
}

void ActorHost::loaded(const std::string& function, const Result<FoundCode>& source) {
  Kept& code = codes_.at(function);
  const Status taken = source ? take(code, source->source) : fail(source.error());
  code.coming.reset();
  std::deque<Waiting> waiting = std::exchange(code.waiting, {});
  if (taken)
    log::info("functions", "actors of {} version {} live here", function, code.row.version.number);
  for (Waiting& each : waiting) {
    if (taken) {
      run(each.message, std::move(each.promise));
    } else {
      each.promise.deliver(to_caf(taken.error()));
    }
  }
}

/// Its function was removed: nothing of its actors is left in memory, and none writes any more.
void ActorHost::end(const std::string& function, caf::response_promise promise) {
  const auto found = codes_.find(function);
  if (found != codes_.end() && !found->second.coming) codes_.erase(found);
  if (!context_.workers) return promise.deliver(ack());
  when_done(
      context_.actor.request(context_.workers, caf::infinite, EndOwner{actors_owner(function)}),
      [promise]() mutable { promise.deliver(ack()); },
      [promise](const caf::error& error) mutable { promise.deliver(error); });
}

void ActorHost::stop() {
  const caf::error stopped = to_caf({Code::cancelled, "the function service ended"});
  for (auto& [function, code] : codes_)
    for (Waiting& each : code.waiting) each.promise.deliver(stopped);
  codes_.clear();
}

}  // namespace themis
