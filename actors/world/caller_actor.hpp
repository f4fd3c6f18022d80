#pragma once
// The users of a simulated node: one actor that announces, finds, looks up and calls, and checks
// every outcome; and one that answers.

#include <map>
#include <vector>

#include "actors/node/node_actor.hpp"
#include "actors/world/ledger.hpp"

namespace themis::world {

/// The name under which every simulated node exports its EchoActor.
inline constexpr std::string_view kEchoName = "echo";

/// Answers an Echo with the same frame.
class EchoActor final : public HostedActor {
 public:
  EchoActor(caf::actor_config& config, Reactor& reactor, const MessageTypes& types, Ledger& ledger)
      : HostedActor(config, reactor), types_(types), ledger_(ledger) {}
  void end() { quit(caf::exit_reason::normal); }
  const char* name() const override { return "echo"; }

 private:
  void on_message(caf::mailbox_element& element) override;
  wire::FramePtr changed(const wire::FramePtr& frame) const;

  const MessageTypes& types_;
  Ledger& ledger_;
};

/// What a caller is given; everything outlives it.
struct CallerSetup {
  uint32_t slot = 0;
  HostedPtr<NodeActor> node;
  const MessageTypes* types = nullptr;
  Ledger* ledger = nullptr;
  Rng* rng = nullptr;
  size_t names = 0;  ///< Names are service-0 to service-(names - 1).
};

std::string service_name(uint64_t number);

/// Works at random intervals from begin() to end(). What it asks for on its own may fail while
/// there are faults; what it answers may never be wrong or late. The check_ calls allow no failure
/// either.
class CallerActor final : public HostedActor {
 public:
  static constexpr Duration kWorkEveryMax = 2s;
  /// A deadline is looked after in steps of 50 ms.
  static constexpr Duration kDeadlineSlack = 200ms;
  /// A handshake that times out, and one more for whom another identity has answered.
  static constexpr Duration kReachMax = 2 * SessionTimes{}.handshake + kDeadlineSlack;
  /// k + 1 copies, each a lookup some of whose questions time out; themis-sim prints the longest.
  static constexpr Duration kFindMax = 60s;

  CallerActor(caf::actor_config& config, Reactor& reactor, CallerSetup setup)
      : HostedActor(config, reactor), setup_(std::move(setup)) {}

  void begin() { arm(); }
  /// Whether it announces and withdraws names; finding and calling goes on.
  void set_announcing(bool on) { announcing_ = on; }
  /// Everybody who provides `name` must be found, nobody else, and one of them answers a call.
  /// Where the ledger only counts, a find is right when nobody is missing, and that is all.
  void check_find(const std::string& name);
  /// One of `expected` must be named for `target`.
  void check_lookup(const ring::Point& target, std::vector<NodeId> expected);
  /// Outcomes of check_ calls that are still open.
  size_t checks_open() const { return checks_open_; }
  /// Every session that was met on the way, to see it die.
  const std::map<caf::actor_id, caf::weak_actor_ptr>& sessions() const { return sessions_; }
  void end();
  const char* name() const override { return "caller"; }

 private:
  enum class Kind : uint8_t { find, lookup, reach, call, provide };
  struct Task {
    Kind kind = Kind::find;
    bool strict = false;
    TimePoint asked{};
    TimePoint due{};
    std::string name;
    ring::Contact contact;
    uint64_t sequence = 0;
    Bytes payload;
    std::vector<NodeId> expected;
  };
  struct Kept {
    ring::Contact contact;
    caf::actor proxy;
  };

  void on_message(caf::mailbox_element& element) override;
  void arm();
  void work();
  void announce();
  void withdraw();
  void check_overdue() const;
  void ask(Task task, const caf::actor& whom, caf::message question, Duration limit);
  void find(const std::string& name, bool strict);
  void look_up(const ring::Point& target, std::vector<NodeId> expected, bool strict);
  void reach(const ring::Contact& contact, bool strict);
  void call(const ring::Contact& contact, const caf::actor& proxy, bool strict);
  void on_found(const Task& task, const ring::Records& records);
  /// Empty, or what is wrong with the answer.
  std::string wrong_find(const Task& task, const ring::Records& records) const;
  std::string wrong_lookup(const Task& task, const ring::Contacts& nodes) const;
  void on_responsible(const Task& task, const ring::Contacts& nodes);
  void on_reached(const Task& task, const caf::actor& proxy);
  void on_echo(const Task& task, const wire::FramePtr& frame);
  void on_failed(const Task& task, const Error& error);
  void watch(const NodeId& peer);
  void note(Happening what, uint64_t value = 0, std::string_view detail = {});

  CallerSetup setup_;
  bool announcing_ = true;
  std::map<uint64_t, Task> tasks_;
  uint64_t last_task_ = 0;
  uint64_t last_payload_ = 0;
  size_t checks_open_ = 0;
  std::vector<std::string> announced_;
  std::vector<Kept> kept_;
  std::map<caf::actor_id, caf::weak_actor_ptr> sessions_;
  net::TimerId timer_ = 0;
};

}  // namespace themis::world
