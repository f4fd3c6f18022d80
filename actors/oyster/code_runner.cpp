#include "actors/oyster/code_runner.hpp"

#include <algorithm>
#include <caf/all.hpp>

#include "actors/flows/flow_api.hpp"
#include "actors/mesh/guard.hpp"
#include "actors/oyster/body_reader.hpp"
#include "actors/peer/exports.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/system/message_types.hpp"
#include "actors/worker/function_codec.hpp"

namespace themis {
namespace {

using mesh::CallFailure;
using mesh::Judgement;
using mesh::Verdict;

/// All others are tried before it is said that none has a place: as many as a route has.
constexpr uint32_t kRetries = 63;

/// The operator's own rule for the name, if there is one.
std::vector<RouteConfig> with_default(std::vector<RouteConfig> routes) {
  if (mesh::find_route(routes, kRunsRingName) != nullptr) return routes;
  RouteConfig ours;
  ours.name = kRunsRingName;
  ours.retries = kRetries;
  routes.push_back(std::move(ours));
  return routes;
}

}  // namespace

CodeRunner::CodeRunner(caf::event_based_actor& actor, Reactor& reactor, CodeRunnerOptions options)
    : actor_(actor),
      reactor_(reactor),
      options_(std::move(options)),
      caller_(actor, *this, *options_.rng, options_.node,
              with_default(std::move(options_.routes))) {}

uint64_t CodeRunner::run(RunnablePtr code, const InvokeMsg& invoke, Then then) {
  const uint64_t id = ++last_id_;
  calls_.emplace(id, Call{std::move(code), invoke, std::move(then)});
  run_here(id, other());
  return id;
}

/// Asks nobody: what is known.
std::optional<mesh::KnownLoad> CodeRunner::other() {
  if (options_.runners.empty()) return std::nullopt;
  if (now() - looked_ >= kLookEvery) {
    looked_ = now();
    caller_.look(kRunsRingName);
  }
  return caller_.load_of_one(kRunsRingName);
}

void CodeRunner::run_here(uint64_t id, const std::optional<mesh::KnownLoad>& other) {
  const Call& call = calls_.at(id);
  actor_.request(options_.runner, caf::infinite, RunCode{call.code, call.invoke, other})
      .then([this, id](const OutcomeMsg& outcome) { answered(id, std::nullopt, outcome); },
            [this, id](const caf::error& error) {
              const auto open = calls_.find(id);
              if (open == calls_.end()) return;
              Error why = from_caf(error);
              const bool was_run = why.code != Code::overloaded;
              if (was_run || options_.runners.empty() || open->second.was_out)
                return finish(id, fail(std::move(why)));
              run_elsewhere(id);
            });
}

void CodeRunner::run_elsewhere(uint64_t id) {
  Call& open = calls_.at(id);
  RoutedCall call{kRunsRingName, open.invoke.frame()};
  call.once = true;  // whatever its method: only what did not run is asked for again
  frames_.emplace(open.invoke.frame().writable(), id);
  RouteCaller::Then then = [this, id](Result<RouteCaller::Answer> answer) {
    const auto found = calls_.find(id);
    if (found == calls_.end()) return;
    found->second.route.reset();
    frames_.erase(found->second.invoke.frame().writable());
    if (answer) {
      ++sent_out_;
      return answered(id, answer->node, OutcomeMsg(std::move(answer->frame)));
    }
    if (found->second.may_have_run) return finish(id, fail(std::move(answer.error())));
    not_run_elsewhere(id);
  };
  const Result<uint64_t> begun = caller_.call(std::move(call), std::move(then));
  if (begun) {
    if (calls_.contains(id)) calls_.at(id).route = *begun;
    return;
  }
  frames_.erase(open.invoke.frame().writable());
  not_run_elsewhere(id);
}

/// Here there may be a place by now.
void CodeRunner::not_run_elsewhere(uint64_t id) {
  Call& call = calls_.at(id);
  call.was_out = true;
  if (call.invoke.frame()->deadline() <= now())
    return finish(id, fail(Code::timeout, "no node took it in time"));
  run_here(id, std::nullopt);
}

void CodeRunner::answered(uint64_t id, std::optional<NodeId> node, const OutcomeMsg& outcome) {
  const Result<FlowId> flow = flow_of(outcome);
  const auto found = calls_.find(id);
  if (found == calls_.end()) {  // given up
    if (flow && *flow != 0) actor_.send(options_.flows, LeaveFlow{node, *flow});
    return;
  }
  found->second.node = node;
  found->second.flow = flow.value_or(0);
  read_answer(actor_, {options_.flows, node}, outcome, kAnswerBytesMax,
              [this, id](Result<http::Response> response) { finish(id, std::move(response)); });
}

void CodeRunner::finish(uint64_t id, Result<http::Response> result) {
  const auto call = calls_.extract(id);
  if (!call.empty()) call.mapped().then(std::move(result));
}

void CodeRunner::cancel(uint64_t id) {
  const auto found = calls_.extract(id);
  if (found.empty()) return;
  const Call& call = found.mapped();
  frames_.erase(call.invoke.frame().writable());
  if (call.flow != 0) return actor_.send(options_.flows, LeaveFlow{call.node, call.flow});
  if (call.route) return caller_.cancel(*call.route);
  actor_.send(options_.runner, CancelRequest{call.invoke.frame()});
}

RunnablePtr CodeRunner::lent(const CodeId& id) const {
  for (const auto& [frame, call] : frames_)
    if (calls_.at(call).code->id == id) return calls_.at(call).code;
  return nullptr;
}

void CodeRunner::stop() {
  caller_.stop();
  calls_.clear();
  frames_.clear();
  options_.runner = options_.node = options_.flows = nullptr;
}

wire::Target CodeRunner::target_of(const std::string&, bool) const {
  static const wire::Target target = Exports::target_of(kRunnerActorName);
  return target;
}

bool CodeRunner::may_run(const std::string&, const NodeId& node) const {
  return node != options_.self &&
         std::ranges::any_of(options_.runners, [&](const std::string& runner) {
           return runner == "any" || runner == to_hex(node.bytes);
         });
}

void CodeRunner::ask(const caf::actor& instance, const wire::FramePtr& frame, Answered answered,
                     Failed failed) {
  const auto judged = [this, frame, failed = std::move(failed)](const caf::error& error) {
    const auto call = frames_.find(frame.writable());
    if (call != frames_.end() && judge(error).failure != CallFailure::not_sent)
      calls_.at(call->second).may_have_run = true;
    failed(error);
  };
  actor_.request(instance, caf::infinite, InvokeMsg(frame))
      .then([answered =
                 std::move(answered)](const OutcomeMsg& outcome) { answered(outcome.frame()); },
            judged);
}

/// What a node says that it did not run costs no budget of retries: it is asked of the next one.
/// A code's own failures say nothing of its node.
Judgement CodeRunner::judge(const caf::error& error) const {
  if (error == caf::sec::request_receiver_down)
    return {CallFailure::not_sent, Verdict::unreachable};
  switch (from_caf(error).code) {
    case Code::overloaded:
      return {CallFailure::not_sent, Verdict::full};
    case Code::not_hosted:
    case Code::denied:
      return {CallFailure::not_sent, Verdict::absent};
    case Code::not_found:
      return {CallFailure::not_sent, Verdict::full};
    case Code::unavailable:
    case Code::cancelled:
      return {CallFailure::maybe_run, Verdict::unreachable};
    default:
      return {CallFailure::answered, Verdict::none};
  }
}

void CodeRunner::restore(const std::string&, std::function<void(Status)> done) {
  done(fail(Code::not_found, "nodes offer to run codes by themselves"));
}

Error CodeRunner::nobody(const std::string&) const {
  return {Code::not_found, "no other node runs codes"};
}

void CodeRunner::after(Duration delay, uint64_t call) {
  reactor_.send_after(delay, caf::actor_cast<caf::actor>(&actor_),
                      caf::make_message(CallerTimer{call}));
}

}  // namespace themis
