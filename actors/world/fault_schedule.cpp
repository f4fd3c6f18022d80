#include "actors/world/fault_schedule.hpp"

namespace themis::world {
namespace {

constexpr Duration kBetweenFaultsMax = 10s;
constexpr Duration kStallMax = 5s;
constexpr Duration kPartitionMax = 90s;
constexpr Duration kSlowMax = 30s;
constexpr Duration kLatencyMax = 2s;
constexpr Duration kDownMax = 60s;
constexpr double kResetMax = 0.02;
constexpr double kRefuseMax = 0.5;

}  // namespace

std::string_view name(Fault fault) {
  constexpr std::array<std::string_view, kFaults> kNames{
      "latency", "slow-link", "one-way", "partition", "reset",
      "refuse",  "kill",      "vanish",  "leave",     "skew"};
  return kNames[static_cast<size_t>(fault)];
}

Duration FaultSchedule::random(Duration most) {
  return Duration(
      static_cast<int64_t>(mesh_.world().rng().below(static_cast<uint64_t>(most.count()))));
}

size_t FaultSchedule::pick() { return mesh_.world().rng().below(mesh_.size()); }

void FaultSchedule::note(uint32_t slot, uint64_t value, std::string_view what) {
  mesh_.ledger().note(Happening::fault, slot, value, what);
}

void FaultSchedule::begin() {
  ++phase_;
  enabled_.clear();
  Rng& rng = mesh_.world().rng();
  std::vector<Fault> all = plan_.only;
  if (all.empty())
    for (size_t fault = 0; fault < kFaults; ++fault) all.push_back(static_cast<Fault>(fault));
  for (const Fault fault : all)
    if (rng.below(2) == 0) enabled_.push_back(fault);
  if (enabled_.empty()) enabled_.push_back(all[rng.below(all.size())]);
  schedule_next();
  if (plan_.churn > 0) replace_next();
}

void FaultSchedule::end() {
  ++phase_;
  mesh_.world().faults() = healthy_;
  mesh_.world().heal();
  if (mesh_.ledger().breaks(Sabotage::cut_link) && mesh_.size() > 1)
    mesh_.world().partition({&mesh_.node(1).host()});
  mesh_.ledger().note(Happening::heal, 0);
  for (size_t slot = 0; slot < mesh_.size(); ++slot) {
    // One that is leaving is gone soon, and comes back then.
    if (mesh_.node(slot).serves()) continue;
    const Duration wait = mesh_.node(slot).runs() ? SimulatedNode::kLeaveMax + 1ms : 1ms;
    mesh_.world().at(wait, [this, slot] {
      if (!mesh_.node(slot).runs()) mesh_.start(slot, false);
    });
  }
}

void FaultSchedule::schedule_next() {
  mesh_.world().at(random(kBetweenFaultsMax), [this, phase = phase_] {
    if (phase != phase_) return;
    strike(enabled_[mesh_.world().rng().below(enabled_.size())]);
    schedule_next();
  });
}

void FaultSchedule::heal_later(Duration most, std::function<void()> heal) {
  mesh_.world().at(random(most), [this, phase = phase_, heal = std::move(heal)] {
    if (phase == phase_) heal();
  });
}

void FaultSchedule::strike(Fault fault) {
  switch (fault) {
    case Fault::latency:
      return slow_down();
    case Fault::slow_link:
      return stall_link();
    case Fault::one_way:
      return cut_node();
    case Fault::partition:
      return cut_half();
    case Fault::reset:
      return break_streams();
    case Fault::refuse:
      return refuse_connects();
    case Fault::kill:
      return kill_one(sim::Crash::reset);
    case Fault::vanish:
      return kill_one(sim::Crash::vanish);
    case Fault::leave:
      return let_one_leave();
    case Fault::skew:
      return set_clock();
  }
}

void FaultSchedule::slow_down() {
  sim::Faults& faults = mesh_.world().faults();
  faults.latency_max = 2ms + random(random(kLatencyMax) + 1ms);
  note(0, static_cast<uint64_t>(faults.latency_max.count()), "latency");
  heal_later(kSlowMax, [this] { mesh_.world().faults().latency_max = healthy_.latency_max; });
}

void FaultSchedule::stall_link() {
  const size_t from = pick(), to = pick();
  if (from == to) return;
  note(static_cast<uint32_t>(from), to, "stall");
  mesh_.world().block(mesh_.node(from).host(), mesh_.node(to).host());
  heal_later(kStallMax, [this, from, to] {
    mesh_.world().unblock(mesh_.node(from).host(), mesh_.node(to).host());
  });
}

void FaultSchedule::cut_node() {
  const size_t slot = pick();
  const bool deaf = mesh_.world().rng().below(2) == 0;
  note(static_cast<uint32_t>(slot), deaf ? 1 : 0, deaf ? "deaf" : "mute");
  const auto each = [this, slot, deaf](auto&& change) {
    for (size_t other = 0; other < mesh_.size(); ++other) {
      if (other == slot) continue;
      const sim::Host& from = mesh_.node(deaf ? other : slot).host();
      change(from, mesh_.node(deaf ? slot : other).host());
    }
  };
  each([this](const sim::Host& from, const sim::Host& to) { mesh_.world().block(from, to); });
  heal_later(kPartitionMax, [this, each] {
    each([this](const sim::Host& from, const sim::Host& to) { mesh_.world().unblock(from, to); });
  });
}

void FaultSchedule::cut_half() {
  std::vector<const sim::Host*> side;
  for (size_t slot = 0; slot < mesh_.size(); ++slot)
    if (mesh_.world().rng().below(2) == 0) side.push_back(&mesh_.node(slot).host());
  note(0, side.size(), "partition");
  mesh_.world().partition(side);
  heal_later(kPartitionMax, [this] { mesh_.world().heal(); });
}

void FaultSchedule::break_streams() {
  mesh_.world().faults().reset_probability = kResetMax * mesh_.world().rng().unit();
  note(0, 0, "resets");
  heal_later(kSlowMax, [this] { mesh_.world().faults().reset_probability = 0; });
}

void FaultSchedule::refuse_connects() {
  mesh_.world().faults().refuse_probability = kRefuseMax * mesh_.world().rng().unit();
  note(0, 0, "refusals");
  heal_later(kSlowMax, [this] { mesh_.world().faults().refuse_probability = 0; });
}

void FaultSchedule::kill_one(sim::Crash how) {
  const size_t slot = pick();
  if (!mesh_.node(slot).runs()) return;
  mesh_.node(slot).crash(how);
  restart_later(slot, random(kDownMax));
}

void FaultSchedule::let_one_leave() {
  const size_t slot = pick();
  if (!mesh_.node(slot).serves()) return;
  mesh_.node(slot).leave();
  restart_later(slot, SimulatedNode::kLeaveMax + random(kDownMax));
}

/// A third comes back as another node on the same machine.
void FaultSchedule::restart_later(size_t slot, Duration after) {
  const bool fresh = mesh_.world().rng().below(3) == 0;
  mesh_.world().at(after + 1ms, [this, phase = phase_, slot, fresh] {
    if (phase == phase_ && !mesh_.node(slot).runs()) mesh_.start(slot, fresh);
  });
}

/// Another node comes in the place of one that dies, without a pause; never of the first, which
/// the others know by its address.
void FaultSchedule::replace_next() {
  const double minute = std::chrono::duration<double, std::nano>(1min).count();
  const double every = minute / (plan_.churn * static_cast<double>(mesh_.size()));
  mesh_.world().at(Duration(static_cast<int64_t>(every)), [this, phase = phase_] {
    if (phase != phase_) return;
    const size_t slot = pick();
    if (slot != 0 && mesh_.node(slot).serves()) {
      mesh_.node(slot).crash(mesh_.world().rng().below(2) == 0 ? sim::Crash::reset
                                                               : sim::Crash::vanish);
      mesh_.world().at(1ms, [this, slot] {
        if (!mesh_.node(slot).runs()) mesh_.start(slot, true);
      });
    }
    replace_next();
  });
}

void FaultSchedule::set_clock() {
  const size_t slot = pick();
  const auto skew = static_cast<int64_t>(mesh_.world().rng().below(2 * kSkewMsMax)) - kSkewMsMax;
  note(static_cast<uint32_t>(slot), static_cast<uint64_t>(skew), "skew");
  mesh_.node(slot).host().set_wall_skew_ms(skew);
}

}  // namespace themis::world
