// Promises that are rejected while nobody waits for them: the events of the global scope.
#include <algorithm>
#include <array>

#include "runtime/js/worker.hpp"

namespace themis::js {

void WorkerImpl::on_promise_reject(v8::PromiseRejectMessage message) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  std::vector<Rejection>& list = of(isolate).rejections_;
  const v8::Local<v8::Promise> promise = message.GetPromise();
  const bool handled = message.GetEvent() == v8::kPromiseHandlerAddedAfterReject;
  if (!handled && message.GetEvent() != v8::kPromiseRejectWithNoHandler) return;
  if (handled) {
    const auto known = std::find_if(list.begin(), list.end(), [&](const Rejection& rejection) {
      return !rejection.handled && rejection.promise == promise;
    });
    if (known != list.end()) {  // within the turn: nobody needs to hear of it
      list.erase(known);
      return;
    }
  }
  if (list.size() < kRejectionsMax)
    list.push_back({v8::Global<v8::Promise>(isolate, promise), handled});
}

void WorkerImpl::tell_rejections(v8::Local<v8::Context> context) {
  v8::Isolate* isolate = box_.get();
  const std::vector<Rejection> batch = std::exchange(rejections_, {});
  for (const Rejection& rejection : batch) {
    const v8::Local<v8::Promise> promise = rejection.promise.Get(isolate);
    std::array<v8::Local<v8::Value>, 3> arguments{promise, promise->Result(),
                                                  v8::Boolean::New(isolate, rejection.handled)};
    const bool called = !isolate_->on_rejection.Get(isolate)
                             ->Call(context, v8::Undefined(isolate),
                                    static_cast<int>(arguments.size()), arguments.data())
                             .IsEmpty();
    if (!called && isolate->IsExecutionTerminating()) return;
  }
  isolate->PerformMicrotaskCheckpoint();
}

}  // namespace themis::js
