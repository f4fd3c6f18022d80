#include "actors/gateway/function_caller.hpp"

#include <caf/all.hpp>

#include "actors/node/node_api.hpp"
#include "actors/peer/exports.hpp"
#include "actors/services/function_api.hpp"
#include "actors/services/function_context.hpp"
#include "actors/system/caf_error.hpp"

namespace themis {
namespace {

const wire::Target kFunctionsTarget = Exports::target_of(kFunctionsActorName);

/// What a failed request says about the call.
CallFailure kind_of(const caf::error& error) {
  // The receiver had ended before the request arrived.
  if (error == caf::sec::request_receiver_down) return CallFailure::not_sent;
  switch (from_caf(error).code) {
    case Code::not_found:
    case Code::overloaded:
      return CallFailure::not_run;
    case Code::unavailable:
    case Code::cancelled:
      return CallFailure::maybe_run;
    default:
      return CallFailure::answered;
  }
}

}  // namespace

void FunctionCaller::call(FunctionCall call, Then then) {
  ++counters_.calls;
  if (open_.size() >= kCallsMax) {
    ++counters_.failures;
    return then(fail(Code::overloaded, "this gateway has as many calls under way as it may"));
  }
  const uint64_t id = ++last_id_;
  std::string name = call.target.ring_name();
  const bool known = router_.knows(name, loop_.now());
  open_.emplace(id, Open{std::move(call), std::move(then), std::move(name), {}});
  known ? try_next(id) : find(id);
}

void FunctionCaller::find(uint64_t id) {
  Open& open = open_.at(id);
  open.fresh = true;
  ++counters_.finds;
  actor_.request(node_, caf::infinite, FindName{open.name})
      .then(
          [this, id](const ring::Records& records) {
            ring::Contacts instances;
            for (const ring::Record& record : records) {
              const auto payload = decode_payload(record.payload);
              if (payload && payload->hosts) instances.push_back(record.provider);
            }
            found(id, std::move(instances));
          },
          [this, id](const caf::error& error) {
            Error why = from_caf(error);
            if (why.code == Code::not_found) return found(id, {});
            open_.at(id).last = std::move(why);
            try_next(id);  // an old route is better than none
          });
}

void FunctionCaller::found(uint64_t id, ring::Contacts instances) {
  router_.learn(open_.at(id).name, std::move(instances), loop_.now());
  try_next(id);
}

void FunctionCaller::try_next(uint64_t id) {
  Open& open = open_.at(id);
  const TimePoint now = loop_.now();
  if (open.call.deadline <= now)
    return finish(id, fail(Code::timeout, "no instance answered in time"));
  const auto instance = router_.choose(open.name, open.tried, now);
  if (!instance) return no_instance(id);
  open.tried.push_back(instance->id);
  const auto proxy = proxies_.find(instance->id);
  if (proxy == proxies_.end()) return reach(id, *instance);
  ask(id, instance->id, proxy->second);
}

/// All that are known have been tried: the ring may know others, and the node that looks after the
/// function can place it anew.
void FunctionCaller::no_instance(uint64_t id) {
  Open& open = open_.at(id);
  if (!open.fresh) return find(id);
  if (!open.replaced) return place_anew(id);
  const Error last = open.last;
  if (last.code == Code::not_found)
    return finish(id, fail(Code::not_found,
                           open.call.target.by_code()
                               ? "no node runs the code \"" + to_hex(open.call.target.code) + "\""
                               : "no function \"" + open.call.target.function + "\""));
  finish(id, fail(last));
}

void FunctionCaller::place_anew(uint64_t id) {
  Open& open = open_.at(id);
  open.replaced = true;
  const auto placed = [this, id] {
    Open& again = open_.at(id);
    ++counters_.replaced;
    again.tried.clear();  // what failed may be back; only calls that may be sent again come here
    find(id);
  };
  const auto failed = [this, id](const caf::error& error) {
    Open& again = open_.at(id);
    const Error why = from_caf(error);
    if (again.tried.empty() && why.code != Code::not_found) again.last = why;
    no_instance(id);
  };
  const CallTarget& target = open.call.target;
  if (target.by_code()) {
    when_done(actor_.request(functions_, caf::infinite, EnsureCode{target.code}), placed, failed);
  } else {
    when_done(actor_.request(functions_, caf::infinite, EnsureFunction{target.function}), placed,
              failed);
  }
}

void FunctionCaller::reach(uint64_t id, const ring::Contact& instance) {
  const NodeId node = instance.id;
  actor_.request(node_, caf::infinite, ReachActor{instance, kFunctionsTarget})
      .then(
          [this, id, node](const caf::actor& proxy) {
            if (caf::actor& known = proxies_[node]; known != proxy) {
              known = proxy;
              actor_.monitor(proxy);
            }
            ask(id, node, proxy);
          },
          [this, id, node](const caf::error& error) {
            failed(id, node, CallFailure::not_sent, from_caf(error));
          });
}

void FunctionCaller::ask(uint64_t id, const NodeId& node, const caf::actor& proxy) {
  router_.began(node);
  actor_.request(proxy, caf::infinite, open_.at(id).call.invoke)
      .then(
          [this, id, node](const OutcomeMsg& outcome) {
            router_.ended(node, loop_.now());
            finish(id, Answer{outcome, node});
          },
          [this, id, node](const caf::error& error) {
            router_.ended(node, loop_.now());
            failed(id, node, kind_of(error), from_caf(error));
          });
}

void FunctionCaller::failed(uint64_t id, const NodeId& node, CallFailure failure, Error error) {
  Open& open = open_.at(id);
  if (failure == CallFailure::not_sent || failure == CallFailure::maybe_run) {
    router_.eject(node, loop_.now());
    if (failure == CallFailure::not_sent) proxies_.erase(node);
    // The node that looks after the function hears of it at once; others have nothing to do.
    if (!open.call.target.by_code() && open.tried.size() == 1)
      when_done(
          actor_.request(functions_, caf::infinite, EnsureFunction{open.call.target.function}));
  } else if (error.code == Code::not_found && !open.fresh) {
    router_.forget(open.name);  // an old route: the ring is asked next
  }
  if (!router_.may_retry(failure, open.call.method, open.tried.size()))
    return finish(id, fail(std::move(error)));
  ++counters_.retries;
  open.last = std::move(error);
  try_next(id);
}

void FunctionCaller::finish(uint64_t id, Result<Answer> answer) {
  auto node = open_.extract(id);
  if (!answer) ++counters_.failures;
  node.mapped().then(std::move(answer));
}

void FunctionCaller::stop() {
  open_.clear();
  proxies_.clear();
  node_ = functions_ = nullptr;
}

void FunctionCaller::on_down(const caf::actor_addr& proxy) {
  std::erase_if(proxies_, [&proxy](const auto& entry) { return entry.second.address() == proxy; });
}

}  // namespace themis
