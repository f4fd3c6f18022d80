#pragma once
// Children of a SupervisorCore that are no actors, on virtual time.

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <set>

#include "actors/system/supervisor_core.hpp"

namespace themis::supervision {

/// Carries out a core's effects on children that do what they are told, on virtual time, and writes
/// down what happened.
class World {
 public:
  World(SupervisorOptions options, std::vector<Rule> rules) : core_(std::move(options), rules) {
    for (const Rule& rule : rules) ids_[*core_.find(rule.id)] = rule.id;
  }

  void feed(const Event& event) {
    if (const auto* added = std::get_if<Added>(&event)) ids_[core_.next_key()] = added->rule.id;
    for (const Effect& effect : core_.step(event, now_))
      std::visit([this](const auto& e) { apply(e); }, effect);
  }
  void begin() {
    feed(Begin{});
    settle();
  }
  /// Children end and start until nothing more happens at this moment.
  void settle() {
    while (!inbox_.empty()) {
      const Event event = inbox_.front();
      inbox_.pop_front();
      feed(event);
    }
  }
  void crash(std::string_view id, std::string text = "boom") { end(id, {false, std::move(text)}); }
  void end(std::string_view id, ExitReason reason) {
    const ChildKey key = *core_.find(id);
    ASSERT_EQ(up_.erase(key), 1u) << id;
    feed(Exited{key, std::move(reason)});
    settle();
  }
  void advance(Duration by) {
    const TimePoint until = now_ + by;
    for (;;) {
      auto next = timers_.begin();
      if (next == timers_.end() || next->first > until) break;
      now_ = next->first;
      const Timer timer = next->second;
      timers_.erase(next);
      feed(TimerFired{timer});
      settle();
    }
    now_ = until;
  }
  ChildStatus status(std::string_view id) const {
    for (ChildStatus& child : core_.children())
      if (child.id == id) return child;
    ADD_FAILURE() << "no child " << id;
    return {};
  }
  std::string take_log() { return std::exchange(log_, {}); }

  SupervisorCore core_;
  TimePoint now_{1h};
  std::set<ChildKey> up_;
  std::set<std::string> stubborn_;      ///< Ignore a stop, not a kill.
  std::set<std::string> cannot_start_;  ///< Their start function fails.
  std::map<ChildKey, std::string> ids_;
  std::multimap<TimePoint, Timer> timers_;
  std::vector<Duration> delays_;
  std::optional<Terminate> terminated_;
  std::deque<Event> inbox_;

 private:
  const std::string& id_of(ChildKey key) const { return ids_.at(key); }
  void note(std::string_view sign, ChildKey key) { log_ += fmt::format("{}{} ", sign, id_of(key)); }

  void apply(const StartChild& e) {
    EXPECT_FALSE(up_.contains(e.key)) << "a second instance of " << id_of(e.key);
    if (cannot_start_.contains(id_of(e.key))) {
      note("!", e.key);
      inbox_.push_back(StartFailed{e.key, {false, "no memory"}});
      return;
    }
    note("+", e.key);
    up_.insert(e.key);
    inbox_.push_back(Started{e.key});
  }
  void apply(const StopChild& e) {
    note("-", e.key);
    if (stubborn_.contains(id_of(e.key))) return;
    // One that fell just now is not there to hear it; its Exited is under way.
    if (up_.erase(e.key) == 1) inbox_.push_back(Exited{e.key, {true, "user_shutdown"}});
  }
  void apply(const KillChild& e) {
    note("x", e.key);
    if (up_.erase(e.key) == 1) inbox_.push_back(Exited{e.key, {false, "kill"}});
  }
  void apply(const ArmTimer& e) { timers_.emplace(now_ + e.delay, e.timer); }
  void apply(const ForgetChild& e) { log_ += fmt::format("~{} ", ids_[e.key]); }
  void apply(const Report& e) {
    if (e.event.kind == ChildEvent::Kind::restarting) delays_.push_back(e.event.delay);
  }
  void apply(const Terminate& e) {
    EXPECT_FALSE(terminated_);
    terminated_ = e;
    log_ += "end ";
  }

  std::string log_;
};

}  // namespace themis::supervision
