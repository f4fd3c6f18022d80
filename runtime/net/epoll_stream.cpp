// Streams on epoll: level-triggered, one call of the handler an event, since a handler may destroy
// its stream.

#include <cerrno>

#include "runtime/net/epoll_impl.hpp"

namespace themis::net {

EpollStream::EpollStream(EpollLoop::Impl& impl, Descriptor fd, StreamHandler& handler,
                         bool connecting)
    : impl_(impl), fd_(std::move(fd)), handler_(handler), connecting_(connecting) {
  mask_ = connecting_ ? uint32_t{EPOLLOUT} : uint32_t{EPOLLIN};
  impl_.control(EPOLL_CTL_ADD, fd_.get(), mask_, this);
}

EpollStream::~EpollStream() {
  impl_.timers.cancel(report_);
  impl_.forget(fd_.get(), this);
}

void EpollStream::update() {
  uint32_t mask = 0;
  if (connecting_ || writing_) mask |= EPOLLOUT;
  if (!connecting_ && reading_) mask |= EPOLLIN;
  // epoll reports a hang-up whatever the mask: a stream that cannot act on it leaves the set, or
  // the loop would spin.
  const bool watched = !broken_ && (!hung_up_ || reading_);
  if (watched == watched_ && mask == mask_) return;
  if (watched) {
    impl_.control(watched_ ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd_.get(), mask, this);
  } else if (watched_) {
    impl_.control(EPOLL_CTL_DEL, fd_.get(), 0, this);
  }
  watched_ = watched;
  mask_ = mask;
}

size_t EpollStream::write(ByteView data) {
  if (broken_) return data.size();
  if (connecting_) {
    writing_ = !data.empty();
    return 0;
  }
  size_t sent = 0;
  while (sent < data.size()) {
    const ssize_t n = send(fd_.get(), data.data() + sent, data.size() - sent, MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      // Reported from the loop, not from inside the caller's write.
      broken_ = true;
      const std::string text = system_error_text(errno);
      report_ = impl_.timers.add(TimePoint{}, [this, text] { closed({Code::unavailable, text}); });
      update();
      return data.size();
    }
    sent += static_cast<size_t>(n);
  }
  writing_ = sent < data.size();
  update();
  return sent;
}

void EpollStream::set_reading(bool reading) {
  reading_ = reading;
  update();
}

Address EpollStream::peer() const {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (getpeername(fd_.get(), reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
  return from_socket_address(storage);
}

void EpollStream::closed(Error why) {
  broken_ = true;
  update();
  handler_.on_closed(why);  // may destroy this
}

void EpollStream::finish_connect() {
  int error_number = 0;
  socklen_t length = sizeof error_number;
  getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error_number, &length);
  if (error_number != 0) return closed({Code::unavailable, system_error_text(error_number)});
  connecting_ = false;
  update();
  handler_.on_connected();
}

void EpollStream::read_once() {
  const ssize_t n = recv(fd_.get(), impl_.buffer.data(), impl_.buffer.size(), 0);
  if (n > 0) return handler_.on_data(std::span(impl_.buffer).first(static_cast<size_t>(n)));
  if (n == 0) return closed({Code::unavailable, "closed by the peer"});
  if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
    closed({Code::unavailable, system_error_text(errno)});
}

void EpollStream::on_events(uint32_t events) {
  if (broken_) return;
  if (connecting_) return finish_connect();
  // One kind of call per event: a handler may destroy the stream, and level-triggered epoll asks
  // again.
  if (reading_ && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) return read_once();
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
    std::byte next;
    if (recv(fd_.get(), &next, 1, MSG_PEEK) <= 0) return read_once();  // reports the end
    hung_up_ = true;
    return update();
  }
  if ((events & EPOLLOUT) != 0 && writing_) {
    writing_ = false;
    update();
    handler_.on_writable();
  }
}

}  // namespace themis::net
