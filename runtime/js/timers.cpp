// setTimeout and setInterval of a worker, on the Host's timers.
#include "runtime/js/errors.hpp"
#include "runtime/js/text.hpp"
#include "runtime/js/worker.hpp"

namespace themis::js {

uint32_t WorkerImpl::start_timer(v8::Local<v8::Function> callback, Duration delay, bool repeat) {
  const auto owner = calls_.find(current_);
  if (owner == calls_.end() || timers_.size() >= kTimersMax) return 0;
  const uint32_t id = ++last_timer_;
  Timer& timer = timers_[id];
  timer.callback.Reset(box_.get(), callback);
  timer.call = current_;
  timer.delay = delay;
  timer.repeat = repeat;
  timer.host_timer = host_.after(delay, [this, id] { fire_timer(id); });
  ++owner->second.timers;
  return id;
}

void WorkerImpl::clear_timer(uint32_t id) {
  const auto found = timers_.find(id);
  if (found == timers_.end()) return;
  host_.cancel(found->second.host_timer);
  if (const auto owner = calls_.find(found->second.call); owner != calls_.end())
    --owner->second.timers;
  timers_.erase(found);
}

void WorkerImpl::fire_timer(uint32_t id) {
  const uint32_t call = timers_.at(id).call;
  if (is_held(call, Kind::event))
    return enter(call, Kind::event, [this, id] {
      if (timers_.contains(id)) fire_timer(id);
    });
  call_turn(call, [this, id](v8::Local<v8::Context> context) {
    v8::Isolate* isolate = box_.get();
    Timer& timer = timers_.at(id);
    const v8::Local<v8::Function> callback = timer.callback.Get(isolate);
    if (timer.repeat)
      timer.host_timer = host_.after(timer.delay, [this, id] { fire_timer(id); });
    else
      clear_timer(id);
    v8::TryCatch caught(isolate);
    if (!callback->Call(context, v8::Undefined(isolate), 0, nullptr).IsEmpty() ||
        caught.HasTerminated())
      return;
    const std::string what = describe_exception(context, caught.Exception());
    log(LogLevel::error, text(isolate, "Uncaught in a timer: " + what));
  });
  deliver();
}

}  // namespace themis::js
