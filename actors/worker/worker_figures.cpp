#include "actors/worker/worker_figures.hpp"

#include <algorithm>
#include <caf/all.hpp>

#include "actors/system/dead_letters.hpp"
#include "actors/worker/worker_process.hpp"

namespace themis {
namespace {

class UseGatherer final : public PinnedActor {
 public:
  UseGatherer(caf::actor_config& config, std::vector<caf::actor> processes)
      : PinnedActor(config), processes_(std::move(processes)) {}
  const char* name() const override { return "use-gatherer"; }
  void on_exit() override { processes_.clear(); }

 private:
  caf::behavior make_behavior() override {
    set_default_handlers(*this);
    return {[this](const MeasureFunctions&) -> caf::result<FunctionsUse> {
      promise_ = make_response_promise<FunctionsUse>();
      open_ = 1;  // until all are asked
      for (const caf::actor& process : processes_) {
        ++open_;
        // It answers by itself in that time, unless it ends.
        request(process, caf::infinite, MeasureProcess{})
            .then([this](const FunctionsUse& use) { add(use); },
                  [this](const caf::error&) { add({}); });
      }
      add({});
      return caf::delegated<FunctionsUse>{};
    }};
  }

  void add(const FunctionsUse& use) {
    for (const auto& [id, one] : use.functions) {
      FunctionUse& all = all_.functions[id];
      all.isolates += one.isolates;
      all.memory_kb += one.memory_kb;
    }
    if (--open_ > 0) return;
    promise_.deliver(std::move(all_));
    quit();
  }

  std::vector<caf::actor> processes_;
  caf::typed_response_promise<FunctionsUse> promise_;
  FunctionsUse all_;
  size_t open_ = 0;
};

}  // namespace

caf::actor spawn_use_gatherer(Reactor& reactor, std::vector<caf::actor> processes) {
  return spawn_pinned<UseGatherer>(reactor, std::move(processes));
}

caf::result<FunctionsUse> WorkerProcess::measure() {
  if (!up_ || proxies_.empty()) return use();
  auto promise = make_response_promise<FunctionsUse>();
  const auto deadline = reactor_.loop().now() + kMeasureMax;
  request(host_, kMeasureMax, wire::Builder<schema::MeasureHost>(2).finish(deadline))
      .then(
          [this, promise](const HostMeasuredMsg& told) mutable {
            note_memory(told);
            promise.deliver(use());
          },
          [this, promise](const caf::error&) mutable { promise.deliver(use()); });
  return promise;
}

/// Which functions it has is known here; how much they take is the host's word, and no more than
/// the process may have.
void WorkerProcess::note_memory(const HostMeasuredMsg& told) {
  const auto isolates = decode_host_measured(told);
  if (!isolates) return;
  const uint64_t most = options_.process_memory_bytes / 1024;
  for (const IsolateMemory& one : *isolates)
    if (const auto found = functions_.find(one.id); found != functions_.end())
      found->second.memory_kb = static_cast<uint32_t>(std::min<uint64_t>(one.memory_kb, most));
}

FunctionsUse WorkerProcess::use() const {
  FunctionsUse all;
  for (const auto& [id, function] : functions_)
    if (function.proxy) all.functions.emplace(id, FunctionUse{1, function.memory_kb});
  return all;
}

}  // namespace themis
