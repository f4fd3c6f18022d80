#pragma once
// What a supervisor decides, without actors: restarts, back-off, intensity, shutdown order.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/rng.hpp"

namespace themis {

/// Which children are started again when one fails.
enum class Strategy : uint8_t {
  one_for_one,   ///< Only the one that failed.
  all_for_one,   ///< All of them: they share state that must start over together.
  rest_for_one,  ///< It and those declared after it, which depend on it.
};

/// Whether a child that ended is started again.
enum class Restart : uint8_t {
  permanent,  ///< Always.
  transient,  ///< Only after an abnormal exit.
  temporary,  ///< Never; it is forgotten.
};

struct SupervisorOptions {
  std::string name = "supervisor";  ///< For logs, metrics and `themis status`.
  Strategy strategy = Strategy::one_for_one;
  /// More restarts than this within `within`, and the supervisor gives up: its own supervisor
  /// decides.
  uint32_t max_restarts = 5;
  Duration within = 10s;
  /// The first restart is immediate, the second waits `backoff_min`, each further one
  /// `backoff_factor` times longer up to `backoff_max`; every wait is multiplied by a random 1 +-
  /// `backoff_jitter`.
  Duration backoff_min = 50ms;
  Duration backoff_max = 10s;
  double backoff_factor = 2.0;
  double backoff_jitter = 0.2;
  /// A child that was up for so long has its back-off forgotten.
  Duration healthy_after = 30s;
  uint64_t seed = 1;  ///< Of the jitter. Supervisors of one process should differ.
};

enum class ChildState : uint8_t {
  finished,  ///< Ended and not wanted again (a transient child that was done).
  pending,   ///< Will be started when its turn in the order comes.
  backoff,   ///< Will be started when its delay is over.
  starting,
  up,
  stopping,
};
std::string_view name(ChildState state);

/// One line of `themis status`.
struct ChildStatus {
  std::string id;
  ChildState state = ChildState::pending;
  uint32_t restarts = 0;
  std::string last_reason;  ///< Why it ended last; empty when it never did.
  TimePoint since;          ///< When it entered `state`.
};

/// What observers (metrics, tests, the dashboard) are told.
struct ChildEvent {
  enum class Kind : uint8_t { started, exited, restarting, killed, forgotten, gave_up };
  Kind kind;
  std::string supervisor;
  std::string child;
  std::string reason;  ///< Of exited and gave_up.
  bool clean = true;   ///< Of exited: a normal end or a shutdown, not a failure.
  uint32_t restarts = 0;
  Duration delay{0};  ///< Of restarting.
};
std::string_view name(ChildEvent::Kind kind);

namespace supervision {

/// A child for the length of its declaration; never used twice. Ascending in the order of start.
using ChildKey = uint64_t;

struct Rule {
  std::string id;
  Restart restart = Restart::permanent;
  Duration shutdown = 5s;
  /// Added at run time. Dynamic children are independent of each other: they stop together,
  /// declared ones in turn.
  bool dynamic = false;
};
struct ExitReason {
  bool clean = true;
  std::string text;
};
struct Timer {
  enum class Kind : uint8_t { restart_child, restart_group, kill_child };
  Kind kind = Kind::restart_child;
  ChildKey key = 0;
  uint64_t epoch = 0;
};

// Events.
struct Begin {};
struct Started {
  ChildKey key;
};
struct Exited {
  ChildKey key;
  ExitReason reason;
};
struct StartFailed : Exited {};
struct TimerFired {
  Timer timer;
};
/// `admits(rule.id)` has agreed.
struct Added {
  Rule rule;
};
struct Removed {
  ChildKey key;
};
struct ShutDown {
  ExitReason reason;
};
using Event =
    std::variant<Begin, Started, StartFailed, Exited, TimerFired, Added, Removed, ShutDown>;

// Effects.
/// Run the start function; Started or StartFailed follows.
struct StartChild {
  ChildKey key;
};
/// Ask it to end; Exited follows, or the timer that was armed.
struct StopChild {
  ChildKey key;
};
struct KillChild {
  ChildKey key;
};
struct ArmTimer {
  Timer timer;
  Duration delay;
};
/// The key will not be used again.
struct ForgetChild {
  ChildKey key;
  ExitReason reason;
};
struct Report {
  ChildEvent event;
};
/// All children are down; end with this reason. The last effect ever.
struct Terminate {
  ExitReason reason;
  bool gave_up;  ///< The restart intensity was exceeded.
};
using Effect =
    std::variant<StartChild, StopChild, KillChild, ArmTimer, ForgetChild, Report, Terminate>;

/// The decisions of one supervisor, after Erlang/OTP's `supervisor`: `step(event, now)` returns
/// what is to be done. Deterministic: the same options, rules and events give the same effects. One
/// thread at a time.
class SupervisorCore {
 public:
  /// So many children have one supervisor at most: past it a subtree should be split, since a
  /// status query and an all-for-one restart walk all of them.
  static constexpr size_t kChildrenMax = 16'384;

  /// Asserts that the options make sense and that the ids are unique.
  SupervisorCore(SupervisorOptions options, std::vector<Rule> declared);

  std::vector<Effect> step(const Event& event, TimePoint now);

  /// Whether a child of this id may be added. Errors: exists, overloaded (kChildrenMax),
  /// unavailable (shutting down), invalid (an empty id).
  Status admits(std::string_view id) const;
  /// The key that the next Added child gets.
  ChildKey next_key() const { return next_key_; }
  std::optional<ChildKey> find(std::string_view id) const;
  /// In the order of start.
  std::vector<ChildStatus> children() const;
  const SupervisorOptions& options() const { return options_; }

 private:
  struct Child {
    Rule rule;
    ChildState state = ChildState::pending;
    TimePoint since{};
    uint32_t starts = 0;
    uint32_t failures = 0;  ///< In a row: the exponent of the back-off.
    uint64_t epoch = 0;     ///< Raised with every change of state: an old timer finds nobody.
    bool removing = false;
    std::string last_reason;
  };
  /// A start or restart of all children from `from` on, in order.
  struct Group {
    enum class Phase : uint8_t { stopping, waiting, starting };
    ChildKey from = 0;
    Phase phase = Phase::starting;
    bool due = true;  ///< The back-off is over.
  };

  void on(const Begin&);
  void on(const Started& event);
  void on(const StartFailed& event);
  void on(const Exited& event);
  void on(const TimerFired& event);
  void on(const Added& event);
  void on(const Removed& event);
  void on(const ShutDown& event);

  void enter(Child& child, ChildState state);
  void start(ChildKey key, Child& child);
  void stop(ChildKey key, Child& child);
  void failed(ChildKey key, Child& child, const ExitReason& reason);
  void restart_group(ChildKey key, Duration delay);
  void forget(ChildKey key, const ExitReason& reason);
  void begin_shutdown(ExitReason reason, bool gave_up);
  /// Stops what is up from `from` on, last first. True when all of it is down.
  bool stop_in_reverse(ChildKey from);
  void advance();
  Duration next_delay(Child& child);
  bool intensity_exceeded();
  void report(ChildEvent::Kind kind, const Child& child, const ExitReason& reason = {},
              Duration delay = Duration{0});

  SupervisorOptions options_;
  SeededRng rng_;
  std::map<ChildKey, Child> children_;
  std::unordered_map<std::string, ChildKey> keys_;
  ChildKey next_key_ = 1;
  std::deque<TimePoint> restarts_;  ///< Within the period; never more than max_restarts + 1.
  std::optional<Group> group_;
  uint64_t group_epoch_ = 0;
  size_t stopping_ = 0;  ///< Children in that state.
  std::optional<Terminate> ending_;
  bool done_ = false;
  TimePoint now_{};
  std::vector<Effect> effects_;
};

}  // namespace supervision
}  // namespace themis
