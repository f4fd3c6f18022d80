#pragma once
// Runs codes of Oyster fronts on this node: of its own, and of those of other nodes that its config
// names.

#include <caf/typed_response_promise.hpp>
#include <map>
#include <unordered_map>

#include "actors/flows/flow_codec.hpp"
#include "actors/gateway/oyster_api.hpp"
#include "actors/node/node_api.hpp"
#include "actors/oyster/installed_codes.hpp"
#include "actors/oyster/runnable_code.hpp"
#include "actors/services/service_codec.hpp"
#include "actors/system/hosted_actor.hpp"

namespace themis {

class Exports;
namespace storage {
class Environment;
}

/// What it is given; everything outlives it.
struct RunnerOptions {
  uint32_t capacity = 0;            ///< Codes that run at once, whoever's.
  FunctionLimits limits;            ///< Of every one.
  bool fresh = false;               ///< Every call in an isolate of its own, also if not asked for.
  std::vector<std::string> fronts;  ///< Nodes whose fronts may ask: ids or "any"; empty: none.
  bool waits_for_front = false;     ///< It offers nothing before an OfferRuns.
  caf::actor workers;
  caf::actor flows;
  caf::actor node;
  Exports* exports = nullptr;
  storage::Environment* environment = nullptr;
  Rng* rng = nullptr;
  Duration drain_max{};  ///< How long codes that run are waited for at the end.
};

/// Takes RunCode, OfferRuns, CountRuns and CancelRequest, and from peers that `fronts` names
/// Msg<Invoke> of a code by its id, which it fetches from them once. Announced as kRunsRingName
/// while it is offered. A code is its own owner: no two share a process. A place is taken from the
/// request until the end of the answer's body, or its limit of time. Told to end, it sends new
/// calls elsewhere (not_hosted) and ends when those that run are answered. Pinned to the node's
/// reactor.
class RunnerActor final : public PinnedActor {
 public:
  /// A front's code is 1 MB at most.
  static constexpr Duration kFetchMax = 5s;

  RunnerActor(caf::actor_config& config, RunnerOptions options);
  const char* name() const override { return kRunnerActorName; }

 private:
  using OutcomePromise = caf::typed_response_promise<OutcomeMsg>;
  /// A place that is taken.
  struct Run {
    InvokeMsg invoke;
    CodeId code{};
    OutcomePromise promise;
    net::TimerId timer = 0;
    bool fresh = false;
    bool is_begun = false;  ///< The workers have it.
    FlowId inner = 0;       ///< The rest of its answer at the workers, ...
    FlowId outer = 0;       ///< ... and as it is read from here; 0: none.
    const NodeId* peer() const { return invoke.frame()->peer(); }
  };

  caf::behavior make_behavior() override;
  void on_exit() override;
  Status start();
  caf::message_handler about_bodies();
  void drain(const caf::error& reason);
  void offer(bool is_offered);
  void announce();
  OysterRuns counts() const;

  caf::result<OutcomeMsg> run_own(const RunCode& order);
  caf::result<OutcomeMsg> run_for_peer(const InvokeMsg& invoke);
  bool is_allowed(const wire::Frame& frame) const;
  /// Errors: overloaded.
  Result<uint64_t> take_place(const InvokeMsg& invoke, const CodeId& code);
  void look_on_disk(const CodeId& id);
  void fetch(const CodeId& id);
  void fetch_from(const caf::actor& front, uint64_t run, const CodeId& id);
  void found(const CodeId& id, const std::shared_ptr<const Bytes>& source);
  void not_found(uint64_t run, const Error& why);
  void begin(uint64_t id, const std::shared_ptr<const Bytes>& source);
  void call(uint64_t id);
  void answered(uint64_t id, const OutcomeMsg& outcome);
  void refuse(uint64_t id, Error why);
  void expired(uint64_t id);
  void cancel(const wire::FramePtr& frame);
  caf::result<BodyPartMsg> read_part(FlowId outer);
  void drop_part(FlowId outer);
  void end(uint64_t id);
  bool is_more_crowded_than(const mesh::KnownLoad& other);
  uint8_t memory_percent();

  RunnerOptions options_;
  InstalledCodes installed_;
  caf::actor shelf_;
  std::unordered_map<uint64_t, Run> runs_;  ///< At most `capacity`.
  std::unordered_map<FlowId, uint64_t> flows_;
  std::map<CodeId, std::vector<uint64_t>> waiting_;  ///< Runs whose code is on its way.
  uint64_t last_id_ = 0;
  OysterRuns counts_;
  bool is_offered_ = false;
  std::optional<caf::error> stopping_;
  TimePoint drained_by_{};
  net::TimerId drain_timer_ = 0;
  uint8_t memory_percent_ = 0;
  TimePoint memory_read_{};
};

}  // namespace themis
