#pragma once
// What the nodes of a simulated mesh promised, what they saw, and the first promise that was
// broken.

#include <array>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "actors/ring/ring_messages.hpp"
#include "runtime/sim/world.hpp"

namespace themis::world {

/// What a trace consists of, besides the events of the network.
enum class Happening : uint8_t {
  start,
  stop,
  fault,
  heal,
  find_ok,
  find_failed,
  lookup_ok,
  lookup_failed,
  reach_ok,
  reach_failed,
  call_ok,
  call_failed,
  provide_ok,
  provide_failed,
  withdraw,
  ideal,
  checked,
};
inline constexpr size_t kHappenings = static_cast<size_t>(Happening::checked) + 1;
std::string_view name(Happening what);

/// Deliberate breakage that the check of its promise must notice: a checker that cannot fail checks
/// nothing. The checks of deadlines, sessions and lists have none.
enum class Sabotage : uint8_t {
  none,
  wrong_bytes,   ///< An echo comes back changed.
  wrong_sender,  ///< The caller takes another node for the one it asked.
  lost_answer,   ///< An answer is swallowed on its way to the caller.
  ghost,         ///< A name is provided that the ledger knows nothing of.
  forgotten,     ///< A find in the calm lacks one of the providers.
  wrong_node,    ///< A lookup in the calm ends with another node.
  cut_link,      ///< One link stays cut after all was healed.
  leak,          ///< A session is kept after its node has ended.
};

/// What is asked to see whether it is right.
enum class Check : uint8_t { lookup, find };
inline constexpr size_t kChecks = static_cast<size_t>(Check::find) + 1;

/// Of the answers to checks.
struct Tally {
  uint64_t right = 0;
  uint64_t all = 0;
  void operator+=(const Tally& more) {
    right += more.right;
    all += more.all;
  }
  /// 1 of none.
  double share() const {
    return all == 0 ? 1 : static_cast<double>(right) / static_cast<double>(all);
  }
};
/// Of each Check.
using Tallies = std::array<Tally, kChecks>;

/// Judges one run. One thread.
class Ledger {
 public:
  using Sink = std::function<void(std::string_view line)>;

  explicit Ledger(const sim::World& world) : world_(world) {}
  /// Gets one line for each happening.
  void set_sink(Sink sink) { sink_ = std::move(sink); }

  /// Mixes what happened into the hash and counts it.
  void note(Happening what, uint32_t slot, uint64_t value = 0, std::string_view detail = {});
  /// A line for the sink only, of what a reader may want to know.
  void remark(std::string_view text) const;
  bool has_sink() const { return sink_ != nullptr; }
  /// The first one is kept; the run ends there.
  void violate(std::string what);
  bool violated() const { return !violation_.empty(); }
  const std::string& violation() const { return violation_; }
  /// Counts the answer to a check. `wrong`: what is wrong with it, empty when nothing is; that
  /// violates, unless wrong answers are expected and only counted.
  void judge(Check check, std::string wrong);
  void set_counting_only(bool on) { counting_only_ = on; }
  bool counting_only() const { return counting_only_; }
  /// What was counted since the last call.
  Tallies take_tallies() { return std::exchange(tallies_, {}); }
  uint64_t count(Happening what) const { return counts_[static_cast<size_t>(what)]; }
  uint64_t hash() const { return trace_.value(); }
  /// Keeps the longest.
  void took(Happening what, Duration time);
  Duration longest(Happening what) const { return longest_[static_cast<size_t>(what)]; }

  /// `provider` announces `name` from now on, with `payload`.
  void provides(const std::string& name, const NodeId& provider, const Bytes& payload);
  void withdraws(const std::string& name, const NodeId& provider);
  /// All that it provides ends with it.
  void ends(const NodeId& provider);
  /// Whether a record tells what its provider did announce at some time.
  bool was_provided(const ring::Record& record) const;
  /// Who provides `name` now, with what.
  std::map<NodeId, Bytes> providers(const std::string& name) const;

  Sabotage sabotage = Sabotage::none;
  /// True once, for the breakage that this run is to have.
  bool breaks(Sabotage what);

 private:
  struct Announced {
    std::set<Bytes> payloads;
    bool live = false;
    Bytes last;
  };

  const sim::World& world_;
  Sink sink_;
  sim::Trace trace_;
  std::array<uint64_t, kHappenings> counts_{};
  std::array<Duration, kHappenings> longest_{};
  Tallies tallies_{};
  bool counting_only_ = false;
  std::string violation_;
  std::map<std::pair<std::string, NodeId>, Announced> announced_;
};

/// "12.345678": virtual seconds since the start.
std::string clock_text(TimePoint now);

}  // namespace themis::world
