#pragma once
// Calling a name wherever it runs: find its instances, choose one, ask it, and another one when
// that is safe. The decisions are mesh::RouteTable's; this is the shell around them.

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/event_based_actor.hpp>
#include <functional>
#include <map>
#include <unordered_map>

#include "actors/mesh/route_table.hpp"
#include "actors/mesh/watched_names.hpp"
#include "actors/node/node_api.hpp"

namespace themis {

/// A call on its way, as its caller gave it.
struct RoutedCall {
  std::string name;  ///< On the ring.
  wire::FramePtr frame;
  bool idempotent = false;
  wire::FramePtr request = {};  ///< That is served by it; see RouteCaller::cancel_for.
  /// It changes nothing (RFC 9110 section 9.2.1): it needs no key to run twice.
  bool safe = false;
  bool once = false;     ///< It brings a body that can be read once: it never runs twice.
  bool is_copy = false;  ///< Of another call: asked once, nobody waits for the answer.
};

/// To the actor of a RouteCaller, from itself: see CallKind::after.
struct CallerTimer {
  uint64_t call = 0;  ///< Whose second request is due; 0: the health checks are.
};

/// What differs between who calls functions and who calls services.
class CallKind {
 public:
  using Answered = std::function<void(const wire::FramePtr&)>;
  using Failed = std::function<void(const caf::error&)>;

  virtual ~CallKind() = default;
  virtual TimePoint now() const = 0;
  /// The exported actor that is asked at each instance of `name`, or at a canary.
  virtual wire::Target target_of(const std::string& name, bool is_canary) const = 0;
  /// What the caller of this request is known by; nothing: it does not say.
  virtual std::optional<std::string> caller_of(const wire::FramePtr&, const mesh::Sticky&) const {
    return {};
  }
  /// Whether calls of `name` may go to this node at all.
  virtual bool may_run(const std::string&, const NodeId&) const { return true; }
  /// Sends the request; calls one of the two, unless the actor ends.
  virtual void ask(const caf::actor& instance, const wire::FramePtr& frame, Answered answered,
                   Failed failed) = 0;
  /// What a failed request says about the call and its instance.
  virtual mesh::Judgement judge(const caf::error& error) const = 0;
  /// Whether an answer is the instance's failure all the same (an HTTP status of 5xx).
  virtual bool is_fault(const wire::FramePtr&) const { return false; }
  /// What an answer says of its instance's load, if it does.
  virtual std::optional<mesh::ToldLoad> load_of(const wire::FramePtr&) const { return {}; }
  /// The first instance that was tried is lost: whoever looks after the name may want to know.
  virtual void lost(const std::string&) {}
  /// All known instances were tried: brings some up if it can, and says so. Errors: not_found
  /// (nothing to be done), others.
  virtual void restore(const std::string& name, std::function<void(Status)> done) = 0;
  /// What the caller is told when nobody provides `name`.
  virtual Error nobody(const std::string& name) const = 0;
  /// Has the actor receive CallerTimer{call} after `delay`, and give it to RouteCaller::on_timer.
  virtual void after(Duration delay, uint64_t call) = 0;
};

/// Part of an event-based actor; its thread only. A call whose route is cached costs one request to
/// the instance's proxy and nothing on the ring.
class RouteCaller {
 public:
  /// Calls under way; each holds a request of up to 1 MB.
  static constexpr size_t kCallsMax = 4096;
  /// Copies under way, besides those: a shadow that is slow takes no room of real calls.
  static constexpr size_t kCopiesMax = 256;
  /// Proxies kept; past it all are dropped and reached again, which costs no round trip.
  static constexpr size_t kProxiesMax = 4096;
  /// How often health checks are looked for while there may be any: the precision of their times.
  static constexpr Duration kChecksEvery = 100ms;

  struct Answer {
    wire::FramePtr frame;
    NodeId node;  ///< Who computed it.
  };
  /// Called once. Errors: not_found (nobody provides the name), unavailable, overloaded, timeout;
  /// what the instance answered.
  using Then = std::function<void(Result<Answer>)>;

  struct Counters {
    uint64_t calls = 0;
    uint64_t cancelled = 0;  ///< Calls that their callers gave up.
    uint64_t retries = 0;
    uint64_t finds = 0;     ///< Names looked for on the ring: one at a time for each.
    uint64_t replaced = 0;  ///< Names that were restored because no instance was left.
    uint64_t failures = 0;
    uint64_t copies_dropped = 0;  ///< Not made: too many were under way.
  };

  RouteCaller(caf::event_based_actor& actor, CallKind& kind, Rng& rng, caf::actor node,
              std::vector<RouteConfig> routes)
      : actor_(actor),
        kind_(kind),
        rng_(rng),
        table_(rng, std::move(routes)),
        node_(std::move(node)) {}

  /// The frame was made here, for this call. One that may be sent again and is not safe gets an
  /// idempotency key: an instance that sees it again runs it once. Returns what cancel() takes;
  /// `then` is not run before. An error is known at once: `then` is left as it was and never run.
  /// Errors: overloaded (too many calls, open breakers), not_found (nobody provided the name a
  /// moment ago), timeout.
  [[nodiscard]] Result<uint64_t> call(RoutedCall call, Then&& then);
  /// The caller gives up: `then` is destroyed, and the instances that were asked are told.
  void cancel(uint64_t id);
  /// Whoever asked `request` gave up: the calls that serve it end with Code::cancelled.
  void cancel_for(const wire::FramePtr& request);
  void on_timer(const CallerTimer& timer);
  /// The ring tells who provides a name that is called here.
  void on_changed(const NameChanged& changed);
  /// Has the ring asked who provides `name`, when that is not known or old; nobody waits for it.
  void look(const std::string& name);
  /// See RouteTable.
  std::optional<mesh::KnownLoad> load_of_one(const std::string& name) {
    return table_.load_of_one(name, kind_.now());
  }
  /// The route of `name`, or that there is none, is known to be old.
  void forget(const std::string& name);
  /// A proxy ended. With its session, when that is lost: then every route leaves its node alone.
  void on_down(const caf::down_msg& down);
  /// The actor ends: no call is answered any more, no actor is held.
  void stop();

  /// The deadline of a call that begins now and that its caller gives up at `deadline`.
  TimePoint deadline_of(const std::string& name, TimePoint deadline) const;
  /// The name that gets a copy of this call, by chance; empty: none.
  std::string mirror_of(const std::string& name) { return table_.mirror(name); }

  const Counters& counters() const { return counters_; }
  size_t open_calls() const { return open_.size(); }
  const mesh::RouteTable& table() const { return table_; }

 private:
  struct Open {
    RoutedCall call;
    Then then;
    mesh::RouteTable::Tried tried = {};
    std::vector<std::pair<mesh::InstanceKey, caf::actor>> asked =
        {};  ///< Of the pending ones: who has it.
    size_t attempts = 0;
    size_t pending = 0;      ///< Requests without an answer: two when hedged.
    bool searching = false;  ///< The ring or who restores names is being asked.
    bool done = false;       ///< Answered or given up; waits for what is pending.
    bool counted = false;    ///< In the route's counters.
    bool fresh = false;      ///< The ring was asked for this call.
    bool restored = false;   ///< Restoring was asked for this call.
    bool hedged = false;
    uint64_t forgets = 0;  ///< When it began; names that were deployed since are not missing.
    Error last{Code::not_found, ""};
  };
  struct Attempt {
    uint64_t call;
    mesh::InstanceKey at;
    TimePoint began;
    bool is_probe;
  };
  /// A find under way. There is one for each open call and each route at most.
  struct Search {
    std::vector<uint64_t> waiting;
    std::vector<uint64_t> next;  ///< Who needs one that begins later.
  };

  Result<uint64_t> begin(RoutedCall call);
  void find(uint64_t id, bool anew = false);
  void refresh(const std::string& name);
  void ask_ring(const std::string& name);
  mesh::Instances instances_of(const std::string& name, const ring::Records& records) const;
  void watch(const std::string& name);
  void found(const std::string& name, const Status& status);
  void hedge(uint64_t id);
  void arm_checks();
  void check(const mesh::RouteTable::Check& check);
  Status try_next(uint64_t id);
  void go_on(uint64_t id);
  Result<mesh::RouteTable::Choice> choose(const Open& open);
  void start(uint64_t id, const mesh::RouteTable::Choice& instance);
  void reach(const Attempt& attempt, const ring::Contact& instance, wire::Target target);
  void ask(const Attempt& attempt, const caf::actor& proxy);
  void answered(const Attempt& attempt, const wire::FramePtr& frame);
  void failed(const Attempt& attempt, mesh::Judgement judgement, Error error);
  bool settle(const Attempt& attempt, mesh::Verdict verdict);
  void no_instance(uint64_t id);
  void finish(uint64_t id, Result<Answer> answer);
  void restored(uint64_t id, const Status& status);
  void give_key(wire::Frame& frame);
  /// False: the call ended while it was searched for.
  bool woken(uint64_t id);
  void abandon(uint64_t id);
  void drop_if_over(uint64_t id);
  void erase(uint64_t id);

  caf::event_based_actor& actor_;
  CallKind& kind_;
  Rng& rng_;
  mesh::RouteTable table_;
  mesh::WatchedNames watched_;
  caf::actor node_;
  std::unordered_map<uint64_t, Open> open_;
  std::unordered_map<std::string, Search> searches_;
  size_t copies_ = 0;  ///< In open_.
  uint64_t forgets_ = 0;
  std::map<std::pair<NodeId, wire::Target>, caf::actor> proxies_;
  uint64_t last_id_ = 0;
  bool checks_armed_ = false;
  Counters counters_;
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::CallerTimer)
