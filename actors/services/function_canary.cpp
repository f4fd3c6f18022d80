// Canaries: a version beside the one that runs, tried, promoted or let go.

#include <algorithm>
#include <caf/all.hpp>

#include "actors/services/function_deployer.hpp"
#include "actors/system/caf_error.hpp"
#include "runtime/base/log.hpp"

namespace themis {

/// Errors: invalid, not_found, exists, overloaded.
Status FunctionDeployer::check_canary(const DeployFunction& order) const {
  const auto found = functions_.find(order.name);
  if (found != functions_.end() && found->second.canary)
    return fail(Code::exists, "\"" + order.name + kHasCanary);
  if (order.canary.percent == 0) {
    if (!order.canary.sticky) return {};
    return fail(Code::invalid, "only callers of a canary are split: sticky needs canary");
  }
  if (order.canary.percent > kCanaryPercentMax)
    return fail(Code::invalid,
                "a canary gets 1 to " + std::to_string(kCanaryPercentMax) + " percent");
  if (found == functions_.end() || !found->second.row)
    return fail(Code::not_found, "no function \"" + order.name +
                                     "\" was deployed through this node: there is nothing beside "
                                     "which a canary could run");
  if (canaries_ >= kCanariesMax)
    return fail(Code::overloaded, "as many canaries as one node may look after");
  return {};
}

/// A canary goes to nodes that do not run the function yet, else beside the version that runs.
ring::Contacts FunctionDeployer::candidates(const std::string& name) const {
  const Work& work = *functions_.at(name).work;
  ring::Contacts nodes = rank_candidates(context_.self, work.run.current, work.run.points);
  if (work.queue.front().kind != Kind::canary) return nodes;
  const auto is_free = [&](const ring::Contact& node) {
    return std::ranges::find(work.run.current, node.id, &ring::Contact::id) ==
           work.run.current.end();
  };
  std::stable_partition(nodes.begin(), nodes.end(), is_free);
  return nodes;
}

/// One that is over is let go where it still runs: its node was out of reach, or this one started
/// again. True: nobody was told that this one is up.
bool FunctionDeployer::look_at_canary(const std::string& name, const ring::Record& record,
                                      uint32_t version) {
  const Function& function = functions_.at(name);
  if (function.canary && function.canary->version.number == version) return false;
  const bool was_attempted = version == function.attempted.number &&
                             (!function.row || function.attempted > function.row->version);
  const bool is_over = function.row && version <= function.row->version.number;
  if (was_attempted || is_over) send_unhost(name, record.provider, true);
  return was_attempted;
}

void FunctionDeployer::settle_canary(const std::string& name) {
  Function& function = functions_.at(name);
  const Operation& operation = function.work->queue.front();
  Run& run = function.work->run;
  if (run.placement.placed().empty()) {
    const std::optional<Error>& why = run.placement.failure();
    Error error{Code::unavailable, "no node has room for a canary beside the version that runs"};
    if (why && is_functions_own(why->code))
      error = *why;
    else if (why)
      error.detail += ": " + why->text();
    take_back(name);
    return fail_operation(name, std::move(error));
  }
  run.keeps_code = false;  // until forget_canary()
  const ring::Contact& node = run.placement.placed().front();
  function.canary = std::make_unique<Canary>(
      Canary{run.version, operation.canary, operation.instances, operation.source, run.key, node});
  ++canaries_;
  host_.keep(run.version.id);
  log::info("functions", "{} version {} gets {} % of the calls, on {}", name, run.version.number,
            operation.canary.percent, node.id.brief());
  finish(name, caf::make_message(DeployedFunction{name, run.version.id, run.version.number, 0,
                                                  operation.canary}));
}

void FunctionDeployer::forget_canary(const std::string& name) {
  const auto canary = std::move(functions_.at(name).canary);
  if (!canary) return;
  send_unhost(name, canary->node, true);
  --canaries_;
  host_.release(canary->version.id);
  when_done(context_.actor.request(context_.store, caf::infinite, DropCode{canary->version.id}));
}

void FunctionDeployer::end_canary(const EndCanary& order, caf::response_promise promise) {
  const auto found = functions_.find(order.name);
  if (found == functions_.end() || !found->second.canary)
    return promise.deliver(to_caf({Code::not_found, "\"" + order.name + "\" has no canary here"}));
  const Canary& canary = *found->second.canary;
  if (!order.promote) return enqueue(order.name, {Kind::drop_canary, {}, 0, {std::move(promise)}});
  enqueue(order.name,
          {Kind::deploy, canary.source, canary.instances, {std::move(promise)}, canary.key});
}

/// Its calls go to the others at once; then the version that runs has its place again.
void FunctionDeployer::start_drop_canary(const std::string& name) {
  Function& function = functions_.at(name);
  if (!function.canary || !function.row)
    return fail_operation(name, {Code::not_found, "\"" + name + "\" has no canary here"});
  forget_canary(name);
  const FunctionVersion& runs = function.row->version;
  const auto answer = caf::make_message(DeployedFunction{name, runs.id, runs.number});
  enqueue(name, {});
  finish(name, answer);
}

}  // namespace themis
