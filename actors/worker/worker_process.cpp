#include "actors/worker/worker_process.hpp"

#include <algorithm>
#include <caf/all.hpp>
#include <filesystem>

#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"
#include "actors/worker/function_codec.hpp"
#include "actors/worker/worker_host.hpp"
#include "actors/worker/worker_log.hpp"
#include "runtime/base/log.hpp"
#include "runtime/js/node_flags.hpp"

namespace themis {
namespace {

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
/// Of an event: it comes again by itself, and maybe ends the next process too. So it counts.
Error event_lost() { return {Code::internal, "the worker process ended while it handled this"}; }
bool is_event(const wire::Msg<schema::Invoke>& message) {
  const auto is = wire::decode(message, [](const schema::Invoke::Reader& from) -> Result<bool> {
    return from.getEvent() != 0;
  });
  return is && *is;
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
          [this](const MeasureProcess&) { return measure(); },
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
  log_ = spawn_hosted<WorkerLog>(reactor_, options_.log, options_.book);
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
  for (auto& [id, call] : std::exchange(calls_, {})) call.promise.deliver(to_caf(loss_of(call)));
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

/// Nobody knows whose fault it is, unless the process was ended by this node.
Error WorkerProcess::loss_of(const Call& call) const {
  const bool is_ours = asked_to_end_ || killed_;
  return !is_ours && is_event(call.invoke) ? event_lost() : lost();
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
    // Who gave the code with the call is told that it is the code, and not the call, that failed.
    const bool is_codes = call.function->fresh && loaded.error().code == Code::threw;
    call.promise.deliver(
        load_error(is_codes ? Error{Code::invalid, loaded.error().detail} : loaded.error()));
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
            call_ended(*owed.mapped().function);
          },
          [this, id](const caf::error& error) { on_call_failed(id, error); });
}

/// Calls that wait for their function to be loaded see their deadline pass.
void WorkerProcess::cancel(const CancelRequest& given_up) {
  for (const caf::actor& asked : {fetcher_, functions_gate_, services_})
    if (asked) send(asked, given_up);
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
  if (!process_->alive()) return void(owed.promise.deliver(to_caf(loss_of(owed))));
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
  leave_body(call.invoke);
  if (log_ && is_breach(why.code)) log_->write(call.function->name, kErrorLevel, why.text());
  // Whoever called it is told, and that is in the node's log; a stack trace is for its author.
  if (log_ && why.code == Code::threw) log_->note(call.function->name, kErrorLevel, why.detail);
  call.promise.deliver(to_caf(why));
  if (call.function->fresh) unload(call.function->id);
}

/// What was loaded for this call has no other.
void WorkerProcess::call_ended(const InstallFunction& function) {
  function.fresh ? unload(function.id) : replace(function.id);
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
