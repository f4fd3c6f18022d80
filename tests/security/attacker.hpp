#pragma once
// A blocking socket in an attacker's hands, and the handshake done by hand.

#include <gtest/gtest.h>
#include <poll.h>

#include "runtime/net/socket.hpp"
#include "wire/handshake.hpp"
#include "wire/message.hpp"

namespace themis::security {

class Attacker {
 public:
  /// Connects, from `host` if one is given.
  explicit Attacker(const net::Address& to, const std::string& host = "") {
    const net::SocketAddress address = net::to_socket_address(to).value();
    fd_ = net::Descriptor(socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!host.empty()) {
      const net::SocketAddress from = net::to_socket_address({host, 0}).value();
      EXPECT_EQ(bind(fd_.get(), from.get(), from.length), 0);
    }
    EXPECT_EQ(connect(fd_.get(), address.get(), address.length), 0) << strerror(errno);
  }

  bool send(ByteView bytes) {
    return ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  /// Exactly `count` bytes; fewer when the victim closed or said nothing for 20 s.
  Bytes receive(size_t count) {
    Bytes bytes(count);
    size_t got = 0;
    while (got < count && readable()) {
      const ssize_t n = recv(fd_.get(), bytes.data() + got, count - got, 0);
      if (n <= 0) break;
      got += static_cast<size_t>(n);
    }
    bytes.resize(got);
    return bytes;
  }
  /// Reads to the end. False when it is still open after 20 s.
  bool closed() {
    std::byte buffer[4096];
    while (readable()) {
      const ssize_t n = recv(fd_.get(), buffer, sizeof buffer, 0);
      if (n <= 0) return true;
      after_ += static_cast<size_t>(n);
    }
    return false;
  }
  /// Bytes that came while closed() waited.
  size_t received_before_the_end() const { return after_; }

  /// The three messages, with a retry if the victim asks for one. Nothing when the victim does not
  /// answer.
  std::optional<wire::Established> shake_hands(const wire::Identity& self, Rng& rng) {
    wire::Handshake handshake = wire::Handshake::initiator({.self = &self}, rng);
    first = handshake.start();
    if (!send(first)) return std::nullopt;
    Bytes second = receive(wire::kFrameHeaderBytes);
    if (second.size() != wire::kFrameHeaderBytes) return std::nullopt;
    if (second[0] == std::byte{static_cast<uint8_t>(wire::FrameType::retry)}) {
      append(second, receive(wire::kCookieBytes));
      const Result<Bytes> again = handshake.step(second);
      if (!again || !send(*again)) return std::nullopt;
      second = receive(wire::kFrameHeaderBytes);
    }
    append(second, receive(wire::kHandshake2Bytes - wire::kFrameHeaderBytes));
    const Result<Bytes> third = handshake.step(second);
    if (!third || !send(*third)) return std::nullopt;
    return handshake.take();
  }
  Bytes first;  ///< Message 1 as it was sent.

 private:
  bool readable() {
    pollfd wait{fd_.get(), POLLIN, 0};
    return poll(&wait, 1, 20'000) == 1;
  }
  net::Descriptor fd_;
  size_t after_ = 0;
};

/// A message's header and payload as plaintext, whatever they say.
inline Bytes plain_message(const wire::MessageHeader& header, ByteView payload) {
  Bytes bytes(wire::MessageHeader::kBytes);
  header.write(bytes.data());
  append(bytes, payload);
  return bytes;
}

}  // namespace themis::security
