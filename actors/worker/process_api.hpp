#pragma once
// What a pool and its worker processes say to each other.

#include "actors/worker/worker_figures.hpp"
#include "actors/worker/worker_pool.hpp"

namespace themis {

using FunctionPtr = std::shared_ptr<const InstallFunction>;

// What the pool asks of a process. An answer of caf::sec::request_receiver_down means that nothing
// was sent: the pool tries another process.

/// -> caf::unit. Errors as InstallFunction.
struct ProcessLoad {
  FunctionPtr function;
};
/// -> Msg<schema::Outcome>; loads the function first when it is not. Errors as CallFunction.
struct ProcessCall {
  FunctionPtr function;
  wire::Msg<schema::Invoke> invoke;
};
struct ProcessUnload {
  CodeId id{};
};
/// -> WorkerReport, without what only the supervisor knows (state, restarts).
struct ReportProcess {};
/// -> FunctionsUse, within kMeasureMax.
struct MeasureProcess {};

/// Told to the pool when the process can be called.
struct WorkerReady {
  uint32_t slot = 0;
  caf::actor process;
};

/// Told to the pool when the first body that outlives its call begins, and when the last one ends.
struct WorkerStreams {
  uint32_t slot = 0;
  bool open = false;
};

/// Told to the pool when the process ended before that. It ends when the pool says so.
struct WorkerFailed {
  uint32_t slot = 0;
  Error why;
  caf::actor process;
};
struct EndProcess {};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::ProcessLoad)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::ProcessCall)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::ProcessUnload)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::ReportProcess)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::MeasureProcess)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::WorkerReady)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::WorkerStreams)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::WorkerFailed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::EndProcess)
