#include "runtime/net/epoll_loop.hpp"

#include <cerrno>

#include "runtime/base/log.hpp"
#include "runtime/net/epoll_impl.hpp"

namespace themis::net {
namespace {

constexpr int kAcceptsPerTurn = 32;
/// Out of descriptors or memory: the connection stays in the backlog, and asking again at once
/// would only spin.
constexpr Duration kAcceptPause = 50ms;

class EpollListener final : public Listener, public Source {
 public:
  EpollListener(EpollLoop::Impl& impl, Descriptor fd, Acceptor& acceptor)
      : impl_(impl), fd_(std::move(fd)), acceptor_(acceptor) {
    impl_.control(EPOLL_CTL_ADD, fd_.get(), EPOLLIN, this);
  }
  ~EpollListener() override {
    impl_.timers.cancel(resume_);
    impl_.forget(fd_.get(), this);
  }

  Address address() const override {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&storage), &length);
    return from_socket_address(storage);
  }

  void on_events(uint32_t) override {
    const EpollLoop::Impl& impl = impl_;
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
      if (!accept_one()) return;
      if (impl.calling != this) return;  // the acceptor destroyed its listener
    }
  }
  const char* name() const override { return "a listener"; }

 private:
  bool accept_one() {
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    Descriptor fd(accept4(fd_.get(), reinterpret_cast<sockaddr*>(&from), &length,
                          SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd.valid()) {
      const int error = errno;
      if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM) pause(error);
      return false;
    }
    paused_before_ = false;
    set_no_delay(fd.get());
    // Either call may destroy this listener.
    EpollLoop::Impl& impl = impl_;
    Acceptor& acceptor = acceptor_;
    StreamHandler* handler = acceptor.on_accept(from_socket_address(from));
    if (handler != nullptr)
      acceptor.accepted(handler,
                        std::make_unique<EpollStream>(impl, std::move(fd), *handler, false));
    return true;
  }

  /// One line for each shortage, not for each attempt.
  void pause(int error) {
    if (!std::exchange(paused_before_, true))
      log::warn("net", "cannot accept connections at {}: {}", address().text(),
                system_error_text(error));
    impl_.control(EPOLL_CTL_MOD, fd_.get(), 0, this);
    resume_ = impl_.timers.add(std::chrono::steady_clock::now() + kAcceptPause,
                               [this] { impl_.control(EPOLL_CTL_MOD, fd_.get(), EPOLLIN, this); });
  }

  EpollLoop::Impl& impl_;
  Descriptor fd_;
  Acceptor& acceptor_;
  TimerId resume_ = 0;
  bool paused_before_ = false;
};

class EpollWatch final : public Watch, public Source {
 public:
  EpollWatch(EpollLoop::Impl& impl, int fd, std::function<void()> ready)
      : impl_(impl), fd_(fd), ready_(std::move(ready)) {
    impl_.control(EPOLL_CTL_ADD, fd_, EPOLLIN, this);
  }
  ~EpollWatch() override { impl_.forget(fd_, this); }

  void on_events(uint32_t) override {
    const std::function<void()> ready = ready_;  // it may destroy this
    ready();
  }
  const char* name() const override { return "a watch"; }

 private:
  EpollLoop::Impl& impl_;
  const int fd_;
  const std::function<void()> ready_;
};

}  // namespace

EpollLoop::EpollLoop() : impl_(std::make_unique<Impl>()) {
  THEMIS_ASSERT(impl_->epoll.valid() && impl_->wakeup.valid(),
                "no descriptor left for the event loop");
  impl_->control_raw(EPOLL_CTL_ADD, impl_->wakeup.get(), EPOLLIN, &impl_->wakeup);
}
EpollLoop::~EpollLoop() {
  // What waiting closures own may be streams of this loop, so they go first.
  impl_->turn = nullptr;
  const auto posted = std::move(impl_->posted);
  const auto timers = std::move(impl_->timers);
}

TimePoint EpollLoop::now() const { return std::chrono::steady_clock::now(); }
int64_t EpollLoop::wall_ms() const { return SystemClock{}.wall_ms(); }

TimerId EpollLoop::after(Duration delay, std::function<void()> callback) {
  return impl_->timers.add(now() + delay, std::move(callback));
}
void EpollLoop::cancel(TimerId id) { impl_->timers.cancel(id); }

Result<std::unique_ptr<Listener>> EpollLoop::listen(const Address& address, Acceptor& acceptor) {
  THEMIS_TRY(Descriptor fd, open_listener(address));
  return std::make_unique<EpollListener>(*impl_, std::move(fd), acceptor);
}

Result<std::unique_ptr<Stream>> EpollLoop::connect(const Address& to, StreamHandler& handler) {
  THEMIS_TRY(Descriptor fd, open_connection(to));
  return std::make_unique<EpollStream>(*impl_, std::move(fd), handler, true);
}

std::unique_ptr<Stream> EpollLoop::adopt(int fd, StreamHandler& handler) {
  return std::make_unique<EpollStream>(*impl_, Descriptor(fd), handler, false);
}

std::unique_ptr<Watch> EpollLoop::watch(int fd, std::function<void()> ready) {
  return std::make_unique<EpollWatch>(*impl_, fd, std::move(ready));
}

void EpollLoop::post(std::function<void()> work) {
  {
    const std::lock_guard lock(impl_->posted_mutex);
    impl_->posted.push_back(std::move(work));
  }
  wake();
}

void EpollLoop::wake() {
  if (impl_->woken.exchange(true, std::memory_order_acq_rel)) return;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(impl_->wakeup.get(), &one, sizeof one);
}

void EpollLoop::set_turn(std::function<bool()> turn) { impl_->turn = std::move(turn); }
void EpollLoop::set_stopwatch(Stopwatch* watch) { impl_->stopwatch = watch; }

void EpollLoop::stop() {
  impl_->stopping.store(true, std::memory_order_release);
  wake();
}

int EpollLoop::Impl::sleep_ms(bool more) {
  if (more || stopping.load(std::memory_order_acquire)) return 0;
  const TimePoint due = timers.next_due();
  if (due == TimePoint::max()) return -1;
  const auto left = due - std::chrono::steady_clock::now();
  if (left <= Duration::zero()) return 0;
  // Rounded up: waking early would only spin until the timer is due.
  return static_cast<int>(std::min<int64_t>(to_ms(left) + 1, 60'000));
}

void EpollLoop::Impl::dispatch(const epoll_event& event) {
  auto* source = static_cast<Source*>(event.data.ptr);
  const char* who = source->name();  // it may destroy itself
  calling = source;
  source->on_events(event.events);
  calling = nullptr;
  handled(who);
}

/// Emptied before the flag falls: whoever raises it again writes again, so no wake-up is lost and
/// none stays behind.
void EpollLoop::Impl::take_wakeup() {
  uint64_t count;
  [[maybe_unused]] const ssize_t n = ::read(wakeup.get(), &count, sizeof count);
  woken.store(false, std::memory_order_release);
  run_posted();
}

void EpollLoop::Impl::run_turn(bool& more) {
  event_count = epoll_wait(epoll.get(), events.data(), kEventsPerTurn, sleep_ms(more));
  if (stopwatch != nullptr) stopwatch->restart();
  bool was_woken = false;
  for (int i = 0; i < event_count; ++i) {
    const epoll_event& event = events[static_cast<size_t>(i)];
    if (event.data.ptr == &wakeup) {
      was_woken = true;
    } else if (event.data.ptr != nullptr) {
      dispatch(event);
    }
  }
  event_count = 0;
  if (was_woken) take_wakeup();
  if (timers.next_due() != TimePoint::max()) {
    timers.run_due(std::chrono::steady_clock::now());
    handled("a timer");
  }
  more = turn && turn();
}

void EpollLoop::run() {
  bool more = true;  // the hook may have been given work before
  while (!impl_->stopping.load(std::memory_order_acquire)) impl_->run_turn(more);
  impl_->stopping.store(false, std::memory_order_release);
}

}  // namespace themis::net
