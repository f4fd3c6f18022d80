// themis-enclave as a hostile host would have it: a batch that names "tamper" is changed on its way
// to the monitors.

#include <algorithm>
#include <caf/all.hpp>

#include "actors/monitor/monitors_actor.hpp"
#include "actors/placement/enclave_system.hpp"
#include "actors/placement/spawner.hpp"
#include "enclave/monitor/slots.hpp"

namespace themis {
namespace {

class Tamperer final : public PinnedActor {
 public:
  explicit Tamperer(caf::actor_config& config)
      : PinnedActor(config),
        monitors_(caf::actor_cast<caf::actor>(system().spawn<MonitorsActor>())) {}

 private:
  caf::behavior make_behavior() override {
    return {[this](const StartMonitorsMsg& message) { return delegate(monitors_, message); },
            [this](const FinishReplayMsg& message) { return delegate(monitors_, message); },
            [this](const CertifyEpochsMsg& message) { return delegate(monitors_, message); },
            [this](const SealStateMsg& message) { return delegate(monitors_, message); },
            [this](const ConfirmStateMsg& message) { return delegate(monitors_, message); },
            [this](const MonitorBatchMsg& message) {
              const auto view = message.view();
              const ByteView batch = wire::bytes_of(view->getBatch());
              Bytes changed(batch.begin(), batch.end());
              if (as_text(batch).find("tamper") != std::string_view::npos)
                changed[monitor::kBatchHeaderBytes] ^= std::byte{0x40};
              return delegate(monitors_, encode_batch(view->getThread(), changed));
            }};
  }
  caf::actor monitors_;
};

}  // namespace
}  // namespace themis

int main() {
  using namespace themis;
  EnclaveOptions options;
  options.root = "root";
  options.start_root = [](EnclaveSystem& enclave) -> Result<caf::actor> {
    Kinds kinds;
    kinds.emplace("monitors", [](Reactor& reactor, const std::string&) -> Result<caf::actor> {
      return spawn_pinned<Tamperer>(reactor);
    });
    return spawn_pinned<Spawner>(enclave.reactor(), std::move(kinds), &enclave.exports());
  };
  run_enclave(options);
}
