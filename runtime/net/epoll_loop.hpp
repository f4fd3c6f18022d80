#pragma once
// The event loop on Linux epoll: level-triggered sockets, an eventfd to wake it, a heap of timers.

#include <memory>

#include "runtime/net/loop.hpp"

namespace themis::net {

/// A descriptor somebody looks at; destroying it ends that. Loop thread only.
class Watch {
 public:
  virtual ~Watch() = default;
};

/// Real sockets and real time. `run()` belongs to one thread, the loop's.
/// Limits: 64 events a turn, kReadBytesMax a read, so one busy stream cannot starve the others.
class EpollLoop final : public Loop {
 public:
  /// A body of 64 KB comes in one read with its head or its seals, which cost a second one before.
  static constexpr size_t kReadBytesMax = 80 * 1024;

  EpollLoop();
  ~EpollLoop() override;

  /// Runs until stop(). The thread that calls it becomes the loop's thread.
  void run();
  /// Any thread, async-signal-safe.
  void stop();

  /// A stream over an open socket (one end of a socketpair); takes the descriptor.
  std::unique_ptr<Stream> adopt(int fd, StreamHandler& handler);
  /// Calls `ready` in every turn in which `fd` (a pidfd, a pipe) can be read or was hung up, until
  /// the watch is destroyed, which `ready` may do. Borrows the descriptor: close it after the watch
  /// is gone.
  std::unique_ptr<Watch> watch(int fd, std::function<void()> ready);

  TimePoint now() const override;
  int64_t wall_ms() const override;
  TimerId after(Duration delay, std::function<void()> callback) override;
  void cancel(TimerId id) override;
  Result<std::unique_ptr<Listener>> listen(const Address& address, Acceptor& acceptor) override;
  Result<std::unique_ptr<Stream>> connect(const Address& to, StreamHandler& handler) override;
  void post(std::function<void()> work) override;
  void wake() override;
  void set_turn(std::function<bool()> turn) override;
  void set_stopwatch(Stopwatch* watch) override;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace themis::net
