#pragma once
// The functions that this node is an instance of: taking them in, finding their code again when
// they are called, letting them go.

#include <deque>
#include <map>
#include <optional>
#include <set>

#include "actors/services/canary.hpp"
#include "actors/services/function_names.hpp"

namespace themis {

/// Under which the workers know a code of an owner's: functions with both the same share an
/// isolate.
CodeId id_at_workers(const CodeId& code, std::string_view owner);
/// What the function asks for, and never more than the node gives.
FunctionLimits limits_of(const bundle::Settings& settings, const FunctionLimits& node);

/// Part of the function service; its thread only. Brings each function through the same steps: its
/// code (from disk, from who asks, from any holder), the workers, the disk, the ring. The workers
/// have those that were called last; of the others there is a row here, and the code on disk.
class FunctionHost {
 public:
  /// Code that nobody runs any more answers calls by its id for so long: the default wall limit,
  /// so a call that was routed here before is not lost.
  static constexpr Duration kGrace = 30s;
  /// Codes that answer so; past it the oldest goes early.
  static constexpr size_t kRetiredMax = 340;
  /// Codes that the workers have, and their bytes: they are in memory there. Past either the one
  /// that was called least recently goes.
  static constexpr size_t kInstalledMax = 4096;
  static constexpr size_t kInstalledBytesMax = size_t{256} << 20;
  /// Functions on their way in at once, each with up to 1 MB of code, and the calls that wait for
  /// them.
  static constexpr size_t kChangesMax = 128;
  static constexpr size_t kWakersMax = 4096;
  /// Functions with events that are loaded at once after a start, and how long a failed one waits.
  static constexpr size_t kRestoresMax = 4;
  static constexpr Duration kRestoreRetry = 1s;

  using SettingsPtr = std::shared_ptr<const bundle::Settings>;
  /// The id at the workers. Errors: not_found (it is not hosted any more), overloaded, unavailable;
  /// the function's own: it is let go then.
  using Woken = std::function<void(const Result<CodeId>&)>;

  explicit FunctionHost(FunctionContext& context) : context_(context) {}

  /// What was hosted before the start: all of it, as soon as the workers take one of them. The code
  /// of functions with events is loaded then, that of others when they are called.
  void restore(std::vector<HostedRow> rows);
  /// Becomes an instance. `asker`: the peer that wants it and has the code. Delivers AckMsg.
  /// Errors: unavailable (no workers, no holder of the code), exists (a newer version is here),
  /// overloaded, io; the function's own.
  /// `canary`: whose calls this version gets, if it is one: it runs beside the function's other
  /// version here, is announced with its share, has no events, and is not written: a restart is
  /// back at what was.
  void host(const HostedRow& row, std::optional<NodeId> asker, caf::response_promise promise,
            const CanaryShare& canary = {});
  /// Stops being one; of a canary by its canary_key(). Delivers AckMsg, also when there was
  /// nothing.
  void unhost(const std::string& key, caf::response_promise promise);

  struct Place {
    std::string key;  ///< Of a function that has the code; empty when it is installed.
    CodeId at_workers{};
    bool is_installed = false;  ///< Else wake() brings it there.
  };
  /// What runs a call, by name of the function or of its canary. Errors: not_found.
  Result<Place> find(const InvokeTarget& target, bool of_canary = false);
  /// `woken` is called once, maybe before this returns.
  void wake(const std::string& key, Woken woken);
  /// Errors: not_found.
  Result<FunctionVersion> version_of(const std::string& name) const;
  struct Running {
    FunctionVersion version;
    CodeId at_workers{};
  };
  /// The versions of a function that run here.
  std::vector<Running> running(const std::string& name) const;
  /// Who deployed it; null: it does not run here.
  const crypto::Digest* owner_of(const std::string& name) const;
  /// Those with cron lines, by name.
  const std::map<std::string, SettingsPtr>& with_crons() const { return with_crons_; }
  /// The function's version and key, when it has actors; null: it has none, or is not here.
  const HostedRow* with_actors(const std::string& name) const;
  /// The hosted functions that run this code.
  std::vector<std::string> names_of(const CodeId& id) const;

  /// A deployed function refers to this code, or no longer does: its holder is announced.
  void keep(const CodeId& id);
  void release(const CodeId& id);
  bool keeps(const CodeId& id) const;
  /// About once a second.
  void tick();
  /// The service ends: whoever still waits is told so.
  void stop();

  size_t count() const { return hosted_.size(); }
  size_t installed() const { return installed_; }
  uint64_t fetched() const { return fetched_; }
  /// Codes that the workers were given since the start.
  uint64_t loads() const { return loads_; }

 private:
  using Shown = FunctionNames::Shown;

  /// One of up to kHostedMax: about 190 bytes with its name.
  struct Hosted {
    FunctionVersion version;
    const crypto::Digest* owner = nullptr;  ///< In owners_.
    bundle::SharedKey key;
    Shown shown = Shown::no;
    bool has_events = false;
    std::optional<CodeId> at_workers;  ///< Since its first call.
  };
  struct Asked {
    HostedRow row;
    std::optional<NodeId> asker;
    caf::response_promise promise;
    CanaryShare canary;
  };
  /// A version on its way in; one at a time for a name.
  struct Change {
    FunctionVersion version;
    std::optional<NodeId> asker;  ///< Has the code.
    bool waking = false;          ///< It is hosted already: only the workers have to have it.
    crypto::Digest owner{};
    CanaryShare canary;
    CodePtr source;
    CodePtr cache;  ///< Null: there is none.
    bundle::SharedKey key;
    SettingsPtr settings;
    std::vector<caf::response_promise> waiters;
    std::vector<caf::response_promise> unhost;
    std::vector<Woken> wakers;
    std::vector<Asked> later;  ///< What came while it was woken.
  };
  struct CodeUse {
    std::vector<const std::string*> hosted;  ///< The names, as in hosted_.
    uint32_t deployed = 0;
    Shown shown = Shown::no;
    bool as_host = false;  ///< Announced as one that runs it, not only keeps it.
  };
  struct Installed {
    size_t bytes = 0;
    uint64_t last_used = 0;
  };
  /// By code, then by the id at the workers.
  using Loaded = std::map<CodeId, std::map<CodeId, Installed>>;
  struct Later {
    TimePoint due;
    std::string name;
  };
  struct Retired {
    TimePoint due;
    CodeId id;
  };

  void add(const HostedRow& row);
  void try_workers();
  void restore_all();
  void restore_next();
  void load(const std::string& name);
  void fetch(const std::string& name);
  void install(const std::string& name, CodePtr source);
  void installed(const std::string& name);
  void save(const std::string& name);
  void announce(const std::string& key);
  /// One record for all that this node runs of a function.
  void say(const std::string& name, FunctionNames::Done done = {});
  void finish(const std::string& name, const Status& status);
  void let_go(const std::string& name);
  void take_events(const std::string& name, const Change& change);
  void make_room();
  void uninstall(Loaded::iterator code, const CodeId& at_workers);
  CodeId worker_id(const std::string& name, const CodeId& code, const crypto::Digest& owner) const;
  std::string owner_text(const std::string& name, const crypto::Digest& owner) const;
  bool is_coming(const CodeId& id) const;
  void retire(const CodeId& id);
  void unload_oldest();
  void use(const CodeId& id, const std::string& name);
  void leave(const CodeId& id, const std::string& name);
  void say_code(const CodeId& id);

  FunctionContext& context_;
  FunctionNames names_{context_};
  std::map<std::string, Hosted> hosted_;         ///< By name, canaries by canary_key().
  std::map<std::string, CanaryShare> canaries_;  ///< By name.
  std::set<crypto::Digest> owners_;              ///< As many as peers deployed here.
  std::map<std::string, HostedRow> with_actors_;
  std::map<CodeId, CodeUse> codes_;
  std::map<std::string, SettingsPtr> with_crons_;
  std::map<std::string, Change> changes_;
  size_t wakers_ = 0;  ///< In changes_.
  Loaded loaded_;
  size_t installed_ = 0, installed_bytes_ = 0;
  uint64_t last_use_ = 0;
  std::deque<Retired> retired_;
  std::vector<HostedRow> rows_;  ///< Of the last run, until the workers are up.
  size_t next_row_ = 0;
  bool trying_ = false;
  std::deque<Later> restores_;
  Owed unhosted_;
  size_t restoring_ = 0;
  uint64_t fetched_ = 0;
  uint64_t loads_ = 0;
};

}  // namespace themis
