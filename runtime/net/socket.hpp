#pragma once
// Thin owners over socket descriptors and socket addresses.

#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "runtime/net/address.hpp"

namespace themis::net {

/// Owns a file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// Errors: invalid, when the host is not numeric.
Result<SocketAddress> to_socket_address(const Address& address);
/// The empty address for families other than IPv4 and IPv6 (a socketpair).
Address from_socket_address(const sockaddr_storage& storage);

/// A listening, non-blocking TCP socket. Errors: io, with the address and the reason.
Result<Descriptor> open_listener(const Address& address);
/// A non-blocking TCP socket that connects, or has connected. Errors: io.
Result<Descriptor> open_connection(const Address& to);
/// No Nagle delay: records are whole when they are written.
void set_no_delay(int fd);
/// "address already in use" for EADDRINUSE, in lower case.
std::string system_error_text(int error_number);

}  // namespace themis::net
