#pragma once
// Who a node is and where it listens.

#include <vector>

#include "runtime/net/address.hpp"
#include "wire/ids.hpp"

namespace themis::ring {

/// A zero id means "whoever answers at this address": only bootstrap questions have one.
struct Contact {
  NodeId id;
  net::Address address;
  friend bool operator==(const Contact&, const Contact&) = default;
};

using Contacts = std::vector<Contact>;

}  // namespace themis::ring
