#pragma once
// One function inside a function host: a V8 isolate as an actor.

#include <unordered_map>

#include "actors/flows/flow_codec.hpp"
#include "actors/placement/enclave_system.hpp"
#include "actors/worker/function_codec.hpp"
#include "actors/worker/turn_budget.hpp"
#include "state.capnp.h"

namespace themis {

/// What a function reaches of the outside: timers of the reactor's loop, the system's randomness,
/// log lines to the parent's actor "log", questions to its actors "state" and "services", what was
/// compiled to "caches". Reactor thread, post() any.
class FunctionHost final : public js::Host {
 public:
  /// `asker`: a ParentAsker.
  FunctionHost(EnclaveSystem& enclave, const LoadRequest& of, caf::actor asker)
      : enclave_(enclave),
        loop_(enclave.reactor().loop()),
        function_(of.name),
        deployer_(of.deployer),
        self_{.code = of.id},
        is_actor_(of.actor.has_value()),
        asker_(std::move(asker)) {}
  const std::string& function() const { return function_; }
  const std::string& deployer() const { return deployer_; }
  void keep_code_cache(ByteView cache);
  /// Where the node reads the bodies of its function's requests: before the first call.
  void set_target(wire::Target target) { self_.target = target; }
  /// Two of it must never be: it is replaced when nothing is left to do only.
  bool is_actor() const { return is_actor_; }

  TimePoint now() const override { return loop_.now(); }
  int64_t wall_ms() const override { return loop_.wall_ms(); }
  void log(js::LogLevel level, std::string_view text) override;
  js::TimerId after(Duration delay, std::function<void()> callback) override {
    return loop_.after(delay, std::move(callback));
  }
  void cancel(js::TimerId id) override { loop_.cancel(id); }
  void post(std::function<void()> work) override { loop_.post(std::move(work)); }
  void random(std::span<std::byte> out) override { enclave_.rng().fill(out); }
  void ask_state(const std::string& name_space, const std::string& question, TimePoint deadline,
                 Answered answered) override;
  GiveUp call_service(const std::string& service, js::Request request, TimePoint deadline,
                      ServiceAnswered answered) override;
  GiveUp fetch_outward(js::Request request, TimePoint deadline, ServiceAnswered answered) override;
  void read_flow(uint64_t flow, PartAnswered answered) override;
  void leave_flow(uint64_t flow) override;

 private:
  GiveUp call_parent(Result<wire::Msg<schema::Invoke>> invoke, ServiceAnswered answered);

  EnclaveSystem& enclave_;
  net::Loop& loop_;
  const std::string function_;
  const std::string deployer_;
  Requester self_;
  const bool is_actor_;
  const caf::actor asker_;
};

/// A question to the parent's state, from a function of this process.
struct AskParent {
  wire::Msg<schema::AskState> question;
  js::Host::Answered answered;
};
/// A request of such a function for a service.
struct CallParent {
  wire::Msg<schema::Invoke> invoke;
  js::Host::ServiceAnswered answered;
};
/// A part of a body that such a function reads.
struct PullParent {
  FlowId flow = 0;
  js::Host::PartAnswered answered;
};
/// Asks for the functions of a process, which have no mailboxes to take answers with.
class ParentAsker final : public PinnedActor {
 public:
  ParentAsker(caf::actor_config& config, EnclaveSystem& enclave)
      : PinnedActor(config), enclave_(enclave) {}
  const char* name() const override { return "parent-asker"; }

 private:
  caf::behavior make_behavior() override;
  EnclaveSystem& enclave_;
};

/// Answers Msg<schema::Invoke> with Msg<schema::Outcome>, and Msg<schema::Pull> with the next part
/// of such an outcome's body, or of a request that it makes, until Msg<schema::DropFlow>; several
/// calls may be in flight. Hosted: a
/// call runs right where its bytes arrive, without a mailbox or a hand-off, as the budget allows.
/// Ends with memory_exceeded once its heap overflowed, after its calls were answered, and between
/// two calls when it is nearly full. What it did not run is answered with not_found: it can be sent
/// again once the function is loaded anew.
class FunctionWorker final : public HostedActor {
 public:
  /// Answers after which its heap is looked at.
  static constexpr uint64_t kLookEvery = 32;
  /// What was compiled is made a code cache so long after the first answer: by then it has what
  /// calls use, and no call waits for it.
  static constexpr Duration kCacheAfter = 1s;
  /// A function without calls for so long gives back its nursery and what V8 looks things up in.
  static constexpr Duration kRestAfter = 5s;

  FunctionWorker(caf::actor_config& config, Reactor& reactor, TurnBudget& budget,
                 std::unique_ptr<FunctionHost> host, std::unique_ptr<js::Worker> worker)
      : HostedActor(config, reactor),
        budget_(budget),
        host_(std::move(host)),
        worker_(std::move(worker)) {}
  const char* name() const override { return "function"; }
  /// What its isolate holds: the heap, buffers, and what V8 has beside them.
  uint32_t memory_kb() const;

 private:
  void on_message(caf::mailbox_element& element) override;
  /// Answers what is in flight first.
  void on_exit(const caf::error& reason) override;
  void cancel(const CancelRequest& given_up);
  void run(const wire::Msg<schema::Invoke>& invoke, caf::strong_actor_ptr from, caf::message_id id);
  void read(const PullMsg& pull, caf::strong_actor_ptr from, caf::message_id id);
  void leave(const DropFlowMsg& drop);
  void respond(const caf::strong_actor_ptr& to, caf::message_id id, caf::message message);
  void answer(const caf::strong_actor_ptr& to, caf::message_id id, Result<js::Response> result);
  FunctionLoad load();
  void end_if_done();
  void end_if_retired();
  void make_cache_later();
  void rest_later();

  TurnBudget& budget_;
  std::unique_ptr<FunctionHost> host_;  // outlives the worker
  std::unique_ptr<js::Worker> worker_;
  /// The calls in flight, by the frames that their session keeps, and the worker's ids of them.
  std::unordered_map<const wire::Frame*, uint32_t> calls_;
  std::optional<caf::error> ending_;
  uint64_t answered_ = 0;
  uint8_t memory_percent_ = 0;
  bool rests_later_ = false;  ///< Its timer runs.
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::AskParent)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::CallParent)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::PullParent)
