#include "actors/caller/route_caller.hpp"

#include <caf/all.hpp>

#include "actors/system/caf_error.hpp"
#include "actors/system/message_types.hpp"

namespace themis {

using mesh::CallFailure;
using mesh::Judgement;
using mesh::Verdict;

namespace {

/// What was asked for is not where it was said to be.
bool is_elsewhere(Code code) { return code == Code::not_found || code == Code::not_hosted; }

}  // namespace

TimePoint RouteCaller::deadline_of(const std::string& name, TimePoint deadline) const {
  const uint32_t timeout_ms = table_.policy(name).timeout_ms;
  if (timeout_ms == 0) return deadline;
  return std::min(deadline, kind_.now() + std::chrono::milliseconds(timeout_ms));
}

Result<uint64_t> RouteCaller::call(RoutedCall call, Then&& then) {
  ++counters_.calls;
  const Result<uint64_t> begun = begin(std::move(call));
  if (begun) {
    open_.at(*begun).then = std::move(then);
  } else {
    ++counters_.failures;
  }
  return begun;
}

/// What fails at once leaves nothing open.
Result<uint64_t> RouteCaller::begin(RoutedCall call) {
  const TimePoint now = kind_.now();
  if (call.is_copy ? copies_ >= kCopiesMax : open_.size() - copies_ >= kCallsMax) {
    counters_.copies_dropped += call.is_copy ? 1 : 0;
    return fail(Code::overloaded, "this caller has as many calls under way as it may");
  }
  if (table_.is_missing(call.name, now)) return fail(kind_.nobody(call.name));
  const uint64_t id = ++last_id_;
  const std::string name = call.name;
  const RouteConfig& policy = table_.policy(name);
  call.idempotent = !call.once && (call.idempotent || policy.idempotent);
  const bool may_repeat = call.idempotent && !call.is_copy && !call.safe;
  if (may_repeat && (policy.retries > 0 || policy.hedge)) give_key(*call.frame.writable());
  copies_ += call.is_copy ? 1 : 0;
  open_.emplace(id, Open{std::move(call), {}}).first->second.forgets = forgets_;
  if (!table_.is_usable(name, now)) {
    find(id);
    return id;
  }
  if (!table_.knows(name, now)) refresh(name);
  if (Status tried = try_next(id); !tried) {
    erase(id);
    return fail(std::move(tried.error()));
  }
  return id;
}

void RouteCaller::give_key(wire::Frame& frame) {
  wire::IdempotencyKey key;
  do rng_.fill(key.bytes);
  while (key.is_zero());
  frame.set_idempotency_key(key);
}

bool RouteCaller::woken(uint64_t id) {
  const auto found = open_.find(id);
  if (found == open_.end()) return false;
  found->second.searching = false;
  drop_if_over(id);
  return open_.contains(id);
}

void RouteCaller::go_on(uint64_t id) {
  if (const Status tried = try_next(id); !tried) finish(id, fail(tried.error()));
}

/// An error is the call's end, and nothing of it is under way.
Status RouteCaller::try_next(uint64_t id) {
  Open& open = open_.at(id);
  const TimePoint now = kind_.now();
  if (open.call.frame->deadline() <= now)
    return fail(Code::timeout, "no instance answered in time");
  const auto instance = choose(open);
  if (!instance && instance.error().code == Code::not_found) {
    no_instance(id);
    return {};
  }
  if (!std::exchange(open.counted, true)) table_.called(open.call.name, now);
  arm_checks();
  if (!instance) return fail(instance.error());
  start(id, *instance);
  if (open.attempts != 1 || open.hedged || open.done || open.call.is_copy) return {};
  if (const auto delay = table_.hedge_after(open.call.name, open.call.idempotent))
    kind_.after(*delay, id);
  return {};
}

Result<mesh::RouteTable::Choice> RouteCaller::choose(const Open& open) {
  return table_.choose(
      open.call.name, open.tried, kind_.now(),
      [this, &open](const mesh::Sticky& by) { return kind_.caller_of(open.call.frame, by); });
}

void RouteCaller::start(uint64_t id, const mesh::RouteTable::Choice& instance) {
  Open& open = open_.at(id);
  open.tried.push_back(instance.key());
  ++open.attempts;
  ++open.pending;
  const bool is_probe = table_.began(open.call.name, instance.key()).is_probe;
  const Attempt attempt{id, instance.key(), kind_.now(), is_probe};
  const wire::Target target = kind_.target_of(open.call.name, instance.is_canary);
  const auto proxy = proxies_.find({instance.contact.id, target});
  if (proxy == proxies_.end()) return reach(attempt, instance.contact, target);
  ask(attempt, proxy->second);
}

/// The first request is late: another instance may be faster. Whoever answers second is ignored.
void RouteCaller::hedge(uint64_t id) {
  const auto found = open_.find(id);
  if (found == open_.end()) return;
  Open& open = found->second;
  if (open.done || open.pending != 1 || std::exchange(open.hedged, true)) return;
  const auto instance = choose(open);
  if (!instance || !table_.may_hedge(open.call.name, kind_.now())) return;
  start(id, *instance);
}

/// All that are known have been tried: the ring may know others, and whoever looks after the name
/// can bring some up. Else one that had the call may have it again: it knows the call by its key.
void RouteCaller::no_instance(uint64_t id) {
  Open& open = open_.at(id);
  // All have as many calls as they may: looking for others would cost what they have not.
  if (open.last.code == Code::overloaded && !open.tried.empty()) return finish(id, fail(open.last));
  if (!open.fresh) return find(id);
  if (!open.call.is_copy && !std::exchange(open.restored, true)) {
    open.searching = true;
    return kind_.restore(open.call.name, [this, id](const Status& status) {
      if (woken(id)) restored(id, status);
    });
  }
  const bool had_it = open.call.idempotent && !open.call.is_copy && !open.tried.empty();
  if (had_it && open.attempts <= table_.policy(open.call.name).retries) {
    open.tried.clear();
    return go_on(id);
  }
  const Error last = open.last;
  if (!is_elsewhere(last.code)) return finish(id, fail(last));
  if (open.tried.empty() && open.forgets == forgets_) table_.miss(open.call.name, kind_.now());
  finish(id, fail(kind_.nobody(open.call.name)));
}

void RouteCaller::restored(uint64_t id, const Status& status) {
  Open& open = open_.at(id);
  if (status) {
    ++counters_.replaced;
    open.tried.clear();  // what failed may be back; only calls that may be sent again come here
    return find(id, true);
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
            if (caf::actor& known = proxies_[{attempt.at.node, target}]; known != proxy) {
              known = proxy;
              actor_.monitor(proxy);
            }
            ask(attempt, proxy);
          },
          [this, attempt](const caf::error& error) {
            Error why = from_caf(error);
            const bool is_absent = why.code == Code::not_hosted;
            failed(attempt,
                   {CallFailure::not_sent, is_absent ? Verdict::absent : Verdict::unreachable},
                   std::move(why));
          });
}

void RouteCaller::ask(const Attempt& attempt, const caf::actor& proxy) {
  Open& open = open_.at(attempt.call);
  if (open.done) {  // its other request was answered while this instance was being reached
    settle(attempt, Verdict::none);
    return;
  }
  open.asked.emplace_back(attempt.at, proxy);
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
  std::erase_if(open.asked, [&](const auto& asked) { return asked.first == attempt.at; });
  table_.ended(open.call.name, {attempt.at, attempt.is_probe}, open.done ? Verdict::none : verdict,
               kind_.now());
  if (!open.done) return true;
  drop_if_over(attempt.call);
  return false;
}

void RouteCaller::answered(const Attempt& attempt, const wire::FramePtr& frame) {
  const TimePoint now = kind_.now();
  table_.took(open_.at(attempt.call).call.name, attempt.at, now - attempt.began, now);
  const std::string name = open_.at(attempt.call).call.name;
  const bool is_first = settle(attempt, kind_.is_fault(frame) ? Verdict::faulty : Verdict::healthy);
  if (const auto load = kind_.load_of(frame)) table_.told(name, attempt.at, *load, now);
  if (!is_first) return;
  finish(attempt.call, Answer{frame, attempt.at.node});
}

void RouteCaller::failed(const Attempt& attempt, Judgement judgement, Error error) {
  Open& open = open_.at(attempt.call);
  // The slower one of two: it took so long at least.
  if (open.done && open.hedged && error.code == Code::cancelled)
    table_.took(open.call.name, attempt.at, kind_.now() - attempt.began, kind_.now());
  if (!settle(attempt, judgement.verdict)) return;
  // Its down message may come after the next attempt.
  if (judgement.verdict == Verdict::unreachable || judgement.verdict == Verdict::absent)
    proxies_.erase({attempt.at.node, kind_.target_of(open.call.name, attempt.at.is_canary)});
  if (judgement.verdict == Verdict::unreachable && open.attempts == 1) kind_.lost(open.call.name);
  if (open.pending > 0) {
    open.last = std::move(error);  // its other request decides
    return;
  }
  if (open.call.is_copy || !table_.may_retry(open.call.name, judgement.failure,
                                             open.call.idempotent, open.attempts, kind_.now()))
    return finish(attempt.call, fail(std::move(error)));
  ++counters_.retries;
  const bool is_old = is_elsewhere(error.code) && !open.fresh;
  open.last = std::move(error);
  is_old ? find(attempt.call) : go_on(attempt.call);
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
  for (const auto& [at, instance] : open.asked) actor_.send(instance, CancelRequest{frame});
  drop_if_over(id);
}

void RouteCaller::drop_if_over(uint64_t id) {
  const Open& open = open_.at(id);
  if (open.done && open.pending == 0 && !open.searching) erase(id);
}

void RouteCaller::erase(uint64_t id) {
  const auto open = open_.extract(id);
  if (!open.empty() && open.mapped().call.is_copy) --copies_;
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
  searches_.clear();
  std::exchange(proxies_, {}).clear();
  node_ = nullptr;
}

}  // namespace themis
