#include "bench/ring.hpp"

#include <sys/resource.h>

#include <caf/all.hpp>
#include <fstream>
#include <future>

#include "actors/system/caf_error.hpp"
#include "bench/mesh_nodes.hpp"

namespace themis::bench {
namespace {

constexpr size_t kNames = 1000;
/// Each with its own sockets and sessions: as if so many processes joined.
constexpr size_t kJoinHosts = 16;

std::string name_of(size_t i) { return "service/" + std::to_string(i); }

double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

double resident_kb() {
  std::ifstream status("/proc/self/statm");
  double total = 0, resident = 0;
  status >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1024;
}

struct Load {
  std::vector<double> latency_us;
  double seconds = 0;
  size_t failed = 0;
};

/// Asks random nodes of its thread for random names. `per_s`: 0 is as fast as `open` at a time go.
class Finder final : public PinnedActor {
 public:
  struct Plan {
    std::vector<caf::actor> nodes;
    size_t open = 1;
    double per_s = 0;
    Duration time{};
  };
  Finder(caf::actor_config& config, Plan plan, std::promise<Load> result)
      : PinnedActor(config), plan_(std::move(plan)), done_(std::move(result)) {}

  caf::behavior make_behavior() override {
    set_exit_handler([](const caf::exit_msg&) {});
    start_ = reactor_.loop().now();
    end_ = start_ + plan_.time;
    if (plan_.per_s > 0) {
      pace();
    } else {
      for (size_t i = 0; i < plan_.open; ++i) find(reactor_.loop().now());
    }
    return {[](caf::unit_t) {}};
  }

 private:
  /// Open loop: latency counts from when a find was due, however late it is sent.
  void pace() {
    const TimePoint now = reactor_.loop().now();
    const auto due = [this](uint64_t i) {
      return start_ + std::chrono::duration_cast<Duration>(
                          std::chrono::duration<double>(static_cast<double>(i) / plan_.per_s));
    };
    while (due(sent_) <= now && due(sent_) < end_) find(due(sent_++));
    if (due(sent_) < end_) {
      reactor_.loop().after(1ms, [this, self = caf::actor(this)] { pace(); });
    } else {
      all_sent_ = true;
      finish(now);
    }
  }
  void find(TimePoint due) {
    ++open_;
    const caf::actor& node = plan_.nodes[rng_.below(plan_.nodes.size())];
    request(node, caf::infinite, FindName{name_of(rng_.below(kNames))})
        .then([this, due](const ring::Records&) { ended(due, true); },
              [this, due](const caf::error&) { ended(due, false); });
  }
  void ended(TimePoint due, bool found) {
    const TimePoint now = reactor_.loop().now();
    --open_;
    load_.failed += !found;
    load_.latency_us.push_back(to_us(now - due));
    if (plan_.per_s == 0 && now < end_) return find(now);
    if (plan_.per_s == 0) all_sent_ = true;
    finish(now);
  }
  void finish(TimePoint now) {
    if (!all_sent_ || open_ > 0 || !done_) return;
    load_.seconds = seconds(now - start_);
    plan_.nodes.clear();
    quit();
    std::exchange(done_, std::nullopt)->set_value(std::move(load_));
  }

  Plan plan_;
  Load load_;
  std::optional<std::promise<Load>> done_;
  SystemRng rng_;
  TimePoint start_, end_;
  uint64_t sent_ = 0;
  size_t open_ = 0;
  bool all_sent_ = false;
};

/// One finder on each reactor thread; their latencies together.
Load run_finders(MeshNodes& mesh, const Options& options, double per_s) {
  std::vector<std::future<Load>> loads;
  for (size_t t = 0; t < MeshNodes::kThreads; ++t) {
    Finder::Plan plan;
    for (const MeshNodes::Node& node : mesh.nodes())
      if (node.thread == t) plan.nodes.push_back(node.actor.handle());
    plan.open = std::max<size_t>(1, options.inflight / MeshNodes::kThreads);
    plan.per_s = per_s / MeshNodes::kThreads;
    plan.time =
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(options.seconds));
    std::promise<Load> done;
    loads.push_back(done.get_future());
    mesh.thread(t).in_loop(
        [&] { spawn_pinned<Finder>(mesh.thread(t).reactor(), std::move(plan), std::move(done)); });
  }
  Load all;
  for (std::future<Load>& future : loads) {
    const Load load = future.get();
    all.latency_us.insert(all.latency_us.end(), load.latency_us.begin(), load.latency_us.end());
    all.seconds = std::max(all.seconds, load.seconds);
    all.failed += load.failed;
  }
  return all;
}

double rate(const Load& load) { return static_cast<double>(load.latency_us.size()) / load.seconds; }

/// Gives up on the whole bench when the ring did not form.
Duration formed_in(std::optional<Duration> time) {
  if (time) return *time;
  std::fprintf(stderr, "themis-bench: the ring did not form in 900 s\n");
  std::exit(1);
}

/// Lets the nodes of its thread provide the names that are theirs, all at once.
class Provider final : public PinnedActor {
 public:
  Provider(caf::actor_config& config, std::vector<std::pair<caf::actor, std::string>> names,
           std::promise<void> result)
      : PinnedActor(config), names_(std::move(names)), done_(std::move(result)) {}

  caf::behavior make_behavior() override {
    open_ = names_.size();
    for (const auto& [node, name] : std::exchange(names_, {})) provide(node, name, 1);
    return {[](caf::unit_t) {}};
  }

 private:
  /// On a machine with other work a handshake may take longer than a question waits.
  static constexpr int kTriesMax = 10;

  void provide(const caf::actor& node, const std::string& name, int tries) {
    request(node, caf::infinite, ProvideName{name, Bytes(16)})
        .then([this](caf::unit_t) { provided(); },
              [this, node, name, tries](const caf::error& error) {
                if (tries < kTriesMax) return provide(node, name, tries + 1);
                std::fprintf(stderr, "themis-bench: %s\n", from_caf(error).text().c_str());
                std::exit(1);
              });
  }
  void provided() {
    if (--open_ > 0) return;
    quit();
    std::exchange(done_, std::nullopt)->set_value();
  }
  std::vector<std::pair<caf::actor, std::string>> names_;
  std::optional<std::promise<void>> done_;
  size_t open_ = 0;
};

/// Every name by one node; how many names a second that were, each of k + 1 objects.
double provide_all(MeshNodes& mesh) {
  std::vector<std::future<void>> all_provided;
  const TimePoint start = SystemClock{}.now();
  for (size_t t = 0; t < MeshNodes::kThreads; ++t) {
    std::vector<std::pair<caf::actor, std::string>> names;
    for (size_t i = 0; i < kNames; ++i) {
      const MeshNodes::Node& node = mesh.nodes()[i % mesh.nodes().size()];
      if (node.thread == t) names.emplace_back(node.actor.handle(), name_of(i));
    }
    std::promise<void> done;
    all_provided.push_back(done.get_future());
    mesh.thread(t).in_loop([&] {
      spawn_pinned<Provider>(mesh.thread(t).reactor(), std::move(names), std::move(done));
    });
  }
  for (std::future<void>& each : all_provided) each.wait();
  return static_cast<double>(kNames) / seconds(SystemClock{}.now() - start);
}

/// As asked for, or `otherwise`; never more than nodes.
size_t hosts_of(const Options& options, size_t otherwise) {
  return std::min(options.nodes, options.hosts == 0 ? otherwise : options.hosts);
}

/// So that maintenance of a large ring leaves room for joining: one core takes about 10,000 rounds
/// a second.
Duration join_period(size_t nodes) {
  return std::max<Duration>(500ms, std::chrono::microseconds(100) * nodes);
}

/// A ring with its names, ready to be asked.
struct Formed {
  explicit Formed(const Options& options, bool encryption)
      : mesh({.count = options.nodes,
              .hosts = hosts_of(options, options.nodes),
              .encryption = encryption,
              .successors = options.successors,
              .update_period = 200ms}) {
    formed_in(mesh.start());
    formed_in(mesh.wait_ideal());
    store_per_s = provide_all(mesh);
    run_finders(mesh, options, 0);  // warm: every session is open
  }
  MeshNodes mesh;
  double store_per_s = 0;
};

}  // namespace

Figures measure_find(const Options& options) {
  Figures figures;
  figures["nodes"] = options.nodes;
  figures["hosts"] = hosts_of(options, options.nodes);
  figures["sealed"] = !options.plain;
  Formed formed(options, !options.plain);
  if (options.plain) {
    constexpr int kTurns = 4;
    Formed sealed(options, true);
    Options part = options;
    part.seconds = options.seconds / kTurns;
    double plain_sum = 0, sealed_sum = 0;
    for (int i = 0; i < kTurns; ++i) {
      plain_sum += rate(run_finders(formed.mesh, part, 0));
      sealed_sum += rate(run_finders(sealed.mesh, part, 0));
    }
    figures["find_per_s"] = plain_sum / kTurns;
    figures["sealed_find_per_s"] = sealed_sum / kTurns;
    figures["sealed_to_plain"] = sealed_sum / plain_sum;
    return figures;
  }
  const uint64_t asked_before = formed.mesh.questions();
  const Load full = run_finders(formed.mesh, options, 0);
  const uint64_t asked = formed.mesh.questions() - asked_before;
  Load half = run_finders(formed.mesh, options, rate(full) / 2);
  figures["find_per_s"] = rate(full);
  figures["questions_per_find"] =
      static_cast<double>(asked) / static_cast<double>(full.latency_us.size());
  figures["failed"] = full.failed + half.failed;
  figures["store_per_s"] = formed.store_per_s;
  figures["find_p50_us"] = quantile(half.latency_us, 0.5);
  figures["find_p99_us"] = quantile(half.latency_us, 0.99);
  return figures;
}

Figures measure_join(const Options& options) {
  const double before_kb = resident_kb();
  const TimePoint start = SystemClock{}.now();
  const Duration period = join_period(options.nodes);
  const size_t hosts = hosts_of(options, kJoinHosts);
  MeshNodes mesh({.count = options.nodes,
                  .hosts = hosts,
                  .successors = options.successors,
                  .update_period = period});
  const double keys_s = seconds(SystemClock{}.now() - start);
  const double cpu = process_cpu_s();
  const TimePoint begun = SystemClock{}.now();
  const Duration joined = formed_in(mesh.start());
  formed_in(mesh.wait_ideal());
  Figures figures;
  figures["nodes"] = options.nodes;
  figures["hosts"] = hosts;
  figures["sessions"] = mesh.sessions();
  figures["update_period_ms"] = to_ms(period);
  figures["keys_s"] = keys_s;
  figures["total_s"] = seconds(joined);
  figures["per_node_ms"] = seconds(joined) * 1e3 / static_cast<double>(options.nodes);
  figures["ring_ideal_s"] = seconds(SystemClock{}.now() - begun);
  figures["cpu_s"] = process_cpu_s() - cpu;
  figures["rss_kb_per_node"] = (resident_kb() - before_kb) / static_cast<double>(options.nodes);
  return figures;
}

}  // namespace themis::bench
