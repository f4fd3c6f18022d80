#include "runtime/js/worker.hpp"

#include <algorithm>

#include "runtime/base/freed_memory.hpp"
#include "runtime/js/errors.hpp"
#include "runtime/js/idle_memory.hpp"
#include "runtime/js/text.hpp"

namespace themis::js {
namespace {

constexpr uint32_t kWorkerSlot = 0;
/// A turn that took less cannot have filled a heap: only one large allocation passes V8's own limit
/// without a call of on_near_heap_limit, and in this time some 3 MB are written. Asking V8 for its
/// figures each turn took a fiftieth of a short request's time.
constexpr Duration kHeapLookFrom = 100us;
/// Longest console line; the rest is cut.
constexpr size_t kLogLineMax = 8 << 10;

std::string limit_text(Duration limit) { return std::to_string(to_ms(limit)) + " ms"; }
std::string limit_text(size_t bytes) { return std::to_string(bytes >> 20) + " MB"; }

}  // namespace

WorkerImpl::WorkerImpl(std::unique_ptr<PreparedIsolate> isolate, const Limits& limits, Host& host,
                       Watchdog& watchdog, WasmModules& wasm)
    : limits_(limits),
      host_(host),
      watchdog_(watchdog),
      wasm_(wasm),
      started_(host.now()),
      isolate_(std::move(isolate)),
      box_(isolate_->box),
      context_(isolate_->context) {
  box_.buffers().set_bytes_max(limits.buffer_bytes);
  box_.get()->SetData(kWorkerSlot, this);
  box_.get()->SetPromiseRejectCallback(on_promise_reject);
  if (limits.profile == Profile::trusted) {
    const v8::HandleScope handles(box_.get());
    context_.Get(box_.get())->AllowCodeGenerationFromStrings(true);
  }
  box_.tasks().attach(host_, [this](const std::function<void()>& tasks) { run_tasks(tasks); });
}

WorkerImpl::~WorkerImpl() {
  THEMIS_ASSERT(!in_turn_, "a worker is not destroyed by its own JavaScript");
  closing_ = true;
  for (auto& [id, timer] : timers_) host_.cancel(timer.host_timer);
  timers_.clear();
  fail_all({Code::cancelled, "the worker was dropped"});
  const std::vector<Completion> last = std::exchange(completions_, {});
  const std::vector<PartCompletion> parts = std::exchange(parts_, {});
  for (const Completion& completion : last) completion.done(completion.result);
  for (const PartCompletion& completion : parts) completion.done(completion.part);
}

std::unique_ptr<PreparedIsolate> WorkerImpl::take_isolate(std::unique_ptr<WorkerImpl> worker) {
  THEMIS_ASSERT(worker->calls_.empty(), "its calls would run on in another worker");
  worker->box_.tasks().detach();
  return std::move(worker->isolate_);
}

WorkerImpl& WorkerImpl::of(v8::Isolate* isolate) {
  return *static_cast<WorkerImpl*>(isolate->GetData(kWorkerSlot));
}

HeapFigures WorkerImpl::heap() const {
  v8::HeapStatistics figures;
  box_.get()->GetHeapStatistics(&figures);
  return {figures.used_heap_size(), figures.total_physical_size(),
          const_cast<IsolateBox&>(box_).buffers().used(), figures.malloced_memory()};
}

void WorkerImpl::rest() {
  THEMIS_ASSERT(!in_turn_, "not while JavaScript runs");
  if (retired()) return;
  const v8::Isolate::Scope isolate_scope(box_.get());
  box_.get()->LowMemoryNotification();
  stacks_.rest(box_.buffers());
  release_lookup_caches(box_.get());
  release_freed_memory();  // what the collection itself needed, for most of it
}

bool WorkerImpl::is_worn() const {
  return heap().used_bytes > limits_.heap_bytes / 4 * kWornQuarters;
}

uint8_t WorkerImpl::memory_percent() const {
  const HeapFigures used = heap();
  const size_t heap = used.used_bytes * 100 / limits_.heap_bytes;
  const size_t buffers = used.buffer_bytes * 100 / std::max<size_t>(limits_.buffer_bytes, 1);
  return static_cast<uint8_t>(std::min<size_t>(std::max(heap, buffers), 100));
}

WorkerImpl::Ended WorkerImpl::turn(uint32_t call, Duration budget, const Body& body) {
  THEMIS_ASSERT(!in_turn_, "JavaScript is entered once at a time");
  v8::Isolate* isolate = box_.get();
  const v8::Isolate::Scope isolate_scope(isolate);
  const v8::HandleScope handles(isolate);
  const v8::Local<v8::Context> context = context_.Get(isolate);
  const v8::Context::Scope context_scope(context);
  const v8::TryCatch caught(isolate);
  in_turn_ = true;
  current_ = call;
  turn_start_ = thread_cpu();
  watchdog_.arm(&box_, turn_start_ + budget);
  body(context);
  // What a terminated body left behind must not run: nobody watches it any more. Firing from here
  // on ends the checkpoint itself.
  const auto may_go_on = [&] { return !watchdog_.fired() && !box_.heap_exceeded(); };
  if (may_go_on()) isolate->PerformMicrotaskCheckpoint();
  while (!turn_end_.IsEmpty() && may_go_on()) {
    const v8::Local<v8::Function> work = turn_end_.Get(isolate);
    turn_end_.Reset();
    if (work->Call(context, v8::Undefined(isolate), 0, nullptr).IsEmpty()) break;  // it was ended
    isolate->PerformMicrotaskCheckpoint();
  }
  while (!rejections_.empty() && may_go_on()) tell_rejections(context);  // it costs the call's time
  rejections_.clear();
  return leave(turn_start_);
}

WorkerImpl::Ended WorkerImpl::leave(Duration start) {
  v8::Isolate* isolate = box_.get();
  const bool fired = watchdog_.disarm();
  Duration used = thread_cpu() - start;
  if (used >= kHeapLookFrom || box_.needs_check()) {
    box_.check_heap();
    used = thread_cpu() - start;
  }
  if (fired || box_.heap_exceeded()) {
    isolate->TerminateExecution();
    isolate->PerformMicrotaskCheckpoint();  // dropped, not run
    isolate->CancelTerminateExecution();
  }
  if (const auto found = calls_.find(current_); found != calls_.end()) found->second.cpu += used;
  current_ = 0;
  in_turn_ = false;
  if (box_.heap_exceeded()) return Ended::heap;
  return fired ? Ended::cpu : Ended::normally;
}

void WorkerImpl::call_turn(uint32_t call, const Body& body) {
  const Duration left = limits_.cpu - calls_.at(call).cpu;
  settle(call, left > Duration::zero() ? turn(call, left, body) : Ended::cpu);
}

void WorkerImpl::settle(uint32_t call, Ended ended) {
  if (ended == Ended::heap)
    return fail_all(
        {Code::memory_exceeded,
         box_.buffers().is_over()
             ? "over " + limit_text(limits_.buffer_bytes) + " of ArrayBuffers and Wasm memory"
             : "over " + limit_text(limits_.heap_bytes) + " of heap"});
  if (ended == Ended::cpu)
    end_early(call, {Code::cpu_exceeded, "over " + limit_text(limits_.cpu) + " of CPU time"});
  if (is_actor_) {
    reset_all();
    erase_if_over(call);
    release_later();
  }
  fail_stuck_calls();
  if (calls_.contains(call)) watch_wall(call);
}

void WorkerImpl::fail_stuck_calls() {
  if (is_actor_) return;  // its next request may settle them; otherwise the wall limit ends them
  // No timer, no question and no task: no JavaScript of this isolate runs again by itself.
  if (calls_.empty() || !timers_.empty() || !asks_.empty() || !held_.empty() || !joins_.empty() ||
      box_.tasks().pending())
    return;
  for (const auto& [id, upload] : uploads_)
    if (!upload.room.IsEmpty()) return;  // the same of those
  std::vector<uint32_t> stuck;
  for (const auto& [id, call] : calls_) {
    if (call.out && !call.out->room.IsEmpty()) return;  // its reader makes it go on
    if (!call.out || !call.out->is_over()) stuck.push_back(id);
  }
  const Error why{Code::threw, std::string(kHungDetail)};
  for (const uint32_t id : stuck) {
    if (calls_.at(id).out && !calls_.at(id).done) {
      fail_stream(id, why);  // after what waits to be read
    } else {
      end_early(id, why);
    }
  }
}

void WorkerImpl::fail_all(const Error& error) {
  while (!calls_.empty()) end_early(calls_.begin()->first, error);
}

void WorkerImpl::end_early(uint32_t id, const Error& why) {
  answer(id, fail(why), false);
  fail_stream(id, why);
  drop_stream(id, why);
  erase(id);
  // What the actor had in memory may be half of what it meant to do.
  if (is_actor_ && (why.code == Code::cpu_exceeded || why.code == Code::timeout))
    reset("another call met a limit");
}

void WorkerImpl::watch_wall(uint32_t id) {
  Call& call = calls_.at(id);
  if (call.has_wall_timer) return;
  call.has_wall_timer = true;
  call.wall_timer = host_.after(limits_.wall - call.cpu, [this, id] {
    calls_.at(id).has_wall_timer = false;
    on_wall(id);
  });
}

/// A stream may go on as long as it moves; one that nobody reads has longer.
void WorkerImpl::on_wall(uint32_t id) {
  Call& call = calls_.at(id);
  const bool is_answered = !call.done && !call.out;
  if (is_actor_ && is_answered && !has_asks(id, true)) return erase(id);
  if (!call.out || call.out->has_head)
    return give_up(id, {Code::timeout, "no answer within " + limit_text(limits_.wall)});
  const Duration most = call.out->reader ? limits_.wall : std::max(limits_.wall, kUnreadMax);
  const Duration stood = host_.now() - call.out->moved;
  const bool is_idle = call.out->is_socket && call.out->reader;  // which a WebSocket may be
  if (stood >= most && !is_idle)
    return give_up(id, {Code::timeout, "its stream stood still for " + limit_text(most)});
  call.has_wall_timer = true;
  call.wall_timer =
      host_.after(std::min<Duration>(is_idle ? most : most - stood, limits_.wall), [this, id] {
        calls_.at(id).has_wall_timer = false;
        on_wall(id);
      });
}

void WorkerImpl::cancel(uint32_t id) {
  const auto found = calls_.find(id);
  if (found == calls_.end() || !found->second.done || is_actor_) return;
  const Error why{Code::cancelled, "the caller gave up"};
  const bool has_waits = tell_gone(id);
  answer(id, fail(why), has_waits);
  drop_stream(id, why);
  erase_if_over(id);
  fail_stuck_calls();
  deliver();
}

void WorkerImpl::give_up(uint32_t id, Error why) {
  end_early(id, why);
  reset_all();
  fail_stuck_calls();
  deliver();
}

void WorkerImpl::erase(uint32_t id) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  if (found->second.has_wall_timer) host_.cancel(found->second.wall_timer);
  const size_t timers = found->second.timers;
  blockers_.erase(id);
  std::erase_if(joins_, [id](const Join& join) { return join.call == id; });
  streams_ -= found->second.out ? 1 : 0;
  calls_.erase(found);
  std::erase_if(in_flows_, [&](const auto& entry) {
    if (entry.second.call != id) return false;
    host_.leave_flow(entry.second.flow);
    return true;
  });
  // What is all there needs no JavaScript any more to reach its server.
  const auto is_cut = [id](const OutStream& out) { return out.call == id && !out.ended; };
  for (auto& [upload, out] : uploads_)
    if (is_cut(out)) end_reader(out, {Code::cancelled, "the call that sent it is over"});
  std::erase_if(uploads_, [&](const auto& entry) { return is_cut(entry.second); });
  std::erase_if(asks_, [&](const auto& entry) {
    if (entry.second.call != id) return false;
    if (entry.second.give_up) entry.second.give_up();
    return true;
  });
  if (timers == 0) return;
  std::erase_if(timers_, [&](auto& entry) {  // timers end with the call that started them
    if (entry.second.call != id) return false;
    host_.cancel(entry.second.host_timer);
    return true;
  });
}

void WorkerImpl::erase_if_over(uint32_t id) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  const Call& call = found->second;
  // What an actor's call began, others may wait for.
  if (is_actor_ && (has_asks(id) || (in_turn_ && id == current_))) return;
  if (!call.done && !call.out && !call.waits) erase(id);
}

void WorkerImpl::end(uint32_t id) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  found->second.waits = false;
  erase_if_over(id);
}

void WorkerImpl::answer(uint32_t id, Result<Response> result, bool more) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  if (found->second.done) {
    if (result)
      result->cpu =
          found->second.cpu + (id == current_ ? thread_cpu() - turn_start_ : Duration::zero());
    completions_.push_back({std::exchange(found->second.done, {}), std::move(result)});
    --unanswered_;
  }
  found->second.waits = more;
  erase_if_over(id);
}

void WorkerImpl::answer_exception(uint32_t id, v8::Local<v8::Value> exception, bool more) {
  if (!calls_.contains(id)) return;
  const Error why = error_of(id, exception);
  if (box_.get()->IsExecutionTerminating()) return;  // settle() says why
  answer(id, fail(why), more);
}

Error WorkerImpl::error_of(uint32_t id, v8::Local<v8::Value> exception) {
  std::string what = describe_exception(context_.Get(box_.get()), exception);
  const auto found = calls_.find(id);
  const bool no_buffers = found != calls_.end() &&
                          box_.buffers().refused() != found->second.buffers_refused &&
                          what.find("Array buffer allocation failed") != std::string::npos;
  if (!no_buffers) return {Code::threw, std::move(what)};
  return {Code::memory_exceeded,
          "over " + limit_text(limits_.buffer_bytes) + " of ArrayBuffers: " + what};
}

void WorkerImpl::log(LogLevel level, v8::Local<v8::String> text) {
  const auto found = calls_.find(current_);
  size_t& used = found == calls_.end() ? load_log_bytes_ : found->second.log_bytes;
  if (used >= limits_.log_bytes) return;
  const std::string line = to_utf8(box_.get(), text, kLogLineMax);
  used += line.size() + 1;
  if (used < limits_.log_bytes) return host_.log(level, line);
  host_.log(LogLevel::warn, "log limit reached: the rest of this call's output is dropped");
}

void WorkerImpl::run_tasks(const std::function<void()>& tasks) {
  if (retired()) return;
  settle(0, turn(0, limits_.cpu, [&tasks](v8::Local<v8::Context>) { tasks(); }));
  deliver();
}

void WorkerImpl::deliver() {
  settle_streams();
  std::vector<Completion> batch = std::exchange(completions_, {});
  std::vector<PartCompletion> parts = std::exchange(parts_, {});
  for (Completion& completion : batch) completion.done(std::move(completion.result));
  for (PartCompletion& completion : parts) completion.done(std::move(completion.part));
}

}  // namespace themis::js
