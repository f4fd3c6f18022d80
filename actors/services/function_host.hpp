#pragma once
// The functions that this node is an instance of: taking them in, keeping them over a restart,
// letting them go.

#include <deque>
#include <map>
#include <optional>
#include <set>

#include "actors/services/function_context.hpp"

namespace themis {

/// Under which the workers know a code of an owner's: functions with both the same share an
/// isolate.
CodeId id_at_workers(const CodeId& code, std::string_view owner);
/// What the function asks for, and never more than the node gives.
FunctionLimits limits_of(const bundle::Settings& settings, const FunctionLimits& node);

/// Part of the function service; its thread only. Brings each function through the same steps: its
/// code (from disk, from who asks, from any holder), the workers, the disk, the ring.
class FunctionHost {
 public:
  /// Code that nobody runs any more answers calls by its id for so long: the default wall limit,
  /// so a call that was routed here before is not lost.
  static constexpr Duration kGrace = 30s;
  /// Codes that answer so; past it the oldest goes early. As many as may be hosted.
  static constexpr size_t kRetiredMax = kHostedMax;
  /// Functions taken in again at once after a start, and how long a failed one waits.
  static constexpr size_t kRestoresMax = 4;
  static constexpr Duration kRestoreRetry = 1s;

  using SettingsPtr = std::shared_ptr<const bundle::Settings>;

  explicit FunctionHost(FunctionContext& context) : context_(context) {}

  /// Takes in what was hosted before the start.
  void restore(const std::vector<HostedRow>& rows);
  /// Becomes an instance. `asker`: the peer that wants it and has the code. Delivers AckMsg.
  /// Errors: unavailable (no workers, no holder of the code), exists (a newer version is here),
  /// overloaded, io; the function's own.
  void host(const HostedRow& row, std::optional<NodeId> asker, caf::response_promise promise);
  /// Stops being one. Delivers AckMsg, also when there was nothing.
  void unhost(const std::string& name, caf::response_promise promise);
  /// What the workers know the code by that a call is for. Errors: not_found.
  Result<CodeId> resolve(const InvokeTarget& target) const;
  /// Those with cron lines, by name.
  const std::map<std::string, SettingsPtr>& with_crons() const { return with_crons_; }
  /// The function's version and key, when it has actors; null: it has none, or is not here.
  const HostedRow* with_actors(const std::string& name) const;
  /// The hosted functions that run this code.
  std::vector<std::string> names_of(const CodeId& id) const;

  /// A deployed function refers to this code, or no longer does: its holder is announced.
  void keep(const CodeId& id);
  void release(const CodeId& id);
  /// About once a second.
  void tick();
  /// The service ends: whoever still waits is told so.
  void stop();

  size_t count() const { return hosted_.size(); }
  uint64_t fetched() const { return fetched_; }

 private:
  /// A version on its way in; one at a time for a name.
  struct Change {
    FunctionVersion version;
    std::optional<NodeId> asker;  ///< Has the code.
    bool restoring = false;
    crypto::Digest owner{};
    CodePtr source;
    bundle::SharedKey key;
    SettingsPtr settings;
    std::vector<caf::response_promise> waiters;
    std::vector<caf::response_promise> unhost;
  };
  struct CodeUse {
    size_t hosted = 0;
    size_t deployed = 0;
    std::optional<bool> announced;  ///< As one that hosts, or that only keeps it.
  };
  struct Later {
    TimePoint due;
    HostedRow row;
  };
  struct Retired {
    TimePoint due;
    CodeId id;
  };

  void restore_next();
  void load(const std::string& name);
  void install(const std::string& name, CodePtr source);
  void save(const std::string& name);
  void announce(const std::string& name);
  void finish(const std::string& name, const Status& status);
  void restored(const HostedRow& row, const Status& status);
  CodeId worker_id(const std::string& name, const CodeId& code, const crypto::Digest& owner) const;
  std::string owner_text(const std::string& name, const crypto::Digest& owner) const;
  bool is_coming(const CodeId& id) const;
  void retire(const CodeId& id);
  void unload_oldest();
  void use(const CodeId& id, int hosted, int deployed);
  void announce_queues(const std::string& name, const FunctionVersion& version,
                       const bundle::Settings& settings);
  void withdraw_queues(const std::string& name, const bundle::Settings& kept);
  void refresh_announcement(const CodeId& id, CodeUse& use);

  FunctionContext& context_;
  std::map<std::string, FunctionVersion> hosted_;
  std::map<std::string, SettingsPtr> with_crons_;
  std::map<std::string, HostedRow> with_actors_;
  std::map<std::string, std::string> consumers_;  ///< Announced queues, and whose they are.
  std::map<std::string, Change> changes_;
  std::map<CodeId, CodeUse> codes_;
  std::map<std::string, crypto::Digest> owners_;  ///< Of what is hosted.
  std::map<CodeId, std::set<CodeId>> loaded_;  ///< What the workers have of a code, by their ids.
  std::deque<Retired> retired_;
  std::deque<Later> restores_;
  Owed unhosted_;
  size_t restoring_ = 0;
  uint64_t fetched_ = 0;
};

}  // namespace themis
