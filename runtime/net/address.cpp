#include "runtime/net/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace themis::net {

Result<Address> Address::parse(std::string_view text) {
  const std::string quoted = '"' + std::string(text) + '"';
  const size_t colon = text.rfind(':');
  const bool bracketed = !text.empty() && text.front() == '[';
  if (colon == std::string_view::npos || (bracketed && text[colon - 1] != ']'))
    return fail(Code::malformed, quoted + " has no port");
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size())
    return fail(Code::malformed, quoted + " has no valid port (0 to 65535)");
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!bracketed && host == "localhost") host = "127.0.0.1";
  const bool is_six = host.find(':') != host.npos;
  auto address = from_host(host, port);
  if (!address || is_six != bracketed)
    return fail(Code::malformed, quoted + " is not a numeric IPv4 or [IPv6] address with a port");
  return address;
}

Result<Address> Address::from_host(std::string_view host, uint16_t port) {
  const std::string text(host);
  in6_addr six;
  in_addr four;
  const bool whole = host.find('\0') == host.npos;
  const bool is_six = whole && inet_pton(AF_INET6, text.c_str(), &six) == 1;
  if (is_six && IN6_IS_ADDR_V4MAPPED(&six)) {
    std::memcpy(&four, six.s6_addr + 12, sizeof four);
  } else if (!is_six && (!whole || inet_pton(AF_INET, text.c_str(), &four) != 1)) {
    return fail(Code::malformed, "a host that is no numeric address");
  }
  const bool prints_six = is_six && !IN6_IS_ADDR_V4MAPPED(&six);
  const void* raw = prints_six ? static_cast<const void*>(&six) : &four;
  char canonical[INET6_ADDRSTRLEN] = {};
  inet_ntop(prints_six ? AF_INET6 : AF_INET, raw, canonical, sizeof canonical);
  return Address{canonical, port};
}

std::string Address::text() const {
  const bool six = host.find(':') != std::string::npos;
  return (six ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

std::string Address::site() const {
  in6_addr raw;
  if (inet_pton(AF_INET6, host.c_str(), &raw) != 1) return host;
  char text[INET6_ADDRSTRLEN] = {};
  if (IN6_IS_ADDR_V4MAPPED(&raw)) return inet_ntop(AF_INET, raw.s6_addr + 12, text, sizeof text);
  std::fill_n(raw.s6_addr + 8, 8, uint8_t{0});
  return std::string(inet_ntop(AF_INET6, &raw, text, sizeof text)) + "/64";
}

bool Address::is_loopback() const { return host == "::1" || site().starts_with("127."); }

}  // namespace themis::net
