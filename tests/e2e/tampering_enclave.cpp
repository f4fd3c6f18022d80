// themis-enclave as a hostile host would have it: a batch that names "tamper" is changed on its way
// to the monitors.

#include "actors/placement/enclave_system.hpp"
#include "actors/placement/spawner.hpp"
#include "tests/unit/monitor/before_monitors.hpp"

namespace themis {
namespace {

class Tamperer final : public tests::BeforeMonitors {
 public:
  Tamperer(caf::actor_config& config, const sandbox::SharedMemoryPtr& memory)
      : BeforeMonitors(config, memory), memory_(memory) {}

 private:
  caf::behavior make_behavior() override {
    return but([this](const MonitorBatchMsg& message) {
      const auto view = message.view();
      // The host and the monitors share these bytes: whoever changes them is both.
      const auto batch = BatchMemory::over(memory_->bytes(), kThreads)
                             ->ring(view->getThread())
                             .subspan(view->getAt(), view->getBytes());
      if (as_text(batch).find("tamper") != std::string_view::npos)
        batch[monitor::kBatchHeaderBytes] ^= std::byte{0x40};
      return delegate(monitors_, message);
    });
  }
  /// As the scenario's node has them.
  static constexpr uint16_t kThreads = 1;
  const sandbox::SharedMemoryPtr memory_;
};

}  // namespace
}  // namespace themis

int main() {
  using namespace themis;
  EnclaveOptions options;
  options.root = "root";
  sandbox::SharedMemoryPtr memory;
  options.prepare = [&memory]() -> Status {
    THEMIS_TRY(memory, sandbox::SharedMemory::adopt());
    return {};
  };
  options.start_root = [&memory](EnclaveSystem& enclave) -> Result<caf::actor> {
    Kinds kinds;
    kinds.emplace("monitors",
                  [&memory](Reactor& reactor, const std::string&) -> Result<caf::actor> {
                    return spawn_pinned<Tamperer>(reactor, memory);
                  });
    return spawn_pinned<Spawner>(enclave.reactor(), std::move(kinds), &enclave.exports());
  };
  run_enclave(options);
}
