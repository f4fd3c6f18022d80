#pragma once
// Node's V8 platform, and the tasks V8 posts for one isolate of ours. Internal: shows V8.

#include <node.h>
#include <v8.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "runtime/js/engine.hpp"

namespace themis::js {

/// The platform of the node process we run in; null outside of an addon. Set once by addon.cpp,
/// before anything else here is used.
node::MultiIsolatePlatform* platform();
void set_platform(node::MultiIsolatePlatform* platform);

/// The foreground tasks of one isolate: V8 posts them from any thread, they run on the engine's.
/// V8 keeps a reference until the isolate is unregistered, and background threads may for longer.
class TaskQueue final : public v8::TaskRunner, public std::enable_shared_from_this<TaskQueue> {
 public:
  /// `wake` gets work to run on the engine's thread; any thread.
  using Wake = std::function<void(std::function<void()>)>;
  /// Runs tasks inside the isolate; engine thread.
  using Enter = std::function<void(const std::function<void()>& tasks)>;

  /// Tasks posted before attach() wait for it.
  void attach(Host& host, Enter enter);
  /// Tasks wait again for attach(). Engine thread.
  void detach();
  /// Drops what waits and all that comes later. Engine thread.
  void close();
  /// True while tasks wait.
  bool pending() const;
  /// Runs what waits now. Engine thread, inside the isolate.
  void run();

  bool IdleTasksEnabled() override { return false; }
  bool NonNestableTasksEnabled() const override { return true; }
  bool NonNestableDelayedTasksEnabled() const override { return true; }

 protected:
  void PostTaskImpl(std::unique_ptr<v8::Task> task, const v8::SourceLocation&) override;
  void PostNonNestableTaskImpl(std::unique_ptr<v8::Task> task, const v8::SourceLocation&) override;
  void PostDelayedTaskImpl(std::unique_ptr<v8::Task> task, double delay_s,
                           const v8::SourceLocation&) override;
  void PostNonNestableDelayedTaskImpl(std::unique_ptr<v8::Task> task, double delay_s,
                                      const v8::SourceLocation&) override;
  void PostIdleTaskImpl(std::unique_ptr<v8::IdleTask>, const v8::SourceLocation&) override {}

 private:
  void push(std::unique_ptr<v8::Task> task);
  void push_later(std::unique_ptr<v8::Task> task, Duration delay);
  void wake();
  void run_entered();

  mutable std::mutex mutex_;
  std::deque<std::unique_ptr<v8::Task>> tasks_;
  bool closed_ = false;
  bool woken_ = false;
  Host* host_ = nullptr;
  Enter enter_;
};

/// What Node's platform asks for the task runner of one isolate.
class Delegate final : public node::IsolatePlatformDelegate {
 public:
  std::shared_ptr<v8::TaskRunner> GetForegroundTaskRunner() override { return tasks_; }
  bool IdleTasksEnabled() override { return false; }
  TaskQueue& tasks() { return *tasks_; }

 private:
  const std::shared_ptr<TaskQueue> tasks_ = std::make_shared<TaskQueue>();
};

}  // namespace themis::js
