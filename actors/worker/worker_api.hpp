#pragma once
// What the actors of a process may ask its worker pool. Each is one message; use `request`. Never
// crosses a session.

#include <caf/allowed_unsafe_message_type.hpp>
#include <memory>
#include <string>
#include <vector>

#include "function.capnp.h"
#include "runtime/crypto/hash.hpp"
#include "wire/msg.hpp"

namespace themis {

/// BLAKE2b-256 of a function's source.
using CodeId = crypto::Digest;

struct FunctionLimits {
  uint32_t memory_mb = 128;
  uint32_t cpu_ms = 50;
  uint32_t wall_ms = 30'000;
};

/// Makes the function callable: loads it into one worker process now, into the others when they are
/// first asked, and again into every process that is started anew. -> caf::unit when it compiled.
/// Errors: syntax, invalid, threw, too_large (the function's own); unavailable (no worker process).
struct InstallFunction {
  std::string name;
  CodeId id{};
  std::shared_ptr<const Bytes> source;
  FunctionLimits limits;
  /// Hosts that it may fetch from, besides those of the node, as http::is_allowed_host takes them.
  std::shared_ptr<const std::vector<std::string>> fetch = {};
};
/// Forgets it; calls that run are still answered.
struct UninstallFunction {
  CodeId id{};
};
/// Runs one request. -> wire::Msg<schema::Outcome>. Errors: not_found (not installed), threw,
/// cpu_exceeded, memory_exceeded, timeout, too_large (the response), malformed, overloaded,
/// unavailable (the worker process ended before it answered; it may have run), cancelled (after a
/// CancelRequest with the frame of `invoke`: it did not start, or waited for a timer or promise).
struct CallFunction {
  CodeId id{};
  wire::Msg<schema::Invoke> invoke;
};
/// -> WorkersReport.
struct ReportWorkers {};

struct WorkerReport {
  uint32_t slot = 0;
  uint32_t pid = 0;
  std::string state;  ///< "up", "starting", "down".
  std::string why;    ///< The last end of a process that is not up; empty when it is.
  uint32_t restarts = 0;
  uint32_t functions = 0;
  uint32_t in_flight = 0;
  std::string confinement;
};
struct WorkersReport {
  std::vector<WorkerReport> workers;
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::InstallFunction)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::UninstallFunction)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::CallFunction)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::ReportWorkers)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::WorkerReport)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::WorkersReport)
