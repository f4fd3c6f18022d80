#include "runtime/js/engine.hpp"

#include <algorithm>

#include "runtime/base/log.hpp"
#include "runtime/js/idle_memory.hpp"
#include "runtime/js/natives.hpp"
#include "runtime/js/platform.hpp"
#include "runtime/js/snapshot.hpp"
#include "runtime/js/worker.hpp"

namespace themis::js {
namespace {

Result<Snapshot> open_snapshot(const std::string& path) {
  if (path.empty()) return Snapshot::build();
  Result<Snapshot> read = Snapshot::read(path);
  if (read) return read;
  log::warn("js", "{}; building the snapshot in memory", read.error().detail);
  return Snapshot::build();
}

/// So many loads in a row with another heap limit change what is made ahead.
constexpr size_t kMissesMax = 3;

/// For the warm-up, which asks nothing of the outside.
class NoHost final : public Host {
 public:
  TimePoint now() const override { return {}; }
  int64_t wall_ms() const override { return 0; }
  void log(LogLevel, std::string_view) override {}
  TimerId after(Duration, std::function<void()>) override { return 0; }
  void cancel(TimerId) override {}
  void post(std::function<void()>) override {}
  void random(std::span<std::byte> out) override { std::ranges::fill(out, std::byte{}); }
  void ask_state(const std::string&, const std::string&, TimePoint, Answered) override {}
  GiveUp call_service(const std::string&, Request, TimePoint, ServiceAnswered) override {
    return {};
  }
  GiveUp fetch_outward(Request, TimePoint, ServiceAnswered) override { return {}; }
  void read_flow(uint64_t, PartAnswered) override {}
  void leave_flow(uint64_t) override {}
};

/// Touches what most functions use, so that it is compiled before there is one.
constexpr std::string_view kWarmUp =
    "export default { async fetch(request) {"
    "const url = new URL(request.url); url.searchParams.get('q'); request.headers.get('accept');"
    "const text = await request.text(); JSON.parse(text);"
    "Response.json({ text }); return new Response(text, { headers: { 'x-warm': 'up' } }); } };";

class EngineImpl final : public Engine {
 public:
  explicit EngineImpl(Snapshot snapshot)
      : snapshot_(std::move(snapshot)),
        data_(snapshot_.data()),
        watchdog_([](void* box) { static_cast<IsolateBox*>(box)->get()->TerminateExecution(); },
                  [](void* box) { static_cast<IsolateBox*>(box)->look_at_memories(); }) {}

  using Engine::load;
  Result<std::unique_ptr<Worker>> load(bundle::Bundle code, const Limits& limits, Host& host,
                                       ByteView code_cache, const Actor* actor) override {
    auto worker = std::make_unique<WorkerImpl>(take_isolate(limits.heap_bytes), limits, host,
                                               watchdog_, wasm_);
    THEMIS_CHECK(worker->load(std::move(code), code_cache, actor));
    return worker;
  }

  bool prepare() override {
    std::erase_if(prepared_, [this](const auto& one) {  // of a limit that is not asked for any more
      return one->box.heap_bytes_max() != heap_bytes_;
    });
    if (prepared_.size() < kPreparedMax) prepared_.push_back(warm_up(make_isolate()));
    return prepared_.size() < kPreparedMax;
  }
  EngineFigures figures() const override {
    return {prepared_.size(), wasm_.count(), wasm_.shared()};
  }

 private:
  std::unique_ptr<PreparedIsolate> make_isolate() {
    return std::make_unique<PreparedIsolate>(&data_, heap_bytes_);
  }
  std::unique_ptr<PreparedIsolate> take_isolate(size_t heap_bytes) {
    if (!prepared_.empty() && prepared_.back()->box.heap_bytes_max() == heap_bytes) {
      std::unique_ptr<PreparedIsolate> one = std::move(prepared_.back());
      prepared_.pop_back();
      misses_ = 0;
      return one;
    }
    // One function with a limit of its own is no reason to throw away what the others will want.
    const bool other = heap_bytes != heap_bytes_;
    misses_ = other ? misses_ + 1 : 0;
    if (other && (misses_ >= kMissesMax || prepared_.empty())) {
      heap_bytes_ = heap_bytes;
      misses_ = 0;
    }
    return std::make_unique<PreparedIsolate>(&data_, heap_bytes);
  }
  std::unique_ptr<PreparedIsolate> warm_up(std::unique_ptr<PreparedIsolate> isolate) {
    NoHost host;
    release_lookup_caches(isolate->box.get());  // what the warm-up needs of them comes back
    auto worker =
        std::make_unique<WorkerImpl>(std::move(isolate), Limits{.cpu = 1s}, host, watchdog_, wasm_);
    Result<bundle::Bundle> code = bundle::read_code(as_bytes(kWarmUp), "warm-up");
    THEMIS_ASSERT(code && worker->load(std::move(*code), {}, nullptr), "the warm-up compiles");
    worker->call({.method = "POST",
                  .url = "http://warm.up/?q=1",
                  .headers = {{"accept", "*/*"}},
                  .body = to_bytes("{}")},
                 [](const Result<Response>& answered) {
                   THEMIS_ASSERT(answered, "the warm-up is answered");
                 });
    return WorkerImpl::take_isolate(std::move(worker));
  }

  const Snapshot snapshot_;
  const v8::StartupData data_;
  Watchdog watchdog_;
  WasmModules wasm_;
  size_t heap_bytes_ = Limits{}.heap_bytes;  ///< Of the isolates made ahead.
  size_t misses_ = 0;                        ///< Loads in a row that found none of their limit.
  std::vector<std::unique_ptr<PreparedIsolate>> prepared_;
};

}  // namespace

Result<std::unique_ptr<Engine>> Engine::create(const Options& options) {
  if (platform() == nullptr)
    return fail(Code::internal, "the engine runs inside the node executable only");
  if (const std::string missing = missing_executable_function(); !missing.empty())
    return fail(Code::internal, "this node executable does not export " + missing +
                                    "; the pinned one is in runtime/js/package-lock.json");
  THEMIS_TRY(Snapshot snapshot, open_snapshot(options.snapshot_path));
  return std::make_unique<EngineImpl>(std::move(snapshot));
}

}  // namespace themis::js
