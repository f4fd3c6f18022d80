#include "runtime/js/engine.hpp"

#include "runtime/base/log.hpp"
#include "runtime/js/natives.hpp"
#include "runtime/js/platform.hpp"
#include "runtime/js/snapshot.hpp"
#include "runtime/js/worker.hpp"

namespace themis::js {
namespace {

Result<Snapshot> open_snapshot(const std::string& path) {
  Result<Snapshot> read = Snapshot::read(path);
  if (read) return read;
  log::warn("js", "{}; building the snapshot in memory", read.error().detail);
  return Snapshot::build();
}

class EngineImpl final : public Engine {
 public:
  explicit EngineImpl(Snapshot snapshot)
      : snapshot_(std::move(snapshot)),
        data_(snapshot_.data()),
        watchdog_([](void* isolate) { static_cast<v8::Isolate*>(isolate)->TerminateExecution(); }) {
  }

  Result<std::unique_ptr<Worker>> load(bundle::Bundle code, const Limits& limits,
                                       Host& host) override {
    auto worker = std::make_unique<WorkerImpl>(&data_, limits, host, watchdog_);
    THEMIS_CHECK(worker->load(std::move(code)));
    return worker;
  }

 private:
  const Snapshot snapshot_;
  const v8::StartupData data_;
  Watchdog watchdog_;
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
