#include "actors/worker/worker_pool.hpp"

#include <caf/all.hpp>
#include <deque>
#include <filesystem>

#include "actors/placement/placement.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"
#include "actors/system/owed.hpp"
#include "actors/worker/worker_process.hpp"
#include "runtime/base/log.hpp"

namespace themis {
namespace {

using Outcome = wire::Msg<schema::Outcome>;

/// Processes are killed by what functions do, so they are started again however often that happens:
/// at once, then after at most half a second, which bounds the rate.
constexpr uint32_t kRestartsMax = 1'000'000;
constexpr Duration kBackoffMax = 500ms;
constexpr Duration kHealthyAfter = 5s;
/// A request whose process ended before it was sent is tried so often.
constexpr int kAttemptsMax = 3;
/// Their sources are in memory; what they were loaded into is not, once they are idle.
constexpr size_t kFunctionsMax = 131'072;
/// Code caches in memory beside the sources; past it a function that is loaded anew is compiled
/// anew.
constexpr size_t kCodeCachesBytesMax = size_t{64} << 20;
/// A process is an owner's for so long at least: more owners than processes must not make a node
/// start processes, some 60 ms each, all the time.
constexpr Duration kOwnedMin = 250ms;
/// The same of one whose functions stream or hold WebSockets: it is the last choice, and they end.
constexpr Duration kStreamingMin = 10s;
constexpr FunctionLimits kLimitsMax{
    .memory_mb = 4096, .cpu_ms = 300'000, .wall_ms = 3'600'000, .max_requests = 262'144};

Status check(const InstallFunction& function) {
  const FunctionLimits& limits = function.limits;
  if (function.source == nullptr || function.name.empty())
    return fail(Code::invalid, "a function needs a name and a source");
  if (limits.memory_mb == 0 || limits.memory_mb > kLimitsMax.memory_mb || limits.cpu_ms == 0 ||
      limits.cpu_ms > kLimitsMax.cpu_ms || limits.wall_ms == 0 ||
      limits.wall_ms > kLimitsMax.wall_ms || limits.max_requests == 0 ||
      limits.max_requests > kLimitsMax.max_requests)
    return fail(Code::invalid,
                "limits of a function: 1 to 4096 MB, 1 to 300,000 ms of CPU time, "
                "1 to 3,600,000 ms of time, 1 to 262,144 requests at once");
  return {};
}

size_t cache_bytes(const InstallFunction& function) {
  return function.code_cache ? function.code_cache->size() : 0;
}

bool same_limits(const FunctionLimits& a, const FunctionLimits& b) {
  return a.memory_mb == b.memory_mb && a.cpu_ms == b.cpu_ms && a.wall_ms == b.wall_ms &&
         a.max_requests == b.max_requests;
}

class WorkerPool final : public PinnedActor {
 public:
  WorkerPool(caf::actor_config& config, const WorkerPoolOptions& options)
      : PinnedActor(config), options_(options), slots_(options.count + options.spare) {}
  const char* name() const override { return "workers"; }
  void on_exit() override;

 private:
  struct Slot {
    caf::actor process;  ///< Null while it is not up.
    size_t in_flight = 0;
    bool streams = false;              ///< Bodies or WebSockets go on after their calls.
    std::optional<std::string> owner;  ///< Of what it runs; nothing: it has run nothing.
    uint64_t last_used = 0;
    TimePoint owned_since;
  };
  /// One of a function's max_requests, taken as long as somebody holds it.
  using Place = std::shared_ptr<const CodeId>;
  /// One request on its way: a call, or with a null `invoke` an installation.
  struct Job {
    FunctionPtr function;
    wire::Msg<schema::Invoke> invoke;
    caf::response_promise promise;
    TimePoint give_up;
    int attempts = 0;
    size_t slot = 0;  ///< Where it was sent.
    Place place = {};
  };

  caf::behavior make_behavior() override;
  SupervisorSpec supervisor_spec();
  caf::result<void> install(const InstallFunction& ask);
  void uninstall(const CodeId& id);
  void keep_cache(const KeepCodeCache& made);
  caf::result<Outcome> call(const CallFunction& ask);
  caf::result<Outcome> call_given(FunctionPtr function, const wire::Msg<schema::Invoke>& invoke);
  caf::result<WorkersReport> report();
  WorkersReport outline(const ChildList& children) const;
  /// Asks the processes from `slot` on, one after the other, then delivers.
  void collect(WorkersReport report, size_t slot, uint64_t owed);

  void run(Job job);
  std::optional<size_t> slot_for(const InstallFunction& function);
  void recycle_idle();
  void run_waiting();
  void end(Slot& slot);
  void forget(Slot& slot);
  void run_on(size_t slot, Job job);
  Job take(uint64_t sent);
  void on_failed(Job job, const caf::actor& process, const caf::error& error);
  void wait(Job job);
  void expire_waiting();
  Error not_up(const Job& job) const;
  void on_ready(const WorkerReady& ready);
  void on_failed_start(const WorkerFailed& failed);
  void on_down(const caf::down_msg& down);

  const WorkerPoolOptions options_;
  std::vector<Slot> slots_;
  std::map<CodeId, FunctionPtr> functions_;
  std::map<CodeId, Place> places_;  ///< Of functions that were called; each holds one itself.
  std::deque<Job> waiting_;
  std::unordered_map<uint64_t, Job> sent_;  ///< At most kCallsPerProcessMax for each process.
  uint64_t last_sent_ = 0;
  size_t cache_bytes_ = 0;  ///< Of the code caches in functions_.
  Breaches breaches_;
  uint64_t recycled_ = 0;
  Owed reports_;
  uint32_t failed_starts_ = 0;  ///< Since a process was up.
  std::string failure_;         ///< Of the last one.
  net::TimerId waiting_timer_ = 0;
  net::TimerId recycle_timer_ = 0;
  caf::actor supervisor_;
};

caf::behavior WorkerPool::make_behavior() {
  set_default_handlers(*this);
  set_down_handler([this](caf::down_msg& down) { on_down(down); });
  set_exit_handler([this](caf::exit_msg& exit) { send_exit(supervisor_, exit.reason); });
  supervisor_ = spawn_pinned<SupervisorActor<PinnedActor>>(reactor_, supervisor_spec());
  monitor(supervisor_);
  return {[this](const InstallFunction& ask) { return install(ask); },
          [this](const UninstallFunction& ask) { uninstall(ask.id); },
          [this](const EndOwner& ask) {
            for (Slot& slot : slots_)
              if (slot.process && slot.owner == ask.owner) end(slot);
            return caf::unit;
          },
          [this](const CallFunction& ask) { return call(ask); },
          [this](const CallFresh& ask) { return call_given(ask.function, ask.invoke); },
          [this](const CallActor& ask) { return call_given(ask.function, ask.invoke); },
          [this](const CancelRequest& given_up) {
            for (const Slot& slot : slots_)
              if (slot.process) send(slot.process, given_up);
          },
          [this](const KeepCodeCache& made) { keep_cache(made); },
          [this](const ReportWorkers&) { return report(); },
          [this](const MeasureFunctions& ask) -> caf::result<FunctionsUse> {
            std::vector<caf::actor> up;
            for (const Slot& slot : slots_)
              if (slot.process) up.push_back(slot.process);
            delegate(spawn_use_gatherer(reactor_, std::move(up)), ask);
            return caf::delegated<FunctionsUse>{};
          },
          [this](const WorkerReady& ready) { on_ready(ready); },
          [this](const WorkerStreams& told) {
            slots_[told.slot].streams = told.open;
            if (!told.open && !waiting_.empty()) recycle_idle();
          },
          [this](const WorkerFailed& failed) { on_failed_start(failed); }};
}

SupervisorSpec WorkerPool::supervisor_spec() {
  SupervisorSpec spec;
  spec.options.name = "worker processes";
  spec.options.max_restarts = kRestartsMax;
  spec.options.backoff_max = kBackoffMax;
  spec.options.healthy_after = kHealthyAfter;
  for (uint32_t slot = 0; slot < slots_.size(); ++slot) {
    ChildSpec child;
    child.id = "process " + std::to_string(slot);
    child.start = [options = options_, slot,
                   pool = address()](caf::event_based_actor*) -> Result<caf::actor> {
      return spawn_pinned<WorkerProcess>(*options.home.reactor, options, slot, pool);
    };
    spec.children.push_back(std::move(child));
  }
  return spec;
}

void WorkerPool::on_exit() {
  reactor_.loop().cancel(waiting_timer_);
  reactor_.loop().cancel(recycle_timer_);
  const Error ended{Code::unavailable, "the worker pool ended"};
  for (Job& job : std::exchange(waiting_, {})) job.promise.deliver(to_caf(ended));
  for (auto& [id, job] : std::exchange(sent_, {})) job.promise.deliver(to_caf(ended));
  reports_.refuse_all(ended);
  if (supervisor_) caf::anon_send_exit(supervisor_, caf::exit_reason::kill);
  supervisor_ = nullptr;
  slots_.clear();
}

caf::result<void> WorkerPool::install(const InstallFunction& ask) {
  if (const Status ok = check(ask); !ok) return to_caf(ok.error());
  const auto known = functions_.find(ask.id);
  if (known != functions_.end()) {
    if (same_limits(known->second->limits, ask.limits)) return caf::unit;
    uninstall(ask.id);
  } else if (functions_.size() >= kFunctionsMax) {
    return to_caf({Code::overloaded, "too many functions are installed"});
  }
  run({std::make_shared<const InstallFunction>(ask),
       {},
       make_response_promise(),
       reactor_.loop().now() + kPoolWaitMax});
  return caf::delegated<void>{};
}

/// Whoever is loaded next has it, here and after a restart.
void WorkerPool::keep_cache(const KeepCodeCache& made) {
  const auto found = functions_.find(made.id);
  if (found == functions_.end()) return;
  if (found->second->cache_keeper) send(found->second->cache_keeper, made);
  const size_t before = cache_bytes(*found->second);
  if (cache_bytes_ - before + made.cache->size() > kCodeCachesBytesMax) return;
  cache_bytes_ += made.cache->size() - before;
  InstallFunction with_cache = *found->second;
  with_cache.code_cache = made.cache;
  found->second = std::make_shared<const InstallFunction>(std::move(with_cache));
}

void WorkerPool::uninstall(const CodeId& id) {
  const auto known = functions_.find(id);
  if (known == functions_.end()) return;
  cache_bytes_ -= cache_bytes(*known->second);
  functions_.erase(known);
  places_.erase(id);
  for (const Slot& slot : slots_)
    if (slot.process) send(slot.process, ProcessUnload{id});
}

caf::result<Outcome> WorkerPool::call(const CallFunction& ask) {
  const auto found = functions_.find(ask.id);
  if (found == functions_.end())
    return to_caf({Code::not_found, "the function is not installed here"});
  Place& places = places_[ask.id];
  if (!places) places = std::make_shared<const CodeId>(ask.id);
  const uint32_t most = found->second->limits.max_requests;
  if (static_cast<size_t>(places.use_count()) > most) {
    ++breaches_[Code::overloaded];
    return to_caf({Code::overloaded, "the function has " + std::to_string(most) +
                                         " requests under way here, as many as it may"});
  }
  run({found->second, ask.invoke, make_response_promise(), reactor_.loop().now() + kPoolWaitMax, 0,
       0, places});
  return caf::delegated<Outcome>{};
}

caf::result<Outcome> WorkerPool::call_given(FunctionPtr function,
                                            const wire::Msg<schema::Invoke>& invoke) {
  run({std::move(function), invoke, make_response_promise(), reactor_.loop().now() + kPoolWaitMax});
  return caf::delegated<Outcome>{};
}

/// The owner's least busy process, or one of nobody's when those are busy and it may have more.
/// Actors have one: each is there once.
std::optional<size_t> WorkerPool::slot_for(const InstallFunction& function) {
  const std::string& owner = function.owner;
  const size_t most = function.actor ? 1 : options_.count;
  std::optional<size_t> best;
  std::optional<size_t> free;
  size_t owned = 0;
  for (size_t i = 0; i < slots_.size(); ++i) {
    const Slot& slot = slots_[i];
    owned += slot.owner == owner ? 1 : 0;
    if (!slot.process) continue;
    if (!slot.owner && !free) free = i;
    if (slot.owner == owner && (!best || slot.in_flight < slots_[*best].in_flight)) best = i;
  }
  const bool may_have_more = free && owned < most;
  return may_have_more && (!best || slots_[*best].in_flight > 0) ? free : best;
}

void WorkerPool::run(Job job) {
  const std::optional<size_t> slot = slot_for(*job.function);
  if (!slot) {
    wait(std::move(job));
    return recycle_idle();
  }
  if (slots_[*slot].in_flight >= kCallsPerProcessMax)
    return job.promise.deliver(to_caf({Code::overloaded, "all worker processes are busy"}));
  run_on(*slot, std::move(job));
}

/// Makes room for who waits, unless a process is on its way up or has its owner since a moment ago.
void WorkerPool::recycle_idle() {
  const auto rank = [](const Slot& slot) { return std::pair(slot.streams, slot.last_used); };
  Slot* oldest = nullptr;
  for (Slot& slot : slots_) {
    if (!slot.process || !slot.owner) return;
    if (slot.in_flight == 0 && (oldest == nullptr || rank(slot) < rank(*oldest))) oldest = &slot;
  }
  if (oldest == nullptr) return;  // the next one that is done
  const Duration kept = reactor_.loop().now() - oldest->owned_since;
  const Duration least = oldest->streams ? kStreamingMin : kOwnedMin;
  if (kept < least) {
    reactor_.loop().cancel(recycle_timer_);
    recycle_timer_ = reactor_.loop().after(least - kept, [this] {
      if (!waiting_.empty()) recycle_idle();
    });
    return;
  }
  ++recycled_;
  end(*oldest);
}

void WorkerPool::end(Slot& slot) {
  send_exit(slot.process, caf::exit_reason::user_shutdown);
  forget(slot);
}

void WorkerPool::forget(Slot& slot) {
  slot.process = nullptr;
  slot.streams = false;
  slot.owner.reset();
}

void WorkerPool::run_waiting() {
  for (Job& job : std::exchange(waiting_, {})) run(std::move(job));
}

void WorkerPool::run_on(size_t slot, Job job) {
  ++slots_[slot].in_flight;
  if (!slots_[slot].owner) slots_[slot].owned_since = reactor_.loop().now();
  slots_[slot].owner = job.function->owner;
  slots_[slot].last_used = last_sent_;
  ++job.attempts;
  job.slot = slot;
  const caf::actor process = slots_[slot].process;
  const FunctionPtr function = job.function;
  const wire::Msg<schema::Invoke> invoke = job.invoke;
  const uint64_t id = ++last_sent_;
  sent_.emplace(id, std::move(job));
  const auto failed = [this, id, process](const caf::error& error) {
    on_failed(take(id), process, error);
  };
  if (invoke.frame()) {
    request(process, caf::infinite, ProcessCall{function, invoke})
        .then([this, id](const Outcome& outcome) { take(id).promise.deliver(outcome); }, failed);
  } else {
    const auto loaded = [this, id] {
      Job owed = take(id);
      FunctionPtr& kept = functions_[owed.function->id];
      cache_bytes_ += cache_bytes(*owed.function) - (kept ? cache_bytes(*kept) : 0);
      kept = owed.function;
      owed.promise.deliver(caf::unit);
    };
    request(process, caf::infinite, ProcessLoad{function}).then(loaded, failed);
  }
}

/// An answer came for it.
WorkerPool::Job WorkerPool::take(uint64_t sent) {
  Job job = std::move(sent_.extract(sent).mapped());
  if (--slots_[job.slot].in_flight == 0 && !waiting_.empty()) recycle_idle();
  return job;
}

void WorkerPool::on_failed(Job job, const caf::actor& process, const caf::error& error) {
  if (error != caf::sec::request_receiver_down) {
    if (const Code code = from_caf(error).code; is_breach(code)) ++breaches_[code];
    return job.promise.deliver(error);
  }
  // It was not sent: the process is about to end, and nothing more goes to it.
  for (Slot& slot : slots_)
    if (slot.process == process) forget(slot);
  if (job.attempts < kAttemptsMax) return run(std::move(job));
  job.promise.deliver(to_caf({Code::unavailable, "no worker process stays up"}));
}

void WorkerPool::wait(Job job) {
  if (waiting_.size() >= kPoolWaitingMax)
    return job.promise.deliver(to_caf({Code::overloaded, not_up(job).detail}));
  waiting_.push_back(std::move(job));
  if (waiting_.size() == 1)
    waiting_timer_ = reactor_.loop().after(kPoolWaitMax, [this] { expire_waiting(); });
}

void WorkerPool::expire_waiting() {
  const TimePoint now = reactor_.loop().now();
  while (!waiting_.empty() && waiting_.front().give_up <= now) {
    waiting_.front().promise.deliver(to_caf(not_up(waiting_.front())));
    waiting_.pop_front();
  }
  if (waiting_.empty()) return;
  // A request that is tried again may give up before those in front of it; that costs it nothing.
  const Duration left = std::max<Duration>(waiting_.front().give_up - now, 1ms);
  waiting_timer_ = reactor_.loop().after(left, [this] { expire_waiting(); });
}

/// Whoever installs may know the reason; whoever calls is anybody, and the reason names files.
Error WorkerPool::not_up(const Job& job) const {
  const bool any_up =
      std::ranges::any_of(slots_, [](const Slot& slot) { return static_cast<bool>(slot.process); });
  if (any_up) return {Code::overloaded, "functions of other owners use all worker processes"};
  std::string detail = "no worker process is up";
  if (failed_starts_ > 0)
    detail += job.invoke.frame() ? "; the node's log says why" : ": " + failure_;
  return {Code::unavailable, std::move(detail)};
}

/// The process is kept from ending, and so from being started again, until its pause is over.
void WorkerPool::on_failed_start(const WorkerFailed& failed) {
  failure_ = failed.why.detail;
  Duration pause = 0s;
  if (++failed_starts_ > kStartsAtOnce) {
    const uint32_t doublings = std::min(failed_starts_ - kStartsAtOnce - 1, uint32_t{5});
    pause = std::min<Duration>(kStartPauseMin * (1 << doublings), kStartPauseMax);
    log::error("worker",
               "no worker process comes up, {} tries: {}; functions cannot run here: look at what "
               "it writes, and at the files beside {}; the next try is in {} s",
               failed_starts_, failure_, options_.programs.node,
               std::chrono::duration_cast<std::chrono::seconds>(pause).count());
  }
  reactor_.send_after(pause, failed.process, caf::make_message(EndProcess{}));
}

void WorkerPool::on_ready(const WorkerReady& ready) {
  failed_starts_ = 0;
  slots_[ready.slot].process = ready.process;
  slots_[ready.slot].owner.reset();
  slots_[ready.slot].streams = false;  // of the one before it
  monitor(ready.process);
  reactor_.loop().cancel(waiting_timer_);
  run_waiting();
}

void WorkerPool::on_down(const caf::down_msg& down) {
  if (supervisor_ && down.source == supervisor_.address()) {
    supervisor_ = nullptr;
    return quit(down.reason);
  }
  for (Slot& slot : slots_)
    if (slot.process && slot.process.address() == down.source) forget(slot);
}

caf::result<WorkersReport> WorkerPool::report() {
  const uint64_t owed = reports_.add(make_response_promise());
  request(supervisor_, caf::infinite, ListChildren{})
      .then([this, owed](const ChildList& children) { collect(outline(children), 0, owed); },
            [this, owed](const caf::error& error) { reports_.take(owed).deliver(error); });
  return caf::delegated<WorkersReport>{};
}

WorkersReport WorkerPool::outline(const ChildList& children) const {
  WorkersReport report{{}, breaches_, recycled_};
  for (size_t i = 0; i < slots_.size() && i < children.children.size(); ++i) {
    const ChildStatus& child = children.children[i];
    WorkerReport line;
    line.slot = static_cast<uint32_t>(i);
    line.restarts = child.restarts;
    line.state = slots_[i].process ? "up" : child.state == ChildState::up ? "starting" : "down";
    if (!slots_[i].process) line.why = child.last_reason;
    line.owner = slots_[i].owner.value_or("");
    report.workers.push_back(std::move(line));
  }
  return report;
}

void WorkerPool::collect(WorkersReport report, size_t slot, uint64_t owed) {
  while (slot < report.workers.size() && !slots_[slot].process) ++slot;
  if (slot >= report.workers.size()) return reports_.take(owed).deliver(std::move(report));
  const auto next = [this, slot, owed](WorkersReport more) {
    collect(std::move(more), slot + 1, owed);
  };
  request(slots_[slot].process, caf::infinite, ReportProcess{})
      .then(
          [report, slot, next](WorkerReport line) mutable {
            line.state = report.workers[slot].state;
            line.restarts = report.workers[slot].restarts;
            line.owner = report.workers[slot].owner;
            report.workers[slot] = std::move(line);
            next(std::move(report));
          },
          [report, slot, next](const caf::error&) mutable {
            report.workers[slot].state = "down";
            next(std::move(report));
          });
}

}  // namespace

caf::actor spawn_worker_pool(const WorkerPoolOptions& options) {
  THEMIS_ASSERT(options.count >= 1 && options.count <= kWorkerProcessesMax &&
                    options.spare <= kWorkerProcessesMax,
                "1 to 256 processes");
  return spawn_pinned<WorkerPool>(*options.home.reactor, options);
}

ChildSpec worker_pool_child(WorkerPoolOptions options) {
  return {"workers",
          [options = std::move(options)](caf::event_based_actor*) -> Result<caf::actor> {
            return spawn_worker_pool(options);
          },
          Restart::permanent, kSubtreeShutdown};
}

WorkerPrograms WorkerPrograms::beside_executable() {
  namespace fs = std::filesystem;
  const fs::path here = executable_directory();
  // themis-node lies beside the folder, themis-bench in a folder next to that of the programs.
  fs::path folder = here / "worker";
  std::error_code error;
  if (!fs::is_directory(folder, error)) folder = here.parent_path() / "apps" / "worker";
  return {(folder / "node").string(), (folder / "launcher.cjs").string(),
          (folder / "themis-worker.node").string(), (folder / "themis-worker.snapshot").string()};
}

}  // namespace themis
