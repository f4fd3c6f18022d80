#pragma once
// How a monitor starts where another one of its instance was at rest. Included by monitor.hpp.

#include "enclave/monitor/monitor.hpp"

namespace themis::monitor {

template <Application App, class Checks>
Monitor<App, Checks>::Monitor(const MonitorOptions& options, const MasterKey& master,
                              const Rest& from)
    : Monitor(options, master) {
  nodes_[0].link.used = true;
  nodes_[0].key = from.top;
  nodes_[0].value = from.value;
  to_verify_ = from.epoch;
  clock_ = Timestamp::of(from.epoch, 0);
}

template <Application App, class Checks>
std::optional<Rest> Monitor<App, Checks>::at_rest() const {
  bool empty = nodes_[0].link.used && nodes_[0].link.parent == kNoSlot;
  for (uint32_t i = 1; i < options_.node_slots; ++i) empty = empty && !nodes_[i].link.used;
  for (uint32_t i = 0; i < options_.record_slots; ++i) empty = empty && !records_[i].link.used;
  if (!empty || violation_ || taken_ != reported_ || epochs_.any_open() ||
      clock_ != Timestamp::of(to_verify_, 0))
    return std::nullopt;
  return Rest{nodes_[0].key, nodes_[0].value, to_verify_};
}

}  // namespace themis::monitor
