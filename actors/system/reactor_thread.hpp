#pragma once
// A reactor on a thread of its own: for programs that are not a loop themselves.

#include <future>
#include <memory>
#include <thread>

#include "actors/system/reactor.hpp"
#include "actors/system/system.hpp"
#include "runtime/net/epoll_loop.hpp"

namespace themis {

/// Runs from its construction to stop(). The methods are for other threads; what lives on the
/// reactor ends in an in_loop() before stop().
class ReactorThread {
 public:
  explicit ReactorThread(System& system)
      : reactor_(system.caf(), loop_), thread_([this] {
          reactor_.bind_to_this_thread();
          loop_.run();
        }) {
    in_loop([] {});
  }
  ~ReactorThread() { stop(); }
  ReactorThread(const ReactorThread&) = delete;
  ReactorThread& operator=(const ReactorThread&) = delete;

  net::EpollLoop& loop() { return loop_; }
  Reactor& reactor() { return reactor_; }

  /// Runs `work` on the loop's thread and waits for it.
  void in_loop(const std::function<void()>& work) {
    // Shared: the waiting thread may go on, and away, before set_value() has returned.
    const auto done = std::make_shared<std::promise<void>>();
    loop_.post([&work, done] {
      work();
      done->set_value();
    });
    done->get_future().wait();
  }
  /// Asks `reached` on the loop's thread every few milliseconds until it holds (true) or `limit`
  /// has passed.
  bool wait_until(Duration limit, const std::function<bool()>& reached) {
    const auto outcome = std::make_shared<std::promise<bool>>();
    ask_again(loop_.now() + limit, reached, outcome);
    return outcome->get_future().get();
  }
  void stop() {
    if (!thread_.joinable()) return;
    loop_.stop();
    thread_.join();
  }

 private:
  static constexpr Duration kPoll = 5ms;

  void ask_again(TimePoint deadline, const std::function<bool()>& reached,
                 std::shared_ptr<std::promise<bool>> outcome) {
    loop_.post([this, deadline, &reached, outcome] {
      const bool ok = reached();
      if (ok || loop_.now() > deadline) return outcome->set_value(ok);
      loop_.after(kPoll,
                  [this, deadline, &reached, outcome] { ask_again(deadline, reached, outcome); });
    });
  }

  net::EpollLoop loop_;
  Reactor reactor_;
  std::thread thread_;
};

}  // namespace themis
