#include "actors/worker/worker_process.hpp"

#include <algorithm>
#include <caf/all.hpp>
#include <filesystem>

#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"
#include "actors/worker/function_codec.hpp"
#include "actors/worker/worker_host.hpp"
#include "actors/worker/worker_log.hpp"
#include "ring.capnp.h"
#include "rpc.capnp.h"
#include "runtime/base/log.hpp"
#include "runtime/js/node_flags.hpp"

namespace themis {
namespace {

/// How often calls in flight are looked at: the precision of the guards.
constexpr Duration kTick = 100ms;
/// How often idle functions are looked for, at most.
constexpr Duration kSweepMax = 30s;
constexpr uint8_t kErrorLevel = 3;
/// Threads of a function host: V8's pool, node's, CAF's and ours are about 16.
constexpr uint32_t kThreadsMax = 64;

}  // namespace

Error function_error(Error error) {
  switch (error.code) {
    case Code::threw:
    case Code::cpu_exceeded:
    case Code::memory_exceeded:
    case Code::timeout:
    case Code::too_large:
    case Code::malformed:
    case Code::invalid:
    case Code::syntax:
    case Code::overloaded:
    case Code::cancelled:
      return error;
    default:
      return {Code::internal, "function host: " + error.text()};
  }
}

namespace {

/// Of a call that was sent.
Error lost() { return {Code::unavailable, "the worker process ended before it answered"}; }
/// Of a load whose process ended: nothing that waits for it was sent.
Error not_loaded() {
  return {Code::unavailable, "the worker process ended before the function was loaded"};
}
/// Tells the pool to try another process.
caf::error not_sent() { return caf::make_error(caf::sec::request_receiver_down); }
caf::error load_error(const Error& error) {
  return error.code == Code::unavailable ? not_sent() : to_caf(error);
}

sandbox::LaunchOptions launch_options(const WorkerPoolOptions& options) {
  const WorkerPrograms& programs = options.programs;
  sandbox::LaunchOptions launch;
  launch.argv = {programs.node};
  launch.argv.insert(launch.argv.end(), std::begin(js::kNodeFlags), std::end(js::kNodeFlags));
  if (options.jitless) launch.argv.push_back(js::kJitlessFlag);
  // Another flag needs another snapshot, which the host makes by itself.
  const std::string snapshot = options.jitless ? std::string(kNoSnapshot) : programs.snapshot;
  const bool trusted = options.profile == js::Profile::trusted;
  launch.argv.insert(launch.argv.end(), {programs.launcher, programs.addon, snapshot,
                                         trusted ? kTrustedWord : kMultiTenantWord});
  launch.readable = {programs.launcher, programs.addon, programs.snapshot};
  // node would read /etc/ssl/openssl.cnf, which it may not, and give up.
  launch.environment = {"OPENSSL_CONF=/dev/null"};
  launch.limits = {.memory_bytes = options.process_memory_bytes, .processes = kThreadsMax};
  return launch;
}

Result<wire::Target> read_target(const wire::Msg<schema::Loaded>& message) {
  return wire::decode(message, [](const schema::Loaded::Reader& loaded) -> Result<wire::Target> {
    return loaded.getActor();
  });
}

bool is_cached(const wire::Msg<schema::Loaded>& message) {
  const auto cached = wire::decode(
      message,
      [](const schema::Loaded::Reader& loaded) -> Result<bool> { return loaded.getCached(); });
  return !cached || *cached;
}

}  // namespace

WorkerProcess::WorkerProcess(caf::actor_config& config, const WorkerPoolOptions& options,
                             uint32_t slot, caf::actor_addr pool)
    : PinnedActor(config),
      options_(options),
      slot_(slot),
      pool_(std::move(pool)),
      state_(options.state),
      services_(options.services),
      functions_gate_(options.functions),
      queues_(options.queues),
      flows_(options.flows),
      fetcher_(options.fetcher) {}

caf::behavior WorkerProcess::make_behavior() {
  set_default_handlers(*this);
  set_down_handler([this](caf::down_msg& down) { on_down(down); });
  set_exit_handler([this](caf::exit_msg& exit) {
    if (failed_) return quit(exit.reason);
    asked_to_end_ = exit.reason;
    process_->stop();
  });
  if (const Status started = start(); !started) on_ended(started.error());
  return {[this](const ProcessCall& ask) -> caf::result<wire::Msg<schema::Outcome>> {
            call({ask.function,
                  ask.invoke,
                  make_response_promise<wire::Msg<schema::Outcome>>(),
                  {},
                  {}});
            return caf::delegated<wire::Msg<schema::Outcome>>{};
          },
          [this](const ProcessLoad& ask) -> caf::result<void> {
            auto promise = make_response_promise();
            load(ask.function, [promise](const Result<caf::actor>& loaded) mutable {
              loaded ? promise.deliver(caf::unit) : promise.deliver(load_error(loaded.error()));
            });
            return caf::delegated<void>{};
          },
          [this](const CancelRequest& given_up) { cancel(given_up); },
          [this](const ProcessUnload& ask) { unload(ask.id); },
          [this](const wire::Msg<schema::AskState>& question) { return ask_state(question); },
          [this](const wire::Msg<schema::Invoke>& invoke) { return call_service(invoke); },
          [this](const PullMsg& message) { return pull(message); },
          [this](const DropFlowMsg& message) { drop(message); },
          [this](const wire::Msg<schema::CodeCache>& message) { keep_cache(message); },
          [this](const TakePart& ask) { return take(ask.flow); },
          [this](const DropPart& given_up) { end_flow(given_up.flow, true); },
          [this](const ReportProcess&) { return report(); },
          [this](ProcessUp) { on_up(); },
          [this](const ProcessEnded& ended) { on_ended(ended.why); },
          [this](EndProcess) {
            if (failed_) quit(to_caf(*failed_));
          }};
}

Status WorkerProcess::start() {
  const std::string process_name = "worker " + std::to_string(slot_);
  THEMIS_TRY(process_, ChildProcess::start(options_.home, process_name, launch_options(options_),
                                           caf::actor(this)));
  log_ = spawn_hosted<WorkerLog>(reactor_, options_.log);
  process_->exports().add(kLogActorName, log_.strong());
  // Of what a host can send, this actor takes AskState, Invoke, Pull, DropFlow and CodeCache only.
  for (const char* exported :
       {kStateActorName, kServicesActorName, kFlowsActorName, kCachesActorName})
    process_->exports().add(exported, caf::strong_actor_ptr{ctrl()});
  host_ = process_->proxy(Exports::target_of(kHostActorName));
  monitor(host_);
  return {};
}

void WorkerProcess::on_up() {
  up_ = true;
  if (const auto pool = caf::actor_cast<caf::actor>(pool_))
    send(pool, WorkerReady{slot_, caf::actor(this)});
}

void WorkerProcess::on_ended(const Error& why) {
  const auto pool = caf::actor_cast<caf::actor>(pool_);
  if (!up_ && !asked_to_end_ && pool) {
    failed_ = why;
    return send(pool, WorkerFailed{slot_, why, caf::actor(this)});
  }
  quit(asked_to_end_ ? *asked_to_end_ : to_caf(why));
}

void WorkerProcess::on_exit() {
  reactor_.loop().cancel(tick_);
  reactor_.loop().cancel(sweep_);
  log_.reset();
  for (auto& [id, call] : std::exchange(calls_, {})) call.promise.deliver(to_caf(lost()));
  for (auto& [id, function] : std::exchange(functions_, {})) {
    for (const Loaded& then : function.waiting) then(fail(not_loaded()));
    for (const auto& [source, then] : function.later) then(fail(not_loaded()));
  }
  host_ = nullptr;
  process_.reset();
  for (const auto& [flow, node] : std::exchange(in_flows_, {}))
    anon_send(flows_, LeaveFlow{node, flow});
  out_flows_.clear();
  state_ = services_ = functions_gate_ = queues_ = flows_ = fetcher_ = nullptr;
}

void WorkerProcess::on_down(const caf::down_msg& down) {
  // A host without the actor that loads is of no use, even if that is started again inside: this
  // proxy stood for the one that ended.
  if (host_ && down.source == host_.address()) {
    if (process_->alive()) process_->kill({Code::internal, "the actor of the function host ended"});
    return;
  }
  const auto found = proxies_.find(down.source);
  if (found == proxies_.end()) return;
  const auto gone = functions_.extract(found->second);
  proxies_.erase(found);
  if (!gone.empty())
    for (const auto& [function, then] : gone.mapped().later) load(function, then);
}

void WorkerProcess::load(const FunctionPtr& function, Loaded then) {
  if (!process_->alive()) return then(fail(not_loaded()));
  const auto [found, fresh] = functions_.try_emplace(function->id);
  Function& entry = found->second;
  entry.last_used = ++last_use_;
  if (!fresh && entry.source->code != function->code) {
    entry.is_replaced = true;
    entry.later.emplace_back(function, std::move(then));
    return entry.proxy ? replace(function->id) : void();
  }
  if (entry.proxy) return then(entry.proxy);
  if (entry.unloads) return entry.later.emplace_back(function, std::move(then)), void();
  entry.waiting.push_back(std::move(then));
  if (!fresh) return;
  const TimePoint now = reactor_.loop().now();
  // The last line of what keeps owners apart: the pool chooses processes by it.
  if (!owner_) owner_ = function->owner;
  THEMIS_ASSERT(*owner_ == function->owner, "a process runs functions of one owner");
  if (deployer_.value_or(function->deployer) != function->deployer) deployer_ = "";
  if (!deployer_) deployer_ = function->deployer;
  entry.loaded = entry.called = now;
  sweep_later();
  entry.source = function;
  entry.overdue = now + kOverdue + js::kLoadCpuMin;
  if (const Status room = make_room(); !room) {
    const std::vector<Loaded> waiting = std::move(entry.waiting);
    functions_.erase(found);
    for (const Loaded& each : waiting) each(fail(room.error()));
    return;
  }
  watch();
  request(host_, caf::infinite, encode_load(*function, now + kLoadMax))
      .then(
          [this, id = function->id](const wire::Msg<schema::Loaded>& answer) {
            if (const auto known = functions_.find(id); known != functions_.end())
              known->second.takes_cache = !is_cached(answer);
            on_loaded(id, read_target(answer));
          },
          [this, id = function->id](const caf::error& error) {
            const Error why = from_caf(error);
            on_loaded(id, fail(process_->alive() ? function_error(why) : not_loaded()));
          });
}

void WorkerProcess::on_loaded(const CodeId& id, const Result<wire::Target>& target) {
  const auto found = functions_.find(id);
  if (found == functions_.end() || found->second.proxy) return;
  const bool unloads = found->second.unloads;
  const auto later = std::exchange(found->second.later, {});
  deliver_loaded(id, target);
  if (unloads) unload(id);
  for (const auto& [function, then] : later) load(function, then);
}

/// Once a load: a host cannot make a node write all the time, nor for functions it does not run.
void WorkerProcess::keep_cache(const wire::Msg<schema::CodeCache>& message) {
  const Result<KeepCodeCache> made = decode_code_cache(message);
  if (!made) return;
  const auto found = functions_.find(made->id);
  if (found == functions_.end() || !std::exchange(found->second.takes_cache, false)) return;
  if (const auto pool = caf::actor_cast<caf::actor>(pool_)) send(pool, *made);
}

void WorkerProcess::deliver_loaded(const CodeId& id, const Result<wire::Target>& target) {
  const auto found = functions_.find(id);
  const std::vector<Loaded> waiting = std::exchange(found->second.waiting, {});
  if (!target) {
    functions_.erase(found);
    for (const Loaded& then : waiting) then(fail(target.error()));
    return;
  }
  const caf::actor proxy = process_->proxy(*target);
  found->second.proxy = proxy;
  proxies_.emplace(proxy.address(), id);
  monitor(proxy);
  for (const Loaded& then : waiting) then(proxy);
}

bool WorkerProcess::is_busy(const Function& function) const {
  const auto is_its = [&](const auto& entry) { return entry.second.at == function.proxy; };
  return std::ranges::any_of(calls_, is_its) ||
         std::ranges::any_of(out_flows_, [&](const auto& entry) {
           return entry.second.function == function.proxy;
         });
}

/// An actor that is asked something is never unloaded: it would be there twice.
Status WorkerProcess::make_room() {
  const bool has_actors = functions_.begin()->second.source->actor.has_value();
  if (functions_.size() <= (has_actors ? kActorsMax : kLoadedMax)) return {};
  std::vector<std::pair<uint64_t, CodeId>> by_use;
  for (const auto& [id, function] : functions_)
    if (function.proxy) by_use.emplace_back(function.last_used, id);
  std::ranges::sort(by_use);
  for (const auto& [used, id] : by_use) {
    if (has_actors && is_busy(functions_.at(id))) continue;
    unload(id);
    return {};
  }
  if (!has_actors) return {};
  return fail(Code::overloaded, "all " + std::to_string(kActorsMax) +
                                    " actors of the function that may be loaded are busy");
}

void WorkerProcess::replace(const CodeId& id) {
  const auto found = functions_.find(id);
  if (found == functions_.end() || !found->second.is_replaced || is_busy(found->second)) return;
  const auto later = std::exchange(found->second.later, {});
  unload(id);
  for (const auto& [function, then] : later) load(function, then);
}

void WorkerProcess::unload(const CodeId& id) {
  const auto found = functions_.find(id);
  if (found == functions_.end()) return;
  if (!found->second.proxy) {
    found->second.unloads = true;
    return;
  }
  // The host lets it answer the calls in flight; a call that crosses this is sent again.
  proxies_.erase(found->second.proxy.address());
  functions_.erase(found);
  anon_send(host_, encode_unload(id));
}

void WorkerProcess::call(Call call) {
  if (!process_->alive()) return void(call.promise.deliver(not_sent()));
  const auto found = functions_.find(call.function->id);
  const bool is_same = found != functions_.end() && found->second.proxy &&
                       found->second.source->code == call.function->code;
  if (is_same) {
    found->second.last_used = ++last_use_;
    found->second.called = reactor_.loop().now();
    return send_call(found->second.proxy, std::move(call));
  }
  const FunctionPtr function = call.function;
  load(function, [this, call = std::move(call)](const Result<caf::actor>& loaded) mutable {
    if (loaded) return send_call(*loaded, std::move(call));
    call.promise.deliver(load_error(loaded.error()));
  });
}

void WorkerProcess::send_call(const caf::actor& proxy, Call call) {
  const FunctionLimits& limits = call.function->limits;
  const TimePoint now = reactor_.loop().now();
  call.sent = now;
  call.overdue = now + std::chrono::milliseconds(limits.cpu_ms) + kOverdue;
  call.expires = now + std::chrono::milliseconds(limits.wall_ms) + kWallGrace;
  const wire::Msg<schema::Invoke> invoke = call.invoke;
  if (const Status noted = note_flow(invoke); !noted)
    return void(call.promise.deliver(to_caf(noted.error())));
  const uint64_t id = ++last_call_;
  call.at = proxy;
  admit(call);
  calls_.emplace(id, std::move(call));
  watch();
  request(proxy, caf::infinite, invoke)
      .then(
          [this, id](const wire::Msg<schema::Outcome>& outcome) {
            auto owed = calls_.extract(id);
            if (!owed) return;
            const auto offered = offer(owed.mapped(), outcome);
            offered ? owed.mapped().promise.deliver(*offered)
                    : owed.mapped().promise.deliver(to_caf(offered.error()));
            replace(owed.mapped().function->id);
          },
          [this, id](const caf::error& error) { on_call_failed(id, error); });
}

/// Calls that wait for their function to be loaded see their deadline pass.
void WorkerProcess::cancel(const CancelRequest& given_up) {
  if (fetcher_) send(fetcher_, given_up);
  for (const auto& [id, call] : calls_)
    if (call.invoke.frame().writable() == given_up.frame.writable()) send(call.at, given_up);
}

void WorkerProcess::on_call_failed(uint64_t id, const caf::error& error) {
  auto failed = calls_.extract(id);
  if (!failed) return;
  Call& owed = failed.mapped();
  const CodeId function_id = owed.function->id;
  const Error why = from_caf(error);
  const bool not_run = why.code == Code::not_found || why.code == Code::unavailable;
  if (!not_run) {
    fail_call(owed, function_error(why));
    return replace(function_id);
  }
  if (!process_->alive()) return void(owed.promise.deliver(to_caf(lost())));
  // The function had ended (its heap overflowed, or it made room) when the call reached the host.
  if (owed.again)
    return void(owed.promise.deliver(to_caf({Code::unavailable, "the function does not stay up"})));
  owed.again = true;
  const auto found = functions_.find(owed.function->id);
  if (found != functions_.end() && found->second.proxy) {
    const auto later = std::exchange(found->second.later, {});
    proxies_.erase(found->second.proxy.address());
    functions_.erase(found);
    for (const auto& [function, then] : later) load(function, then);
  }
  call(std::move(owed));
}

/// A limit that was met is a line in the function's log, once a call.
void WorkerProcess::fail_call(Call& call, const Error& why) {
  if (log_ && is_breach(why.code)) log_->write(call.function->name, kErrorLevel, why.text());
  call.promise.deliver(to_caf(why));
}

void WorkerProcess::sweep_later() {
  if (sweep_ != 0) return;
  const Duration least = std::min({options_.idle_max, options_.age_max, options_.unread_max});
  const Duration pause = std::clamp<Duration>(least / 4, kTick, kSweepMax);
  sweep_ = reactor_.loop().after(pause, [this] {
    sweep_ = 0;
    sweep();
  });
}

/// Unloads what nobody calls, and what has been there long: its isolate's heap only grows older.
void WorkerProcess::sweep() {
  const TimePoint now = reactor_.loop().now();
  std::vector<CodeId> old;
  for (const auto& [id, function] : functions_)
    if (function.proxy && !(function.source->actor && is_busy(function)) &&
        (now - function.called > options_.idle_max || now - function.loaded > options_.age_max))
      old.push_back(id);
  for (const CodeId& id : old) unload(id);
  end_unread(now);
  if (!functions_.empty() || !out_flows_.empty()) sweep_later();
}

void WorkerProcess::watch() {
  if (tick_ == 0) tick_ = reactor_.loop().after(kTick, [this] { on_tick(); });
}

void WorkerProcess::on_tick() {
  tick_ = 0;
  const TimePoint now = reactor_.loop().now();
  bool suspicious = expire_calls(now);
  bool owing = !calls_.empty() || !takes_.empty();
  for (const auto& [id, call] : calls_) suspicious = suspicious || now > call.overdue;
  for (const auto& [id, overdue] : takes_) suspicious = suspicious || now > overdue;
  for (const auto& [id, function] : functions_) {
    if (function.proxy) continue;
    owing = true;
    suspicious = suspicious || now > function.overdue;
  }
  if (suspicious && up_ && !ping_sent_) ping();
  kill_stuck(now);
  if (owing || ping_sent_) watch();
}

bool WorkerProcess::expire_calls(TimePoint now) {
  std::vector<uint64_t> expired;
  for (const auto& [id, call] : calls_)
    if (now > call.expires) expired.push_back(id);
  for (const uint64_t id : expired)
    fail_call(calls_.extract(id).mapped(),
              {Code::timeout, "the function did not answer within its wall limit"});
  return !expired.empty();
}

void WorkerProcess::ping() {
  ping_sent_ = reactor_.loop().now();
  request(host_, caf::infinite, wire::Builder<schema::Ping>(2).finish())
      .then([this](const wire::Msg<schema::Ack>&) { ping_sent_.reset(); },
            [this](const caf::error&) { ping_sent_.reset(); });
}

void WorkerProcess::kill_stuck(TimePoint now) {
  if (!ping_sent_) return;
  Duration patience = js::kLoadCpuMin;
  for (const auto& [id, function] : functions_)
    patience =
        std::max<Duration>(patience, std::chrono::milliseconds(function.source->limits.cpu_ms));
  if (now - *ping_sent_ <= patience + kPingMax) return;
  log::warn("worker", "worker {} is stuck in a function and is killed", slot_);
  std::vector<uint64_t> overdue;
  // What was sent after the ping did not begin what keeps the host from answering it.
  for (const auto& [id, call] : calls_)
    if (now > call.overdue && call.sent < *ping_sent_) overdue.push_back(id);
  for (const uint64_t id : overdue)
    fail_call(calls_.extract(id).mapped(),
              {Code::cpu_exceeded, "the function ran past its CPU limit and could only be killed"});
  // A load that is stuck is at fault as well; others that wait are sent elsewhere.
  for (auto it = functions_.begin(); it != functions_.end();) {
    const bool guilty = !it->second.proxy && now > it->second.overdue;
    if (!guilty) {
      ++it;
      continue;
    }
    const Function stuck = std::move(it->second);
    it = functions_.erase(it);
    for (const Loaded& then : stuck.waiting)
      then(fail(Code::cpu_exceeded, "loading ran past its CPU limit and could only be killed"));
    for (const auto& [function, then] : stuck.later) then(fail(not_loaded()));
  }
  process_->kill({Code::cpu_exceeded, "stuck in a function"});
}

WorkerReport WorkerProcess::report() const {
  WorkerReport out;
  out.slot = slot_;
  out.pid = process_->pid();
  out.functions = static_cast<uint32_t>(proxies_.size());
  out.in_flight = static_cast<uint32_t>(calls_.size());
  sandbox::Confinement confinement = process_->confinement();
  // A host opens its session only after confine_self() succeeded.
  confinement.seccomp = up_;
  confinement.dumpable = !up_;
  out.confinement = confinement.text();
  return out;
}

}  // namespace themis
