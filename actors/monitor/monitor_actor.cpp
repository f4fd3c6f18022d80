#include "actors/monitor/monitor_actor.hpp"

#include <caf/all.hpp>

#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"

namespace themis {

MonitorActor::MonitorActor(caf::actor_config& config, uint16_t thread, TrustedState& trusted,
                           caf::actor owner)
    : PoolActor(config), thread_(thread), trusted_(trusted), owner_(std::move(owner)) {}

caf::behavior MonitorActor::make_behavior() {
  set_default_handlers(*this);
  return {[this](const MonitorBatchMsg& message) { return verify(message); }};
}

caf::result<DoneMsg> MonitorActor::verify(const MonitorBatchMsg& message) {
  const Result<MonitorBatch> batch = decode_batch(message, trusted_.memory);
  if (!batch) return to_caf(batch.error());
  const Status applied = trusted_.monitors.apply(thread_, batch->bytes);
  if (!applied) return to_caf(applied.error());
  return wire::Builder<schema::Ack>(2).finish();
}

}  // namespace themis
