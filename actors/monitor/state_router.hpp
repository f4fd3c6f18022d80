#pragma once
// Finds the node that keeps a namespace, and asks it.

#include <caf/actor.hpp>
#include <deque>
#include <map>
#include <optional>
#include <set>

#include "actors/mesh/guard.hpp"
#include "actors/monitor/monitor_codec.hpp"
#include "actors/monitor/state_api.hpp"
#include "actors/node/node_api.hpp"
#include "actors/peer/exports.hpp"
#include "actors/ring/ring_effects.hpp"
#include "actors/system/hosted_actor.hpp"
#include "actors/system/message_types.hpp"

namespace themis {

/// Under which peers find a node's router.
inline constexpr std::string_view kStateRouterName = "state";
/// Questions of kStateAskBytesMax that may wait for their namespace to be found: 16 MB. A longer
/// batch counts as several.
inline constexpr size_t kRoutedWaitingMax = 1'024;
/// Namespaces whose nodes are remembered; past it those of other nodes are found anew.
inline constexpr size_t kHomesMax = 4'096;

/// Namespaces that a node keeps: the rest of its names on the ring is for functions and services. A
/// peer's questions may make it keep as many new ones as are left, so that one always is for
/// another.
inline constexpr size_t kKeptMax = ring::RingLimits::kProvidedMax / 4 * 3;

/// A ring that has just changed may name nobody who keeps state: it is asked again, so often.
inline constexpr int kFindsMax = 20;
inline constexpr Duration kFindPause = 100ms;

/// Between two tries to announce a namespace of the store while the ring does not answer.
inline constexpr Duration kOwnNamesPause = 1s;

/// Under this name the node that keeps a namespace announces itself on the ring.
inline std::string ring_name_of_state(std::string_view name_space) {
  return std::string("state/").append(name_space);
}

/// What peers may ask of this node, by its [[route]] and [[allow]]: a namespace is the service
/// "state/NAMESPACE", an operation its method ("get", "put", ...).
struct StateAccess {
  std::vector<RouteConfig> routes;
  std::vector<AllowConfig> rules;
};

/// What it tells itself.
struct FindAgain {
  std::string name_space;
};
struct AnnounceNext {};

/// Takes AskHome: the namespace's node answers, wherever it is. The first question to a namespace
/// makes the node responsible for it its keeper, which announces it on the ring; it stays that when
/// others join, and announces all that its store has when it starts again. Takes
/// Msg<schema::AskState> of peers for namespaces that this node keeps, or that nobody does. An
/// actor is where its namespace is: takes CallHome, and Msg<schema::Invoke> of peers, the same way;
/// to
/// [[allow]] it is the method "call" of the service. Passes
/// ReportState and NameStates on. Errors of its own: not_hosted (another node keeps the namespace,
/// or this one keeps none), denied and rate_limited (a peer, by StateAccess), unavailable (its node
/// cannot be reached), overloaded (also kKeptMax). Pinned to the node's reactor.
class StateRouter final : public PinnedActor {
 public:
  /// `local`: this node's StateActor; empty: it keeps no state. Both outlive nothing.
  StateRouter(caf::actor_config& config, caf::actor local, StateAccess access = {});
  const char* name() const override { return "state-router"; }
  void on_exit() override;

 private:
  using OutcomeMsg = wire::Msg<schema::Outcome>;
  using InvokeMsg = wire::Msg<schema::Invoke>;
  struct Waiting {
    wire::FramePtr frame;  ///< Of a question, or of a call of an actor.
    bool is_call = false;
    caf::response_promise promise;
    bool of_peer = false;
  };
  /// Looked for while something waits.
  struct Home {
    caf::actor at;  ///< Null until it is found, and when it ended.
    std::vector<Waiting> waiting;
    int finds = 0;              ///< Since somebody answered.
    ring::Contacts nodes = {};  ///< Who may keep it, and which of them `at` is.
    size_t next = 0;
  };

  caf::behavior make_behavior() override;
  Status admit_peer(const AskStateMsg& message, const StateAskHead& asked);
  caf::result<StateAnsweredMsg> take(const AskStateMsg& message, bool of_peer);
  caf::result<OutcomeMsg> take_call(const InvokeMsg& message, const std::string& name_space,
                                    bool of_peer);
  caf::result<OutcomeMsg> take_call_of_peer(const InvokeMsg& message);
  Status check(const wire::Frame& frame, bool of_peer) const;
  void route(const std::string& name_space, Waiting waiting);
  template <class Answer, class Question>
  void pass_on(const caf::actor& to, const Question& question, const caf::actor& at,
               const std::string& name_space, const Waiting& waiting);
  void learn_own();
  void announce_next();
  void find(const std::string& name_space);
  void ask_responsible(const std::string& name_space);
  /// The first of `nodes` from `next` on that can be asked; this one keeps it itself.
  void reach(const std::string& name_space, ring::Contacts nodes, size_t next);
  void keep(const std::string& name_space);
  bool may_keep(const std::string& name_space, const NodeId* peer);
  void settle(const std::string& name_space, const caf::actor& at);
  void give_up(const std::string& name_space, const Error& why);
  void ask(const caf::actor& at, const std::string& name_space, const Waiting& waiting);
  void ask_elsewhere(const caf::actor& at, const std::string& name_space, const Waiting& waiting);
  void forget(const caf::actor_addr& ended);

  caf::actor local_;
  caf::actor actors_;  ///< Runs those whose namespaces are kept here.
  const StateAccess access_;
  std::optional<mesh::Guard> guard_;  ///< Once the node is known.
  caf::actor node_;
  ring::Contact self_;
  std::map<std::string, Home> homes_;
  std::set<caf::actor_addr> watched_;
  size_t waiting_ = 0;
  std::deque<std::string> own_;  ///< Namespaces of the store, to be announced.
  std::set<std::string> kept_;   ///< Announced.
  std::map<NodeId, size_t> kept_for_;
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::AnnounceNext)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::FindAgain)
