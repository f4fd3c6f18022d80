#include "runtime/js/platform.hpp"

namespace themis::js {
namespace {

node::MultiIsolatePlatform* the_platform = nullptr;

/// V8 delays its memory reducer by seconds; a task asked for later than this is not needed.
constexpr double kDelayMaxS = 3600;

Duration clamp_delay(double delay_s) {
  const double bounded = std::min(std::max(delay_s, 0.0), kDelayMaxS);
  return Duration(static_cast<int64_t>(bounded * 1e9));
}

}  // namespace

node::MultiIsolatePlatform* platform() { return the_platform; }
void set_platform(node::MultiIsolatePlatform* platform) { the_platform = platform; }

void TaskQueue::attach(Host& host, Enter enter) {
  const std::lock_guard lock(mutex_);
  host_ = &host;
  enter_ = std::move(enter);
  if (!tasks_.empty()) wake();
}

void TaskQueue::detach() {
  const std::lock_guard lock(mutex_);
  host_ = nullptr;
  woken_ = false;
}

void TaskQueue::close() {
  std::deque<std::unique_ptr<v8::Task>> dropped;
  const std::lock_guard lock(mutex_);
  closed_ = true;
  host_ = nullptr;
  dropped.swap(tasks_);
}

bool TaskQueue::pending() const {
  const std::lock_guard lock(mutex_);
  return !tasks_.empty();
}

void TaskQueue::wake() {  // mutex_ is held
  if (host_ == nullptr || woken_) return;
  woken_ = true;
  host_->post([queue = weak_from_this()] {
    if (const auto alive = queue.lock()) alive->run_entered();
  });
}

void TaskQueue::run_entered() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = false;
    if (closed_ || tasks_.empty()) return;
  }
  enter_([this] { run(); });
}

void TaskQueue::run() {
  std::deque<std::unique_ptr<v8::Task>> batch;
  {
    const std::lock_guard lock(mutex_);
    batch.swap(tasks_);
  }
  for (auto& task : batch) task->Run();
}

void TaskQueue::push(std::unique_ptr<v8::Task> task) {
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  tasks_.push_back(std::move(task));
  wake();
}

void TaskQueue::push_later(std::unique_ptr<v8::Task> task, Duration delay) {
  const std::lock_guard lock(mutex_);
  if (closed_ || host_ == nullptr)
    return;  // before attach: only the memory reducer, which may wait
  // std::function copies what it holds, and a task cannot be copied: the one shared_ptr here.
  auto held = std::make_shared<std::unique_ptr<v8::Task>>(std::move(task));
  host_->post([queue = weak_from_this(), held, delay] {
    const auto alive = queue.lock();
    if (!alive || alive->host_ == nullptr) return;
    alive->host_->after(delay, [queue, held] {
      if (const auto still = queue.lock()) still->push(std::move(*held));
    });
  });
}

void TaskQueue::PostTaskImpl(std::unique_ptr<v8::Task> task, const v8::SourceLocation&) {
  push(std::move(task));
}
void TaskQueue::PostNonNestableTaskImpl(std::unique_ptr<v8::Task> task, const v8::SourceLocation&) {
  push(std::move(task));
}
void TaskQueue::PostDelayedTaskImpl(std::unique_ptr<v8::Task> task, double delay_s,
                                    const v8::SourceLocation&) {
  push_later(std::move(task), clamp_delay(delay_s));
}
void TaskQueue::PostNonNestableDelayedTaskImpl(std::unique_ptr<v8::Task> task, double delay_s,
                                               const v8::SourceLocation&) {
  push_later(std::move(task), clamp_delay(delay_s));
}

}  // namespace themis::js
