#pragma once
// A server on loopback whose every byte the test reads and writes itself, with small buffers.

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <string>

#include "runtime/net/socket.hpp"

namespace themis {

/// One connection that was accepted. Blocks, for 30 s at most.
class LoopbackPeer {
 public:
  explicit LoopbackPeer(int fd) : socket_(fd) {
    const timeval most{.tv_sec = 30, .tv_usec = 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
  }
  /// All that came, up to `bytes` of it at once; empty: nothing more comes.
  std::string read(size_t bytes = 64 * 1024) {
    std::string out(bytes, '\0');
    const ssize_t got = recv(socket_.get(), out.data(), out.size(), 0);
    out.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return out;
  }
  /// Reads until there is `mark`, and answers all of it.
  std::string until(std::string_view mark) {
    std::string all;
    while (all.find(mark) == std::string::npos) {
      const std::string more = read();
      if (more.empty()) return all + " (closed)";
      all += more;
    }
    return all;
  }
  void write(std::string_view text) {
    ASSERT_EQ(send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  void close() { socket_ = net::Descriptor{}; }

 private:
  net::Descriptor socket_;
};

class LoopbackServer {
 public:
  LoopbackServer() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int small = 16 * 1024;
    setsockopt(listener_.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
    EXPECT_EQ(listen(listener_.get(), 16), 0);
    socklen_t size = sizeof at;
    EXPECT_EQ(getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&at), &size), 0);
    address_ = {"127.0.0.1", ntohs(at.sin_port)};
  }
  const net::Address& address() const { return address_; }
  std::string url(std::string_view path = "/") const {
    return "http://" + address_.text() + std::string(path);
  }
  LoopbackPeer accept() {
    EXPECT_TRUE(has_caller(30'000)) << "nobody connects";
    return LoopbackPeer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }
  bool has_caller(int ms = 0) {
    pollfd entry{listener_.get(), POLLIN, 0};
    return poll(&entry, 1, ms) == 1;
  }

 private:
  net::Descriptor listener_;
  net::Address address_;
};

}  // namespace themis
