#pragma once
// What the actors of a process may ask its queues besides sends.

#include <caf/allowed_unsafe_message_type.hpp>
#include <cstdint>

namespace themis {

/// -> QueueReport.
struct ReportQueues {};
/// Since the start, but for what waits.
struct QueueReport {
  uint64_t messages = 0;  ///< Waiting on this node, now.
  uint64_t bytes = 0;     ///< Of their bodies.
  uint64_t sent = 0;      ///< On disk and acknowledged.
  uint64_t accepted = 0;  ///< By handlers.
  uint64_t refused = 0;   ///< Deliveries that were not accepted.
  uint64_t dead = 0;      ///< Refused for the last time: dead letters, or dropped.
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::ReportQueues)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::QueueReport)
