#include "actors/caller/route_caller.hpp"

#include <caf/all.hpp>

#include "actors/system/caf_error.hpp"
#include "actors/system/message_types.hpp"
#include "rpc.capnp.h"

namespace themis {

using mesh::CallFailure;
using mesh::Judgement;
using mesh::Verdict;

TimePoint RouteCaller::deadline_of(const std::string& name, TimePoint deadline) const {
  const uint32_t timeout_ms = table_.policy(name).timeout_ms;
  if (timeout_ms == 0) return deadline;
  return std::min(deadline, kind_.now() + std::chrono::milliseconds(timeout_ms));
}

uint64_t RouteCaller::call(RoutedCall call, Then then) {
  ++counters_.calls;
  if (open_.size() >= kCallsMax) {
    ++counters_.failures;
    then(fail(Code::overloaded, "this caller has as many calls under way as it may"));
    return 0;
  }
  const uint64_t id = ++last_id_;
  const RouteConfig& policy = table_.policy(call.name);
  const bool known = table_.knows(call.name, kind_.now());
  call.idempotent = call.idempotent || policy.idempotent;
  const bool may_repeat = call.idempotent && (policy.retries > 0 || policy.hedge);
  if (may_repeat && !call.safe) give_key(*call.frame.writable());
  open_.emplace(id, Open{std::move(call), std::move(then)});
  known ? try_next(id) : find(id);
  return id;
}

void RouteCaller::give_key(wire::Frame& frame) {
  wire::IdempotencyKey key;
  do rng_.fill(key.bytes);
  while (key.is_zero());
  frame.set_idempotency_key(key);
}

void RouteCaller::find(uint64_t id) {
  Open& open = open_.at(id);
  open.fresh = open.searching = true;
  ++counters_.finds;
  actor_.request(node_, caf::infinite, FindName{open.call.name})
      .then(
          [this, id](const ring::Records& records) {
            table_.learn(open_.at(id).call.name, mesh::instances_of(records), kind_.now());
            if (found(id)) try_next(id);
          },
          [this, id](const caf::error& error) {
            Error why = from_caf(error);
            // An old route is better than none.
            if (why.code == Code::not_found) {
              table_.learn(open_.at(id).call.name, {}, kind_.now());
            } else {
              open_.at(id).last = std::move(why);
            }
            if (found(id)) try_next(id);
          });
}

bool RouteCaller::found(uint64_t id) {
  open_.at(id).searching = false;
  drop_if_over(id);
  return open_.contains(id);
}

void RouteCaller::try_next(uint64_t id) {
  Open& open = open_.at(id);
  const TimePoint now = kind_.now();
  if (open.call.frame->deadline() <= now)
    return finish(id, fail(Code::timeout, "no instance answered in time"));
  const auto instance = table_.choose(open.call.name, open.tried, now);
  if (!instance && instance.error().code == Code::not_found) return no_instance(id);
  if (!std::exchange(open.counted, true)) table_.called(open.call.name, now);
  arm_checks();
  if (!instance) return finish(id, fail(instance.error()));
  start(id, *instance);
  if (open.attempts != 1 || open.hedged || open.done) return;
  if (const auto delay = table_.hedge_after(open.call.name, open.call.idempotent))
    kind_.after(*delay, id);
}

void RouteCaller::start(uint64_t id, const ring::Contact& instance) {
  Open& open = open_.at(id);
  open.tried.push_back(instance.id);
  ++open.attempts;
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
/// can bring some up. Else one that had the call may have it again: it knows the call by its key.
void RouteCaller::no_instance(uint64_t id) {
  Open& open = open_.at(id);
  if (!open.fresh) return find(id);
  if (!std::exchange(open.restored, true)) {
    open.searching = true;
    return kind_.restore(open.call.name, [this, id](const Status& status) {
      if (found(id)) restored(id, status);
    });
  }
  const bool had_it = open.call.idempotent && !open.tried.empty();
  if (had_it && !std::exchange(open.repeated, true)) {
    open.tried.clear();
    return try_next(id);
  }
  const Error last = open.last;
  finish(id, fail(last.code == Code::not_found ? kind_.nobody(open.call.name) : last));
}

void RouteCaller::restored(uint64_t id, const Status& status) {
  Open& open = open_.at(id);
  if (status) {
    ++counters_.replaced;
    open.tried.clear();  // what failed may be back; only calls that may be sent again come here
    return find(id);
  }
  const Error& why = status.error();
  if (open.tried.empty() && why.code != Code::not_found) open.last = why;
  no_instance(id);
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
  Open& open = open_.at(attempt.call);
  if (open.done) {  // its other request was answered while this instance was being reached
    settle(attempt, Verdict::none);
    return;
  }
  open.asked.emplace_back(attempt.node, proxy);
  kind_.ask(
      proxy, open.call.frame,
      [this, attempt](const wire::FramePtr& frame) { answered(attempt, frame); },
      [this, attempt](const caf::error& error) {
        failed(attempt, kind_.judge(error), from_caf(error));
      });
}

/// A request is over. False: the call was answered or given up before.
bool RouteCaller::settle(const Attempt& attempt, Verdict verdict) {
  Open& open = open_.at(attempt.call);
  --open.pending;
  std::erase_if(open.asked, [&](const auto& asked) { return asked.first == attempt.node; });
  table_.ended(open.call.name, attempt.node, open.done ? Verdict::none : verdict, kind_.now());
  if (!open.done) return true;
  drop_if_over(attempt.call);
  return false;
}

void RouteCaller::answered(const Attempt& attempt, const wire::FramePtr& frame) {
  const TimePoint now = kind_.now();
  table_.took(open_.at(attempt.call).call.name, attempt.node, now - attempt.began, now);
  if (!settle(attempt, kind_.is_fault(frame) ? Verdict::faulty : Verdict::healthy)) return;
  finish(attempt.call, Answer{frame, attempt.node});
}

void RouteCaller::failed(const Attempt& attempt, Judgement judgement, Error error) {
  Open& open = open_.at(attempt.call);
  // The slower one of two: it took so long at least.
  if (open.done && open.hedged && error.code == Code::cancelled)
    table_.took(open.call.name, attempt.node, kind_.now() - attempt.began, kind_.now());
  if (!settle(attempt, judgement.verdict)) return;
  // Its down message may come after the next attempt.
  if (judgement.verdict == Verdict::unreachable || judgement.failure == CallFailure::not_sent)
    proxies_.erase({attempt.node, kind_.target_of(open.call.name)});
  if (judgement.verdict == Verdict::unreachable && open.attempts == 1) kind_.lost(open.call.name);
  if (open.pending > 0) {
    open.last = std::move(error);  // its other request decides
    return;
  }
  if (!table_.may_retry(open.call.name, judgement.failure, open.call.idempotent, open.attempts,
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
  const Then then = std::exchange(open.then, nullptr);
  abandon(id);
  then(std::move(answer));
}

/// Nobody waits for the call any more; nor for the requests that are still under way.
void RouteCaller::abandon(uint64_t id) {
  Open& open = open_.at(id);
  open.done = true;
  const wire::FramePtr frame = std::exchange(open.call.frame, {});
  if (open.pending > 0) frame->cancel();
  for (const auto& [node, instance] : open.asked) actor_.send(instance, CancelRequest{frame});
  drop_if_over(id);
}

void RouteCaller::drop_if_over(uint64_t id) {
  const Open& open = open_.at(id);
  if (open.done && open.pending == 0 && !open.searching) open_.erase(id);
}

void RouteCaller::cancel(uint64_t id) {
  const auto found = open_.find(id);
  if (found == open_.end() || found->second.done) return;
  ++counters_.cancelled;
  found->second.then = nullptr;
  abandon(id);
}

void RouteCaller::cancel_for(const wire::FramePtr& request) {
  std::vector<uint64_t> ended;
  for (const auto& [id, open] : open_)
    if (!open.done && open.call.request.writable() == request.writable()) ended.push_back(id);
  for (const uint64_t id : ended) {
    if (!open_.contains(id) || open_.at(id).done) continue;  // ended by what another one led to
    ++counters_.cancelled;
    finish(id, fail(Code::cancelled, "the request that this call served was given up"));
  }
}

void RouteCaller::stop() {
  std::exchange(open_, {}).clear();
  std::exchange(proxies_, {}).clear();
  node_ = nullptr;
}

void RouteCaller::on_down(const caf::down_msg& down) {
  const auto found = std::ranges::find_if(
      proxies_, [&down](const auto& entry) { return entry.second.address() == down.source; });
  if (found == proxies_.end()) return;
  const NodeId node = found->first.first;
  proxies_.erase(found);
  // This is how proxies end whose session is lost: not with a drained one, nor with an actor.
  if (down.reason != to_caf({Code::unavailable, ""})) return;
  table_.lost(node, kind_.now());
  arm_checks();
}

void RouteCaller::on_timer(const CallerTimer& timer) {
  if (timer.call != 0) return hedge(timer.call);
  checks_armed_ = false;
  if (node_ == nullptr) return;  // stopped
  for (const mesh::RouteTable::Check& due : table_.checks_due(kind_.now())) check(due);
  arm_checks();
}

void RouteCaller::arm_checks() {
  if (table_.wants_checks() && !std::exchange(checks_armed_, true)) kind_.after(kChecksEvery, 0);
}

/// The very actor that takes the calls is asked: one that hangs does not answer.
void RouteCaller::check(const mesh::RouteTable::Check& check) {
  const auto end = [this, name = check.name, node = check.instance.id](bool passed) {
    table_.checked(name, node, passed, kind_.now());
  };
  const TimePoint deadline =
      kind_.now() + std::chrono::milliseconds(table_.policy(check.name).health_timeout_ms);
  const ReachActor reach{check.instance, kind_.target_of(check.name)};
  actor_.request(node_, caf::infinite, reach)
      .then(
          [this, end, deadline](const caf::actor& instance) {
            using Echo = wire::Msg<schema::Echo>;
            actor_.request(instance, caf::infinite, wire::Builder<schema::Echo>(8).finish(deadline))
                .then([end](const Echo&) { end(true); }, [end](const caf::error&) { end(false); });
          },
          [end](const caf::error&) { end(false); });
}

}  // namespace themis
