#include "actors/worker/worker_host.hpp"

#include <caf/all.hpp>
#include <deque>
#include <map>

#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"
#include "actors/worker/function_worker.hpp"
#include "actors/worker/worker_figures.hpp"
#include "ring.capnp.h"
#include "rpc.capnp.h"
#include "runtime/base/freed_memory.hpp"

namespace themis {
namespace {

/// Between two isolates that are made ahead of need, and after a load: calls find the thread free,
/// which one takes for about 2 ms.
constexpr Duration kPreparePause = 4ms;

/// Loads and unloads functions. One that ended (its heap overflowed) is forgotten: the parent,
/// which keeps the sources, loads it again when it is next called.
class HostActor final : public PinnedActor {
 public:
  HostActor(caf::actor_config& config, EnclaveSystem& enclave, js::Engine& engine,
            TurnBudget& budget, js::Profile profile)
      : PinnedActor(config),
        enclave_(enclave),
        engine_(engine),
        budget_(budget),
        profile_(profile) {}
  const char* name() const override { return kHostActorName; }
  void on_exit() override {
    reactor_.loop().cancel(prepare_timer_);
    caf::anon_send_exit(asker_, caf::exit_reason::user_shutdown);
    asker_ = nullptr;
    for (auto& [id, function] : functions_) {
      enclave_.exports().remove(function.target);
      caf::anon_send_exit(function.actor, caf::exit_reason::user_shutdown);
    }
    functions_.clear();
    loading_.clear();
  }

 private:
  struct Function {
    HostedPtr<FunctionWorker> worker;
    caf::actor actor;
    wire::Target target = 0;
    bool cached = false;
  };

  caf::behavior make_behavior() override {
    set_default_handlers(*this);
    set_down_handler([this](caf::down_msg& down) { forget(down.source); });
    asker_ = spawn_pinned<ParentAsker>(reactor_, std::ref(enclave_));
    prepare_later();
    return {[this](const wire::Msg<schema::Load>& message) { return load(message); },
            [this](const wire::Msg<schema::Unload>& message) { return unload(message); },
            [this](const MeasureHostMsg&) { return measured(); },
            [](const wire::Msg<schema::Ping>&) { return wire::Builder<schema::Ack>(2).finish(); }};
  }

  HostMeasuredMsg measured() const {
    std::vector<IsolateMemory> isolates;
    for (const auto& [id, function] : functions_)
      isolates.push_back({id, function.worker->memory_kb()});
    return encode_host_measured(isolates);
  }

  using LoadedPromise = caf::typed_response_promise<wire::Msg<schema::Loaded>>;

  struct Loading {
    wire::Msg<schema::Load> message;
    LoadedPromise promise;
  };

  /// Compiling may take its whole CPU limit: it runs as posted work, one load a turn, so that
  /// answers of other functions go out in between.
  caf::result<wire::Msg<schema::Loaded>> load(const wire::Msg<schema::Load>& message) {
    if (loading_.size() >= kFunctionsPerHostMax)
      return to_caf({Code::overloaded, "too many functions wait to be loaded"});
    auto promise = make_response_promise<wire::Msg<schema::Loaded>>();
    loading_.push_back({message, promise});
    if (loading_.size() == 1) post_load();
    return caf::delegated<wire::Msg<schema::Loaded>>{};
  }

  /// Isolates are made one a turn, and not while functions are being loaded one after the other:
  /// making one then would only keep the next load waiting.
  void prepare_later() {
    reactor_.loop().cancel(prepare_timer_);
    prepare_timer_ = reactor_.loop().after(kPreparePause, [this, self = caf::actor(this)] {
      if (asker_ && engine_.prepare()) prepare_later();
    });
  }

  void post_load() {
    reactor_.loop().post([this, self = caf::actor(this)] { run_load(); });
  }

  void run_load() {
    if (loading_.empty()) return;  // it ended in between
    Loading next = std::move(loading_.front());
    const Result<Function*> loaded = load_now(next.message);
    prepare_later();
    loading_.pop_front();
    if (!loading_.empty()) post_load();
    if (!loaded) return void(next.promise.deliver(to_caf(loaded.error())));
    wire::Builder<schema::Loaded> answer(4);
    answer->setActor((*loaded)->target);
    answer->setCached((*loaded)->cached);
    next.promise.deliver(answer.finish());
  }

  Result<Function*> load_now(const wire::Msg<schema::Load>& message) {
    // Whoever asked has given up, and would never learn the target.
    if (message.frame()->deadline() < reactor_.loop().now())
      return fail(Code::timeout, "the deadline passed before its turn came");
    THEMIS_TRY(const LoadRequest request, decode_load(message));
    // The answer to an earlier load can miss its deadline: the parent then asks again.
    if (const auto found = functions_.find(request.id); found != functions_.end())
      return &found->second;
    if (functions_.size() >= kFunctionsPerHostMax)
      return fail(Code::overloaded, "too many functions in this process");
    auto host = std::make_unique<FunctionHost>(enclave_, request, asker_);
    THEMIS_TRY(bundle::Bundle code, bundle::read_code(as_bytes(request.source), request.name));
    THEMIS_CHECK(bundle::open_secrets(code.settings, request.key.get()));
    js::Limits limits = engine_limits(request.limits);
    limits.profile = profile_;
    std::optional<js::Actor> actor_of;
    if (request.actor)
      actor_of = js::Actor{*request.actor, bundle::actor_home(request.name, *request.actor)};
    THEMIS_TRY(auto worker, engine_.load(std::move(code), limits, *host, request.code_cache,
                                         actor_of ? &*actor_of : nullptr));
    const bool cached = worker->code_cached();
    FunctionHost& its_host = *host;
    const auto actor =
        spawn_hosted<FunctionWorker>(reactor_, budget_, std::move(host), std::move(worker));
    const wire::Target target = enclave_.exports().add_unnamed(actor.strong());
    its_host.set_target(target);
    monitor(actor.handle());
    return &functions_.insert_or_assign(request.id, Function{actor, actor.handle(), target, cached})
                .first->second;
  }

  caf::result<wire::Msg<schema::Ack>> unload(const wire::Msg<schema::Unload>& message) {
    const Result<CodeId> id = decode_unload(message);
    if (!id) return to_caf(id.error());
    if (const auto found = functions_.find(*id); found != functions_.end()) {
      unloading_.emplace(found->second.actor.address(), found->second.target);
      caf::anon_send_exit(found->second.actor, caf::exit_reason::user_shutdown);
      functions_.erase(found);
    }
    return wire::Builder<schema::Ack>(2).finish();
  }

  void forget(const caf::actor_addr& ended) {
    if (const auto found = unloading_.find(ended); found != unloading_.end()) {
      enclave_.exports().remove(found->second);
      unloading_.erase(found);
      return;
    }
    for (auto it = functions_.begin(); it != functions_.end(); ++it) {
      if (it->second.actor.address() != ended) continue;
      enclave_.exports().remove(it->second.target);
      functions_.erase(it);
      return;
    }
  }

  EnclaveSystem& enclave_;
  js::Engine& engine_;
  TurnBudget& budget_;
  const js::Profile profile_;
  caf::actor asker_;
  net::TimerId prepare_timer_ = 0;
  std::map<CodeId, Function> functions_;
  std::deque<Loading> loading_;
  std::map<caf::actor_addr, wire::Target> unloading_;
};

}  // namespace

void run_worker_host(const std::string& snapshot_path, js::Profile profile) {
  keep_freed_memory();
  std::unique_ptr<js::Engine> engine;
  std::optional<TurnBudget> budget;
  EnclaveOptions options;
  options.profile = sandbox::Profile::v8;
  options.refusal = sandbox::Refusal::report;
  options.root = kHostActorName;
  options.prepare = [&]() -> Status {
    THEMIS_TRY(engine, js::Engine::create({.snapshot_path = snapshot_path}));
    return {};
  };
  options.start_root = [&](EnclaveSystem& enclave) -> Result<caf::actor> {
    if (!budget) budget.emplace(enclave.reactor());
    return spawn_pinned<HostActor>(enclave.reactor(), std::ref(enclave), std::ref(*engine),
                                   std::ref(*budget), profile);
  };
  run_enclave(options);
}

}  // namespace themis
