#include "actors/world/simulation.hpp"

namespace themis::world {
namespace {

/// Finds of each node in a check, past this many names a random choice of them.
constexpr size_t kFindsPerCheck = 8;
constexpr size_t kLookupsPerCheck = 4;
/// A session that is being opened or closed right now.
constexpr Duration kAgreeMax = 15s;
constexpr Duration kStartMax = 10s;
/// All fingers have been looked up.
constexpr Duration kFingersMax = 20s;
constexpr Duration kListCheckEvery = 500ms;

/// Half of the runs are quick to ping, to give up and to close idle sessions.
MeshSettings settings_of(const SimulationOptions& options) {
  MeshSettings settings;
  settings.names = options.nodes;
  settings.ring = options.ring;
  if (SeededRng(options.seed).below(2) == 0) {
    settings.sessions.ping_after = 3s;
    settings.sessions.dead_after = 9s;
    settings.sessions.idle_close = 12s;
    settings.sessions.drain = 2s;
  }
  return settings;
}

class Simulation {
 public:
  explicit Simulation(const SimulationOptions& options)
      : options_(options),
        mesh_(options.seed, options.nodes, settings_of(options)),
        faults_(mesh_, options.faults) {
    mesh_.ledger().sabotage = options.sabotage;
    mesh_.ledger().set_sink(options.sink);
  }

  void run() {
    start();
    watch_lists();
    if (options_.malicious > 0) corrupt();
    const auto phases = std::max<int64_t>(1, options_.time / kPhase);
    const Duration stormy = options_.time / phases - kSettle;
    for (int64_t phase = 0; phase < phases && !over(); ++phase) {
      faults_.begin();
      pass(stormy);
      faults_.end();
      calm();
      if (options_.kill > 0 && !over()) kill_many();
    }
    if (!over()) mesh_.stop();
  }

  SimulationReport report(Duration wall_time) {
    const Ledger& ledger = mesh_.ledger();
    sim::Trace whole;
    whole.mix(ledger.hash());
    whole.mix(mesh_.world().trace_hash());
    return {.seed = options_.seed,
            .hash = whole.value(),
            .virtual_time = mesh_.world().now().time_since_epoch(),
            .wall_time = wall_time,
            .events = mesh_.world().event_count(),
            .faults = ledger.count(Happening::fault),
            .starts = ledger.count(Happening::start),
            .finds_ok = ledger.count(Happening::find_ok),
            .finds_failed = ledger.count(Happening::find_failed),
            .lookups_ok = ledger.count(Happening::lookup_ok),
            .lookups_failed = ledger.count(Happening::lookup_failed),
            .calls_ok = ledger.count(Happening::call_ok),
            .calls_failed = ledger.count(Happening::call_failed),
            .reaches_failed = ledger.count(Happening::reach_failed),
            .checks = checks_,
            .longest_find = std::max(ledger.longest(Happening::find_ok),
                                     ledger.longest(Happening::find_failed)),
            .longest_reach = std::max(ledger.longest(Happening::reach_ok),
                                      ledger.longest(Happening::reach_failed)),
            .longest_heal = ledger.longest(Happening::ideal),
            .violation = ledger.violation()};
  }

 private:
  bool over() { return mesh_.ledger().violated(); }
  bool pass(
      Duration time, const std::function<bool()>& done = [] { return false; }) {
    return mesh_.world().run_until([&] { return over() || done(); }, time);
  }

  /// The first node starts the ring; the others come when they come.
  void start() {
    mesh_.start(0, false);
    Rng& rng = mesh_.world().rng();
    for (size_t slot = 1; slot < mesh_.size(); ++slot) {
      const auto wait = Duration(
          static_cast<int64_t>(rng.below(static_cast<uint64_t>(Duration(kStartMax).count()))));
      mesh_.world().at(wait, [this, slot] {
        if (!mesh_.node(slot).runs()) mesh_.start(slot, false);
      });
    }
  }

  void watch_lists() {
    mesh_.check_lists();
    if (mesh_.ledger().has_sink()) {
      const std::string now = mesh_.not_ideal();
      if (now != ring_state_) mesh_.ledger().remark(now.empty() ? "the ring is ideal" : now);
      ring_state_ = now;
    }
    mesh_.world().at(kListCheckEvery, [this] { watch_lists(); });
  }

  /// Nothing fails any more: the ring becomes ideal and stays so, what is old is forgotten, and
  /// then every answer must be right and complete.
  void calm() {
    const TimePoint begun = mesh_.world().now();
    const auto calm_for = [&] { return mesh_.world().now() - begun; };
    pass(2 * SimulatedNode::kLeaveMax);  // who was leaving is back
    for_each_caller([](CallerActor& caller) { caller.set_announcing(false); });
    const bool honest = options_.malicious == 0;
    if (honest) heal(begun);
    pass(kSettle - calm_for());
    if (over()) return;
    if (honest && !mesh_.not_ideal().empty()) return not_ideal("the ring did not stay ideal");
    if (!pass(kAgreeMax, [this] { return mesh_.sessions_disagree().empty(); }))
      return mesh_.ledger().violate(mesh_.sessions_disagree());
    check_all(checks_.calm);
    for_each_caller([](CallerActor& caller) { caller.set_announcing(true); });
  }

  void heal(TimePoint begun) {
    const auto calm_for = [&] { return mesh_.world().now() - begun; };
    if (!pass(kHealMax - calm_for(), [this] { return mesh_.not_ideal().empty(); }))
      return not_ideal("the ring is not ideal " + std::to_string(to_ms(kHealMax)) +
                       " ms after the last fault");
    if (over()) return;
    mesh_.ledger().note(Happening::ideal, 0, static_cast<uint64_t>(calm_for().count()));
    mesh_.ledger().took(Happening::ideal, calm_for());
  }

  /// The nodes have found each other before some of them begin to lie.
  void corrupt() {
    if (!pass(kStartMax + kHealMax, [this] { return all_run() && mesh_.not_ideal().empty(); }))
      return not_ideal("the first ring is not ideal");
    if (over()) return;
    pass(kFingersMax);
    mesh_.corrupt(options_.malicious);
    mesh_.ledger().set_counting_only(true);
    checks_.malicious = mesh_.colluders().count();
    if (!mesh_.ledger().has_sink()) return;
    std::string ring = "the ring, malicious nodes as x: ";
    for (const ring::RoutingTable* member : mesh_.members())
      ring += mesh_.colluders().contains(member->self().id) ? 'x' : '.';
    mesh_.ledger().remark(ring);
  }

  /// Every name of a survivor is looked for while the ring heals.
  void kill_many() {
    for_each_caller([](CallerActor& caller) { caller.set_announcing(false); });
    const std::vector<size_t> slots = mesh_.draw_slots(options_.kill);
    checks_.killed = slots.size();
    for (const size_t slot : slots) {
      const bool resets = mesh_.world().rng().below(2) == 0;
      mesh_.node(slot).crash(resets ? sim::Crash::reset : sim::Crash::vanish);
    }
    mesh_.ledger().set_counting_only(true);
    pass(3 * options_.ring.update_period);
    check_all(checks_.soon);
    pass(options_.ring.refresh);
    check_all(checks_.later);
    mesh_.ledger().set_counting_only(options_.malicious > 0);
    for (const size_t slot : slots) mesh_.start(slot, false);
    for_each_caller([](CallerActor& caller) { caller.set_announcing(true); });
  }

  bool all_run() {
    for (size_t slot = 0; slot < mesh_.size(); ++slot)
      if (!mesh_.node(slot).serves()) return false;
    return true;
  }

  void not_ideal(const std::string& what) {
    mesh_.ledger().violate(what + ": " + mesh_.not_ideal() + '\n' +
                           ring::describe(mesh_.members()));
  }

  /// Names that may be asked for: all; only those somebody provides where answers are counted.
  std::vector<std::string> names_to_check() {
    std::vector<std::string> names;
    for (size_t n = 0; n < mesh_.settings().names; ++n)
      if (!mesh_.ledger().counting_only() || !mesh_.ledger().providers(service_name(n)).empty())
        names.push_back(service_name(n));
    return names;
  }

  /// Every honest node looks up and finds; the outcomes are added to `to`.
  void check_all(Tallies& to) {
    const ring::Members members = mesh_.members();
    const std::vector<std::string> all = names_to_check();
    Rng& rng = mesh_.world().rng();
    for (size_t slot = 0; slot < mesh_.size(); ++slot) {
      if (!mesh_.node(slot).serves() || mesh_.node(slot).is_hostile()) continue;
      std::vector<std::pair<ring::Point, std::vector<NodeId>>> lookups(kLookupsPerCheck);
      for (auto& [target, expected] : lookups) {
        rng.fill(target.bytes);
        expected = mesh_.acceptable(members, target);
      }
      std::vector<std::string> names;
      const size_t count = std::min(all.size(), kFindsPerCheck);
      const uint64_t first = rng.next();
      for (size_t n = 0; n < count; ++n) names.push_back(all[(first + n) % all.size()]);
      mesh_.node(slot).host().post([this, slot, lookups, names] {
        CallerActor& caller = mesh_.node(slot).caller();
        for (const auto& [target, expected] : lookups) caller.check_lookup(target, expected);
        for (const std::string& each : names) caller.check_find(each);
      });
    }
    pass(1ms);  // all have begun
    const auto done = [this] {
      size_t open = 0;
      for_each_caller([&](CallerActor& caller) { open += caller.checks_open(); });
      return open == 0;
    };
    if (!pass(kCheckMax, done)) mesh_.ledger().violate("a check has not ended");
    if (!over()) mesh_.ledger().note(Happening::checked, 0);
    const Tallies tallies = mesh_.ledger().take_tallies();
    for (size_t check = 0; check < kChecks; ++check) to[check] += tallies[check];
  }

  void for_each_caller(const std::function<void(CallerActor&)>& work) {
    for (size_t slot = 0; slot < mesh_.size(); ++slot)
      if (mesh_.node(slot).serves()) work(mesh_.node(slot).caller());
  }

  const SimulationOptions& options_;
  SimulatedMesh mesh_;
  FaultSchedule faults_;
  std::string ring_state_;
  CheckReport checks_;
};

}  // namespace

SimulationReport simulate(const SimulationOptions& options) {
  THEMIS_ASSERT(options.time >= kPhaseMin, "a run has time for a storm and the calm after it");
  const SystemClock clock;
  const TimePoint begun = clock.now();
  Simulation simulation(options);
  simulation.run();
  return simulation.report(clock.now() - begun);
}

}  // namespace themis::world
