#pragma once
// The functions that were deployed through this node: placing their instances on the ring and
// keeping as many alive as are wanted.

#include <deque>
#include <map>
#include <optional>

#include "actors/services/canary.hpp"
#include "actors/services/function_api.hpp"
#include "actors/services/function_host.hpp"
#include "actors/services/instance_finder.hpp"
#include "actors/services/placement.hpp"
#include "actors/services/state_eraser.hpp"

namespace themis {

/// After a function's name.
inline constexpr const char* kHasCanary = "\" has a canary: promote it or abort it first";

/// Part of the function service; its thread only. The operations on one name run one after the
/// other. A look at a function and its first placement are the same: ask its instances, then the
/// nodes that its name points to, to host it until enough have said yes. To say yes again costs an
/// instance nothing.
class FunctionDeployer {
 public:
  /// Between two looks at a function: how long a lost instance may go unnoticed without a call.
  static constexpr Duration kLookInterval = 5s;
  /// One that was just deployed to fewer nodes than wanted is looked at about once a second for so
  /// long: a ring that has just come up learns of its nodes one after the other.
  static constexpr Duration kShortFor = 10s;
  static constexpr size_t kShortMax = 64;
  /// Functions looked at at once, and in one interval: of more each has its turn, so that 100,000
  /// cost no more than these; a call that finds an instance dead does not wait for it.
  static constexpr size_t kLooksMax = 8;
  static constexpr size_t kLooksPerIntervalMax = 340;
  /// How long a node may take to fetch, compile and announce a function.
  static constexpr Duration kHostTimeout = 10s;
  static constexpr Duration kUnhostTimeout = 5s;
  /// What was begun and never acknowledged is looked for so long after it was seen last: the
  /// ring has healed by then, and its instances have announced themselves again.
  static constexpr Duration kWithdrawFor = 60s;
  /// Candidates beyond the wanted number, for nodes that refuse; and lookups made to find them.
  static constexpr size_t kSpareCandidates = 2;
  static constexpr size_t kWalkMax = 8;
  /// Operations of users that wait, each with up to 1 MB of code: for one name, and for all.
  static constexpr size_t kWaitingPerNameMax = 16;
  static constexpr size_t kWaitingMax = 128;

  /// `host` announces the code that is kept here.
  FunctionDeployer(FunctionContext& context, FunctionHost& host) : context_(context), host_(host) {}

  /// `attempted`: what was begun before the start. What is no row's version was never acknowledged:
  /// its instances are told to let go, and the row's version is placed again.
  void restore(const std::vector<DeployedRow>& rows, const std::vector<HostedRow>& attempted);
  /// Each delivers what function_api.hpp says, then or later.
  void deploy(const DeployFunction& order, caf::response_promise promise);
  void end_canary(const EndCanary& order, caf::response_promise promise);
  void roll_back(const RollBack& order, caf::response_promise promise);
  void versions(const std::string& name, caf::response_promise promise);
  void remove(const RemoveFunction& order, caf::response_promise promise);
  void ensure(const std::string& name, caf::response_promise promise);
  void ensure(const CodeId& id, caf::response_promise promise);
  void describe(const std::string& name, caf::response_promise promise);
  /// The first kFunctionsPerListMax after `after`, by name.
  FunctionList list(const std::string& after) const;
  void tick();
  /// The service ends: whoever still waits is told so.
  void stop();

  size_t count() const { return deployed_; }
  uint64_t placed() const { return placed_; }

 private:
  enum class Kind { deploy, canary, remove, look, drop_canary };
  /// It ends with this process: what was begun and never acknowledged is withdrawn at the next
  /// start.
  struct Canary {
    FunctionVersion version;
    CanaryShare share;
    uint32_t instances = 0;  ///< Once it is promoted.
    CodePtr source;
    bundle::SharedKey key;
    ring::Contact node;
  };
  struct Operation {
    Kind kind = Kind::look;
    CodePtr source;
    uint32_t instances = 0;
    std::vector<caf::response_promise> promises;
    bundle::SharedKey key = {};
    uint32_t restores = 0;  ///< A version; 0: none.
    CanaryShare canary = {};
  };
  /// The operation at the front of its queue, under way.
  struct Run {
    bool keeps_code = false;  ///< The store keeps its code until it is told what became of it.
    bool is_over = false;     ///< Answered; only those that let go have not.
    bool erases = false;      ///< A removal: once all have let go, what it kept is erased.
    size_t unhosts_open = 0;
    FunctionVersion version;
    bundle::SharedKey key;
    ring::Contacts current;
    std::vector<ring::Contacts> points;
    size_t lookups_open = 0;
    size_t wanted = 0;
    size_t known = 0;  ///< Candidates at the last step of the walk.
    Placement placement;
  };
  struct Work {
    std::deque<Operation> queue;
    Run run;
  };
  /// One of up to kDeployedMax: about 400 bytes with its name and instances.
  struct Function {
    std::optional<DeployedRow> row;
    ring::Contacts instances;  ///< At the last look.
    /// The last version this node began to deploy, on disk before anybody is asked; 0: none. While
    /// it is not the row's it was not acknowledged, and instances that took it are to let go of it.
    FunctionVersion attempted;
    TimePoint withdrawn{};       ///< Without a row: from here on the attempt is forgotten.
    std::unique_ptr<Work> work;  ///< Null: there is nothing to do.
    std::unique_ptr<Canary> canary;
  };

  static bool is_looked_after(const Function& function) {
    return function.row || function.attempted.number > 0;
  }
  Status check_deployed(const std::string& name) const;
  void enqueue(const std::string& name, Operation operation);
  void start(const std::string& name);
  void let_go(const std::string& name, const ring::Contacts& instances);
  void erase_state(const std::string& name);
  void erase_row(const std::string& name);
  void find(const std::string& name);
  void found(const std::string& name, const ring::Records& records);
  void not_found_out(const std::string& name, const Error& why);
  bool is_outdated(const std::string& name, const FunctionVersion& newest);
  void withdraw(const std::string& name, bool was_seen);
  void forget_attempt(const std::string& name);
  void save_attempt(const std::string& name);
  void locate(const std::string& name);
  void walk(const std::string& name);
  void place(const std::string& name);
  void ask(const std::string& name, const ring::Contact& node);
  void answered(const std::string& name, const ring::Contact& node, const Status& status);
  void settle(const std::string& name);
  void settle_deploy(const std::string& name);
  Status check_canary(const DeployFunction& order) const;
  void settle_canary(const std::string& name);
  void forget_canary(const std::string& name);
  void start_drop_canary(const std::string& name);
  ring::Contacts candidates(const std::string& name) const;
  void take_back(const std::string& name);
  void release_surplus(const std::string& name);
  void send_unhost(const std::string& name, const ring::Contact& node, bool of_canary = false);
  bool look_at_canary(const std::string& name, const ring::Record& record, uint32_t version);
  void finish(const std::string& name, caf::message answer);
  void next(const std::string& name);
  void fail_operation(const std::string& name, Error error);
  void start_due();
  void look_at_short(TimePoint now);

  FunctionContext& context_;
  FunctionHost& host_;
  InstanceFinder finder_{context_};
  StateEraser eraser_{context_};
  std::map<std::string, Function> functions_;
  std::deque<std::string> due_;
  std::string looked_at_;                   ///< The last one that was due.
  std::map<std::string, TimePoint> short_;  ///< Of too few instances, and until when.
  Owed described_;
  TimePoint next_look_{};
  size_t running_ = 0;
  size_t waiting_ = 0;  ///< Operations with somebody who waits.
  size_t deployed_ = 0;
  size_t canaries_ = 0;
  uint64_t placed_ = 0;
};

}  // namespace themis
