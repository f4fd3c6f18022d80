#pragma once
// A host and port as text and as a socket address.

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/error.hpp"

namespace themis::net {

/// A numeric IPv4 or IPv6 address with a port. Text forms: "127.0.0.1:7001", "[::1]:7001";
/// "localhost" means 127.0.0.1. Addresses are compared, so a host that was parsed, received or
/// taken from a socket has one text: the shortest in lower case, and IPv4 for an IPv4 address that
/// IPv6 carries ("::ffff:127.0.0.1").
struct Address {
  std::string host;
  uint16_t port = 0;

  /// `host`: a numeric address in any spelling, without brackets. Errors: malformed.
  static Result<Address> from_host(std::string_view host, uint16_t port);

  /// Errors: malformed, with what is wrong: `"127.0.0.1" has no port`.
  static Result<Address> parse(std::string_view text);
  std::string text() const;
  /// What one holder usually has, to count callers by: an IPv4 address, or the /64 around an IPv6
  /// one.
  std::string site() const;
  /// Of this machine: 127.0.0.0/8 or ::1.
  bool is_loopback() const;
  friend auto operator<=>(const Address&, const Address&) = default;
};

}  // namespace themis::net
