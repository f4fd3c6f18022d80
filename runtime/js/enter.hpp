#pragma once
// How a call enters the function's side of the prelude. Internal: shows V8.

#include <span>

#include "runtime/js/worker.hpp"

namespace themis::js {

/// Runs `entry` with the arguments; what it throws is the answer of the call `id`, unless it was
/// ended: then the turn says why.
inline void enter_prelude(WorkerImpl& worker, uint32_t id, v8::Local<v8::Context> context,
                          v8::Local<v8::Function> entry,
                          std::span<v8::Local<v8::Value>> arguments) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  const v8::TryCatch caught(isolate);
  const auto count = static_cast<int>(arguments.size());
  const auto outcome = entry->Call(context, v8::Undefined(isolate), count, arguments.data());
  if (outcome.IsEmpty() && !caught.HasTerminated())
    worker.answer_exception(id, caught.Exception(), false);
}

}  // namespace themis::js
