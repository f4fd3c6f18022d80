#pragma once
// Which addresses belong to the public Internet. Pure.

#include "runtime/net/address.hpp"

namespace themis::net {

/// False for whatever may be this machine, its network or nobody: unspecified, loopback, private,
/// link-local, carrier-grade NAT, multicast, broadcast, documentation, benchmarking, reserved, and
/// IPv6 addresses that carry such an IPv4 address. False for a host that is no address.
/// Source: the IANA registries of special-purpose addresses (RFC 6890).
bool is_public(const Address& address);

}  // namespace themis::net
