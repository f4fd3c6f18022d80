#include "actors/caller/route_caller.hpp"

#include <caf/all.hpp>

#include "actors/system/caf_error.hpp"

namespace themis {

using mesh::CallFailure;
using mesh::Judgement;
using mesh::Verdict;

TimePoint RouteCaller::deadline_of(const std::string& name, TimePoint deadline) const {
  const uint32_t timeout_ms = table_.policy(name).timeout_ms;
  if (timeout_ms == 0) return deadline;
  return std::min(deadline, kind_.now() + std::chrono::milliseconds(timeout_ms));
}

void RouteCaller::call(RoutedCall call, Then then) {
  ++counters_.calls;
  if (open_.size() >= kCallsMax) {
    ++counters_.failures;
    return then(fail(Code::overloaded, "this caller has as many calls under way as it may"));
  }
  const uint64_t id = ++last_id_;
  const bool known = table_.knows(call.name, kind_.now());
  call.idempotent = call.idempotent || table_.policy(call.name).idempotent;
  open_.emplace(id, Open{std::move(call), std::move(then), {}});
  known ? try_next(id) : find(id);
}

void RouteCaller::find(uint64_t id) {
  Open& open = open_.at(id);
  open.fresh = true;
  ++counters_.finds;
  actor_.request(node_, caf::infinite, FindName{open.call.name})
      .then(
          [this, id](const ring::Records& records) {
            table_.learn(open_.at(id).call.name, mesh::instances_of(records), kind_.now());
            try_next(id);
          },
          [this, id](const caf::error& error) {
            Error why = from_caf(error);
            // An old route is better than none, unless there is nobody.
            if (why.code == Code::not_found) {
              table_.forget(open_.at(id).call.name);
            } else {
              open_.at(id).last = std::move(why);
            }
            try_next(id);
          });
}

void RouteCaller::try_next(uint64_t id) {
  Open& open = open_.at(id);
  const TimePoint now = kind_.now();
  if (open.call.frame->deadline() <= now)
    return finish(id, fail(Code::timeout, "no instance answered in time"));
  const auto instance = table_.choose(open.call.name, open.tried, now);
  if (!instance && instance.error().code == Code::not_found) return no_instance(id);
  if (!std::exchange(open.counted, true)) table_.called(open.call.name, now);
  if (!instance) return finish(id, fail(instance.error()));
  start(id, *instance);
  const bool is_first = open.tried.size() == 1 && !open.hedged;
  if (!is_first || open.done) return;
  if (const auto delay = table_.hedge_after(open.call.name, open.call.idempotent))
    kind_.after(*delay, id);
}

void RouteCaller::start(uint64_t id, const ring::Contact& instance) {
  Open& open = open_.at(id);
  open.tried.push_back(instance.id);
  ++open.pending;
  table_.began(open.call.name, instance.id);
  const Attempt attempt{id, instance.id, kind_.now()};
  const wire::Target target = kind_.target_of(open.call.name);
  const auto proxy = proxies_.find({instance.id, target});
  if (proxy == proxies_.end()) return reach(attempt, instance, target);
  ask(attempt, proxy->second);
}

/// The first request is late: another instance may be faster. Whoever answers second is ignored.
void RouteCaller::hedge(uint64_t id) {
  const auto found = open_.find(id);
  if (found == open_.end()) return;
  Open& open = found->second;
  if (open.done || open.pending != 1 || std::exchange(open.hedged, true)) return;
  const auto instance = table_.choose(open.call.name, open.tried, kind_.now());
  if (!instance || !table_.may_hedge(open.call.name, kind_.now())) return;
  start(id, *instance);
}

/// All that are known have been tried: the ring may know others, and whoever looks after the name
/// can bring some up.
void RouteCaller::no_instance(uint64_t id) {
  Open& open = open_.at(id);
  if (!open.fresh) return find(id);
  if (!std::exchange(open.restored, true)) {
    return kind_.restore(open.call.name, [this, id](const Status& restored) {
      Open& again = open_.at(id);
      if (restored) {
        ++counters_.replaced;
        again.tried
            .clear();  // what failed may be back; only calls that may be sent again come here
        return find(id);
      }
      const Error& why = restored.error();
      if (again.tried.empty() && why.code != Code::not_found) again.last = why;
      no_instance(id);
    });
  }
  const Error last = open.last;
  finish(id, fail(last.code == Code::not_found ? kind_.nobody(open.call.name) : last));
}

void RouteCaller::reach(const Attempt& attempt, const ring::Contact& instance,
                        wire::Target target) {
  actor_.request(node_, caf::infinite, ReachActor{instance, target})
      .then(
          [this, attempt, target](const caf::actor& proxy) {
            if (proxies_.size() >= kProxiesMax) proxies_.clear();
            if (caf::actor& known = proxies_[{attempt.node, target}]; known != proxy) {
              known = proxy;
              actor_.monitor(proxy);
            }
            ask(attempt, proxy);
          },
          [this, attempt](const caf::error& error) {
            failed(attempt, {CallFailure::not_sent, Verdict::unreachable}, from_caf(error));
          });
}

void RouteCaller::ask(const Attempt& attempt, const caf::actor& proxy) {
  const Open& open = open_.at(attempt.call);
  if (open.done) {  // its other request was answered while this instance was being reached
    settle(attempt, Verdict::none);
    return;
  }
  kind_.ask(
      proxy, open.call.frame,
      [this, attempt](const wire::FramePtr& frame) { answered(attempt, frame); },
      [this, attempt](const caf::error& error) {
        failed(attempt, kind_.judge(error), from_caf(error));
      });
}

/// A request is over. False: the call was answered before.
bool RouteCaller::settle(const Attempt& attempt, Verdict verdict) {
  Open& open = open_.at(attempt.call);
  --open.pending;
  table_.ended(open.call.name, attempt.node, verdict, kind_.now());
  if (!open.done) return true;
  if (open.pending == 0) open_.erase(attempt.call);
  return false;
}

void RouteCaller::answered(const Attempt& attempt, const wire::FramePtr& frame) {
  const TimePoint now = kind_.now();
  table_.took(open_.at(attempt.call).call.name, attempt.node, now - attempt.began, now);
  if (!settle(attempt, kind_.is_fault(frame) ? Verdict::faulty : Verdict::healthy)) return;
  finish(attempt.call, Answer{frame, attempt.node});
}

void RouteCaller::failed(const Attempt& attempt, Judgement judgement, Error error) {
  if (!settle(attempt, judgement.verdict)) return;
  Open& open = open_.at(attempt.call);
  if (judgement.failure == CallFailure::not_sent)
    proxies_.erase({attempt.node, kind_.target_of(open.call.name)});
  if (judgement.verdict == Verdict::unreachable && open.tried.size() == 1)
    kind_.lost(open.call.name);
  if (open.pending > 0) {
    open.last = std::move(error);  // its other request decides
    return;
  }
  if (!table_.may_retry(open.call.name, judgement.failure, open.call.idempotent, open.tried.size(),
                        kind_.now()))
    return finish(attempt.call, fail(std::move(error)));
  ++counters_.retries;
  const bool is_old = error.code == Code::not_found && !open.fresh;
  open.last = std::move(error);
  is_old ? find(attempt.call) : try_next(attempt.call);
}

void RouteCaller::finish(uint64_t id, Result<Answer> answer) {
  Open& open = open_.at(id);
  if (!answer) ++counters_.failures;
  open.done = true;
  open.call.frame = {};  // a request that is still under way has its own
  const Then then = std::exchange(open.then, nullptr);
  if (open.pending == 0) open_.erase(id);
  then(std::move(answer));
}

void RouteCaller::stop() {
  std::exchange(open_, {}).clear();
  std::exchange(proxies_, {}).clear();
  node_ = nullptr;
}

void RouteCaller::on_down(const caf::actor_addr& proxy) {
  std::erase_if(proxies_, [&proxy](const auto& entry) { return entry.second.address() == proxy; });
}

}  // namespace themis
