#include "runtime/net/public_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace themis::net {
namespace {

using Bytes16 = std::array<uint8_t, 16>;

struct Range4 {
  uint32_t first;
  int bits;
};
constexpr std::array kSpecial4 = {
    Range4{0x00000000, 8},   // "this network"
    Range4{0x0A000000, 8},   // private
    Range4{0x64400000, 10},  // carrier-grade NAT
    Range4{0x7F000000, 8},   // loopback
    Range4{0xA9FE0000, 16},  // link-local, where clouds keep their metadata
    Range4{0xAC100000, 12},  // private
    Range4{0xC0000000, 24},  // protocol assignments
    Range4{0xC0000200, 24},  // documentation
    Range4{0xC0586300, 24},  // 6to4 relays
    Range4{0xC0A80000, 16},  // private
    Range4{0xC6120000, 15},  // benchmarking
    Range4{0xC6336400, 24},  // documentation
    Range4{0xCB007100, 24},  // documentation
    Range4{0xE0000000, 4},   // multicast
    Range4{0xF0000000, 4},   // reserved, and the broadcast address
};

bool is_public4(uint32_t address) {
  return std::ranges::none_of(kSpecial4, [address](const Range4& range) {
    return (address ^ range.first) >> (32 - range.bits) == 0;
  });
}

uint32_t load4(const uint8_t* at) {
  return uint32_t{at[0]} << 24 | uint32_t{at[1]} << 16 | uint32_t{at[2]} << 8 | at[3];
}

bool begins(const Bytes16& address, std::initializer_list<uint8_t> prefix) {
  return std::equal(prefix.begin(), prefix.end(), address.begin());
}

/// Global unicast is 2000::/3; of that, what is special or carries an IPv4 address.
bool is_public6(const Bytes16& address) {
  if (begins(address, {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0}))  // NAT64
    return is_public4(load4(&address[12]));
  if ((address[0] & 0xe0) != 0x20) return false;
  if (begins(address, {0x20, 0x02})) return is_public4(load4(&address[2]));  // 6to4
  if (begins(address, {0x20, 0x01}) && address[2] < 2) return false;         // Teredo, ORCHID, ...
  if (begins(address, {0x20, 0x01, 0x0d, 0xb8})) return false;               // documentation
  return !(begins(address, {0x3f, 0xff}) && address[2] < 0x10);              // documentation
}

}  // namespace

bool is_public(const Address& address) {
  uint8_t four[4];
  if (inet_pton(AF_INET, address.host.c_str(), four) == 1) return is_public4(load4(four));
  Bytes16 six;
  if (inet_pton(AF_INET6, address.host.c_str(), six.data()) != 1) return false;
  return is_public6(six);
}

}  // namespace themis::net
