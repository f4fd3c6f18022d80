#include "actors/monitor/monitor_actor.hpp"

#include <fmt/format.h>

#include <caf/all.hpp>

#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"

namespace themis {

Error violation_error(const monitor::Violation& violation) {
  return {Code::forged, fmt::format("a monitor refused: {} (thread {}, batch {}, byte {})",
                                    monitor::name(violation.reason), violation.thread,
                                    violation.batch, violation.offset)};
}

MonitorActor::MonitorActor(caf::actor_config& config, const monitor::MonitorOptions& options,
                           const std::shared_ptr<const monitor::MasterKey>& key,
                           caf::actor_addr epochs)
    : PoolActor(config),
      monitor_(options, *key),
      epochs_(std::move(epochs)),
      results_(kResultsBytesMax) {}

caf::behavior MonitorActor::make_behavior() {
  set_default_handlers(*this);
  return {[this](const MonitorBatchMsg& message) { return verify(message); }};
}

caf::result<VerifiedMsg> MonitorActor::verify(const MonitorBatchMsg& message) {
  const auto epochs = caf::actor_cast<caf::actor>(epochs_);
  monitor::Output output{results_};
  const Result<bool> accepted =
      wire::decode(message, [&](const schema::MonitorBatch::Reader& batch) -> Result<bool> {
        return monitor_.apply(wire::bytes_of(batch.getBatch()), output);
      });
  if (!accepted) return to_caf(accepted.error());
  if (!*accepted) {
    if (epochs) send(epochs, ThreadRefused{monitor_.violation()});
    return to_caf(violation_error(monitor_.violation()));
  }
  while (const auto report = monitor_.take_report())
    if (epochs) send(epochs, ThreadReport{*report});
  return encode_verified(ByteView(results_).first(output.used));
}

}  // namespace themis
