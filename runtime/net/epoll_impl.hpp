#pragma once
// The inside of EpollLoop: its state, and the streams of epoll_stream.cpp.

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <array>
#include <atomic>
#include <mutex>

#include "runtime/net/epoll_loop.hpp"
#include "runtime/net/socket.hpp"
#include "runtime/net/timers.hpp"

namespace themis::net {

/// What a descriptor in the epoll set calls.
class Source {
 public:
  virtual ~Source() = default;
  virtual void on_events(uint32_t events) = 0;
  virtual const char* name() const = 0;
};

/// Loop thread only, but for `stopping`, `woken`, `wakeup` and what `posted_mutex` guards.
struct EpollLoop::Impl {
  static constexpr int kEventsPerTurn = 64;

  Descriptor epoll{epoll_create1(EPOLL_CLOEXEC)};
  Descriptor wakeup{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  std::array<epoll_event, kEventsPerTurn> events;
  int event_count = 0;
  const Source* calling =
      nullptr;  ///< The source whose events are handled; null once it is destroyed.
  std::array<std::byte, kReadBytesMax> buffer;
  Timers timers;
  std::function<bool()> turn;
  Stopwatch* stopwatch = nullptr;
  std::atomic<bool> stopping{false};
  std::atomic<bool> woken{false};
  std::mutex posted_mutex;
  std::vector<std::function<void()>> posted;

  /// A Source*, or the address of `wakeup`: a stream has two bases, so its own pointer would not
  /// do.
  void control(int operation, int fd, uint32_t mask, Source* source) {
    control_raw(operation, fd, mask, source);
  }
  void control_raw(int operation, int fd, uint32_t mask, void* source) {
    epoll_event event{};
    event.events = mask;
    event.data.ptr = source;
    THEMIS_ASSERT(epoll_ctl(epoll.get(), operation, fd, &event) == 0, "epoll_ctl on an own socket");
  }
  /// A source that goes away must not be called for an event of this turn that is still in the
  /// array.
  void forget(int fd, const Source* source) {
    epoll_ctl(epoll.get(), EPOLL_CTL_DEL, fd, nullptr);
    if (calling == source) calling = nullptr;
    for (int i = 0; i < event_count; ++i)
      if (events[static_cast<size_t>(i)].data.ptr == source)
        events[static_cast<size_t>(i)].data.ptr = nullptr;
  }
  void run_posted() {
    std::vector<std::function<void()>> work;
    {
      const std::lock_guard lock(posted_mutex);
      work.swap(posted);
    }
    for (auto& task : work) {
      task();
      handled("a posted task");
    }
  }
  void handled(const char* who) {
    if (stopwatch != nullptr) stopwatch->handled(who);
  }
  void dispatch(const epoll_event& event);
  void take_wakeup();
  int sleep_ms(bool more);
  void run_turn(bool& more);
};

class EpollStream final : public Stream, public Source {
 public:
  EpollStream(EpollLoop::Impl& impl, Descriptor fd, StreamHandler& handler, bool connecting);
  ~EpollStream() override;
  size_t write(ByteView data) override;
  void finish_writing() override { shutdown(fd_.get(), SHUT_WR); }
  void set_reading(bool reading) override;
  Address peer() const override;
  void on_events(uint32_t events) override;
  const char* name() const override { return handler_.name(); }

 private:
  void update();
  void finish_connect();
  void read_once();
  void closed(Error why);

  EpollLoop::Impl& impl_;
  Descriptor fd_;
  StreamHandler& handler_;
  bool connecting_;
  bool reading_ = true;
  bool writing_ = false;
  bool broken_ = false;
  bool hung_up_ =
      false;  ///< Both directions are over, but there are bytes that nobody wants to read yet.
  bool watched_ = true;  ///< In the epoll set.
  TimerId report_ = 0;
  uint32_t mask_ = 0;
};

}  // namespace themis::net
