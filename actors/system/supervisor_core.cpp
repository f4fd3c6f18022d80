#include "actors/system/supervisor_core.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace themis {

std::string_view name(ChildState state) {
  switch (state) {
    case ChildState::finished:
      return "finished";
    case ChildState::pending:
      return "pending";
    case ChildState::backoff:
      return "backoff";
    case ChildState::starting:
      return "starting";
    case ChildState::up:
      return "up";
    case ChildState::stopping:
      return "stopping";
  }
  return {};
}

std::string_view name(ChildEvent::Kind kind) {
  switch (kind) {
    case ChildEvent::Kind::started:
      return "started";
    case ChildEvent::Kind::exited:
      return "exited";
    case ChildEvent::Kind::restarting:
      return "restarting";
    case ChildEvent::Kind::killed:
      return "killed";
    case ChildEvent::Kind::forgotten:
      return "forgotten";
    case ChildEvent::Kind::gave_up:
      return "gave up";
  }
  return {};
}

namespace supervision {
namespace {

bool is_down(ChildState state) {
  return state == ChildState::finished || state == ChildState::pending ||
         state == ChildState::backoff;
}

}  // namespace

SupervisorCore::SupervisorCore(SupervisorOptions options, std::vector<Rule> declared)
    : options_(std::move(options)), rng_(options_.seed) {
  THEMIS_ASSERT(options_.within > Duration{0}, "the restart period is positive");
  THEMIS_ASSERT(options_.backoff_min >= Duration{0} && options_.backoff_min <= options_.backoff_max,
                "the back-off grows");
  THEMIS_ASSERT(options_.backoff_factor >= 1.0, "the back-off grows");
  THEMIS_ASSERT(options_.backoff_jitter >= 0.0 && options_.backoff_jitter < 1.0,
                "a jitter under 1 keeps delays positive");
  THEMIS_ASSERT(declared.size() <= kChildrenMax, "a supervisor has a bounded number of children");
  for (Rule& rule : declared) {
    THEMIS_ASSERT(!rule.id.empty(), "a child has an id");
    const bool fresh = keys_.emplace(rule.id, next_key_).second;
    THEMIS_ASSERT(fresh, "the ids of one supervisor's children differ");
    children_[next_key_++].rule = std::move(rule);
  }
}

std::vector<Effect> SupervisorCore::step(const Event& event, TimePoint now) {
  if (done_) return {};
  now_ = now;
  effects_.clear();
  std::visit([this](const auto& e) { on(e); }, event);
  advance();
  return std::exchange(effects_, {});
}

Status SupervisorCore::admits(std::string_view id) const {
  if (id.empty()) return fail(Code::invalid, "a child needs an id");
  if (ending_) return fail(Code::unavailable, options_.name + " is shutting down");
  if (find(id)) return fail(Code::exists, fmt::format("{} has a child {}", options_.name, id));
  if (children_.size() >= kChildrenMax)
    return fail(Code::overloaded, fmt::format("{} has {} children", options_.name, kChildrenMax));
  return {};
}

std::optional<ChildKey> SupervisorCore::find(std::string_view id) const {
  const auto it = keys_.find(std::string(id));
  if (it == keys_.end()) return std::nullopt;
  return it->second;
}

std::vector<ChildStatus> SupervisorCore::children() const {
  std::vector<ChildStatus> list;
  list.reserve(children_.size());
  for (const auto& [key, child] : children_) {
    const uint32_t restarts = child.starts == 0 ? 0 : child.starts - 1;
    list.push_back({child.rule.id, child.state, restarts, child.last_reason, child.since});
  }
  return list;
}

void SupervisorCore::on(const Begin&) {
  for (auto& [key, child] : children_) enter(child, ChildState::pending);
  group_ = Group{};
}

void SupervisorCore::on(const Started& event) {
  const auto it = children_.find(event.key);
  if (it == children_.end() || it->second.state != ChildState::starting) return;
  Child& child = it->second;
  enter(child, ChildState::up);
  report(ChildEvent::Kind::started, child);
  if (child.removing) stop(event.key, child);
}

void SupervisorCore::on(const StartFailed& event) {
  const auto it = children_.find(event.key);
  if (it == children_.end() || it->second.state != ChildState::starting) return;
  Child& child = it->second;
  enter(child, ChildState::finished);
  child.last_reason = event.reason.text;
  report(ChildEvent::Kind::exited, child, event.reason);
  // Who adds a child at run time is told that it did not start, and decides.
  const bool refused = child.rule.dynamic && child.starts == 1;
  if (child.removing || refused) {
    forget(event.key, event.reason);
  } else if (!ending_) {
    failed(event.key, child, event.reason);
  }
}

void SupervisorCore::on(const Exited& event) {
  const auto it = children_.find(event.key);
  if (it == children_.end()) return;
  Child& child = it->second;
  if (child.state != ChildState::up && child.state != ChildState::stopping) return;
  const bool was_up = child.state == ChildState::up;
  // A child that falls while its group is being stopped belongs to that restart, not to a new
  // failure.
  const bool in_group =
      group_ && group_->phase == Group::Phase::stopping && event.key >= group_->from;
  const bool healthy = was_up && now_ - child.since >= options_.healthy_after;
  if (!was_up) --stopping_;
  if (healthy) child.failures = 0;
  enter(child, ChildState::finished);
  child.last_reason = event.reason.text;
  report(ChildEvent::Kind::exited, child, event.reason);
  if (child.removing) {
    forget(event.key, event.reason);
  } else if (ending_) {
    return;
  } else if (!was_up || in_group) {
    if (child.rule.restart == Restart::temporary) return forget(event.key, event.reason);
    enter(child, ChildState::pending);
  } else {
    failed(event.key, child, event.reason);
  }
}

void SupervisorCore::on(const TimerFired& event) {
  const Timer& timer = event.timer;
  if (timer.kind == Timer::Kind::restart_group) {
    if (group_ && timer.epoch == group_epoch_) group_->due = true;
    return;
  }
  const auto it = children_.find(timer.key);
  if (it == children_.end() || it->second.epoch != timer.epoch) return;
  Child& child = it->second;
  if (timer.kind == Timer::Kind::restart_child) {
    start(timer.key, child);
  } else {
    report(ChildEvent::Kind::killed, child);
    effects_.emplace_back(KillChild{timer.key});
  }
}

void SupervisorCore::on(const Added& event) {
  THEMIS_ASSERT(admits(event.rule.id), "who adds a child has asked");
  const ChildKey key = next_key_++;
  Child& child = children_[key];
  child.rule = event.rule;
  keys_.emplace(child.rule.id, key);
  enter(child, ChildState::pending);
  if (!group_) start(key, child);  // else it is the last of the group
}

void SupervisorCore::on(const Removed& event) {
  const auto it = children_.find(event.key);
  if (it == children_.end()) return;
  Child& child = it->second;
  if (is_down(child.state)) return forget(event.key, {true, "removed"});
  child.removing = true;
  if (child.state == ChildState::up) stop(event.key, child);
}

void SupervisorCore::on(const ShutDown& event) { begin_shutdown(event.reason, false); }

void SupervisorCore::enter(Child& child, ChildState state) {
  child.state = state;
  child.since = now_;
  ++child.epoch;
}

void SupervisorCore::start(ChildKey key, Child& child) {
  enter(child, ChildState::starting);
  ++child.starts;
  effects_.emplace_back(StartChild{key});
}

void SupervisorCore::stop(ChildKey key, Child& child) {
  enter(child, ChildState::stopping);
  ++stopping_;
  effects_.emplace_back(StopChild{key});
  effects_.emplace_back(ArmTimer{{Timer::Kind::kill_child, key, child.epoch}, child.rule.shutdown});
}

void SupervisorCore::failed(ChildKey key, Child& child, const ExitReason& reason) {
  if (child.rule.restart == Restart::temporary) return forget(key, reason);
  if (child.rule.restart == Restart::transient && reason.clean) return;
  if (intensity_exceeded()) {
    std::string text = fmt::format(
        "{}: child {} ended, and {} restarts within {} ms are too many; last reason: "
        "{}",
        options_.name, child.rule.id, restarts_.size(), to_ms(options_.within), reason.text);
    report(ChildEvent::Kind::gave_up, child, {false, text});
    return begin_shutdown({false, std::move(text)}, true);
  }
  const Duration delay = next_delay(child);
  report(ChildEvent::Kind::restarting, child, reason, delay);
  if (options_.strategy != Strategy::one_for_one) return restart_group(key, delay);
  if (delay == Duration{0}) return start(key, child);
  enter(child, ChildState::backoff);
  effects_.emplace_back(ArmTimer{{Timer::Kind::restart_child, key, child.epoch}, delay});
}

void SupervisorCore::restart_group(ChildKey key, Duration delay) {
  ChildKey from = options_.strategy == Strategy::all_for_one ? 0 : key;
  // Once a group is starting, those before `key` are up again and stay.
  if (group_ && group_->phase != Group::Phase::starting) from = std::min(from, group_->from);
  group_ = Group{from, Group::Phase::stopping, delay == Duration{0}};
  ++group_epoch_;
  for (auto it = children_.lower_bound(from); it != children_.end(); ++it) {
    if (it->second.state == ChildState::finished) enter(it->second, ChildState::pending);
  }
  if (delay > Duration{0})
    effects_.emplace_back(ArmTimer{{Timer::Kind::restart_group, 0, group_epoch_}, delay});
}

void SupervisorCore::forget(ChildKey key, const ExitReason& reason) {
  const auto it = children_.find(key);
  report(ChildEvent::Kind::forgotten, it->second, reason);
  keys_.erase(it->second.rule.id);
  children_.erase(it);
  effects_.emplace_back(ForgetChild{key, reason});
}

void SupervisorCore::begin_shutdown(ExitReason reason, bool gave_up) {
  if (ending_) return;
  ending_ = Terminate{std::move(reason), gave_up};
  group_.reset();
  for (auto& [key, child] : children_) {
    if (is_down(child.state)) enter(child, ChildState::finished);
  }
}

bool SupervisorCore::stop_in_reverse(ChildKey from) {
  if (stopping_ > 0) return false;
  bool down = true;
  for (auto it = children_.rbegin(); it != children_.rend() && it->first >= from; ++it) {
    Child& child = it->second;
    if (is_down(child.state)) continue;
    if (!child.rule.dynamic && !down) return false;  // it waits for those after it
    down = false;
    if (child.state == ChildState::up) stop(it->first, child);
    if (!child.rule.dynamic) return false;
  }
  return down;
}

void SupervisorCore::advance() {
  if (ending_) {
    if (!stop_in_reverse(0)) return;
    done_ = true;
    effects_.emplace_back(*ending_);
    return;
  }
  if (!group_) return;
  if (group_->phase == Group::Phase::stopping) {
    if (!stop_in_reverse(group_->from)) return;
    group_->phase = Group::Phase::waiting;
  }
  if (!group_->due) return;
  group_->phase = Group::Phase::starting;
  for (auto it = children_.lower_bound(group_->from); it != children_.end(); ++it) {
    if (it->second.state == ChildState::starting) return;
    if (it->second.state == ChildState::pending) return start(it->first, it->second);
  }
  group_.reset();
}

Duration SupervisorCore::next_delay(Child& child) {
  const uint32_t failures = child.failures++;
  if (failures == 0) return Duration{0};
  const double longest = static_cast<double>(options_.backoff_max.count());
  const double grown = static_cast<double>(options_.backoff_min.count()) *
                       std::pow(options_.backoff_factor, static_cast<double>(failures - 1));
  const double jitter = 1.0 + options_.backoff_jitter * (2.0 * rng_.unit() - 1.0);
  return Duration{static_cast<int64_t>(std::min(grown, longest) * jitter)};
}

bool SupervisorCore::intensity_exceeded() {
  while (!restarts_.empty() && now_ - restarts_.front() > options_.within) restarts_.pop_front();
  restarts_.push_back(now_);
  return restarts_.size() > options_.max_restarts;
}

void SupervisorCore::report(ChildEvent::Kind kind, const Child& child, const ExitReason& reason,
                            Duration delay) {
  const uint32_t restarts = child.starts == 0 ? 0 : child.starts - 1;
  effects_.emplace_back(
      Report{{kind, options_.name, child.rule.id, reason.text, reason.clean, restarts, delay}});
}

}  // namespace supervision
}  // namespace themis
