#include "bench/floor.hpp"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include <atomic>
#include <thread>

#include "runtime/base/bytes.hpp"
#include "runtime/net/socket.hpp"

namespace themis::bench {
namespace {

constexpr size_t kBufferBytes = 64 * 1024;

struct Pair {
  net::Descriptor client, server;
};

Pair connected_pair() {
  net::Descriptor listener = net::open_listener({"127.0.0.1", 0}).value();
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  getsockname(listener.get(), reinterpret_cast<sockaddr*>(&bound), &length);
  net::Descriptor client = net::open_connection(net::from_socket_address(bound)).value();
  net::Descriptor server;
  while (!server.valid())
    server = net::Descriptor(accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK));
  net::set_no_delay(server.get());
  return {std::move(client), std::move(server)};
}

/// Blocks in epoll_wait as an event loop does, then reads once.
class Reader {
 public:
  explicit Reader(int fd) : fd_(fd), epoll_(epoll_create1(0)), buffer_(kBufferBytes) {
    epoll_event event{};
    event.events = EPOLLIN;
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd_, &event);
  }
  /// 0 when the other side closed.
  size_t read() {
    for (;;) {
      epoll_event event;
      epoll_wait(epoll_.get(), &event, 1, -1);
      const ssize_t n = recv(fd_, buffer_.data(), buffer_.size(), 0);
      if (n >= 0) return static_cast<size_t>(n);
    }
  }
  void read_exactly(size_t bytes) {
    while (bytes > 0) {
      const size_t n = read();
      if (n == 0) return;
      bytes -= std::min(n, bytes);
    }
  }

 private:
  int fd_;
  net::Descriptor epoll_;
  Bytes buffer_;
};

void write_all(int fd, ByteView data) {
  while (!data.empty()) {
    const ssize_t n = send(fd, data.data(), data.size(), MSG_NOSIGNAL);
    if (n > 0)
      data = data.subspan(static_cast<size_t>(n));
    else if (errno != EAGAIN)
      return;
  }
}

double ping_pong(const Options& options) {
  Pair pair = connected_pair();
  std::thread echo([&] {
    Reader reader(pair.server.get());
    const Bytes message(options.bytes);
    size_t pending = 0;
    while (const size_t n = reader.read()) {
      for (pending += n; pending >= options.bytes; pending -= options.bytes)
        write_all(pair.server.get(), message);
    }
  });
  Reader reader(pair.client.get());
  const Bytes message(options.bytes);
  std::vector<double> samples;
  const SystemClock clock;
  const TimePoint end = clock.now() + std::chrono::duration_cast<Duration>(
                                          std::chrono::duration<double>(options.seconds / 2));
  for (TimePoint start = clock.now(); start < end;) {
    write_all(pair.client.get(), message);
    reader.read_exactly(options.bytes);
    const TimePoint done = clock.now();
    samples.push_back(to_us(done - start));
    start = done;
  }
  shutdown(pair.client.get(), SHUT_RDWR);
  echo.join();
  return quantile(samples, 0.5);
}

double one_way(const Options& options) {
  Pair pair = connected_pair();
  std::atomic<uint64_t> received{0};
  std::thread sink([&] {
    Reader reader(pair.server.get());
    while (const size_t n = reader.read()) received += n;
  });
  // As many messages in one write as a session puts into one record.
  const Bytes batch(std::max<size_t>(1, 16'384 / options.bytes) * options.bytes);
  const SystemClock clock;
  const TimePoint start = clock.now();
  const TimePoint end = start + std::chrono::duration_cast<Duration>(
                                    std::chrono::duration<double>(options.seconds / 2));
  while (clock.now() < end) write_all(pair.client.get(), batch);
  const double seconds = std::chrono::duration<double>(clock.now() - start).count();
  const double rate = static_cast<double>(received / options.bytes) / seconds;
  shutdown(pair.client.get(), SHUT_RDWR);
  sink.join();
  return rate;
}

}  // namespace

double process_cpu_s() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Floor measure_floor(const Options& options) { return {ping_pong(options), one_way(options)}; }

}  // namespace themis::bench
