#pragma once
// Names to addresses, by the system's resolver, which blocks: an actor with a thread of its own.

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/event_based_actor.hpp>
#include <string>
#include <vector>

#include "runtime/net/address.hpp"

namespace themis {

/// -> Addresses, at least one, at most kAddressesMax. Errors: not_found.
struct ResolveName {
  std::string host;
  uint16_t port = 0;
};
struct Addresses {
  std::vector<net::Address> list;
};

/// To be spawned detached.
class NameResolver final : public caf::event_based_actor {
 public:
  static constexpr size_t kAddressesMax = 8;
  explicit NameResolver(caf::actor_config& config) : caf::event_based_actor(config) {}
  const char* name() const override { return "name-resolver"; }

 private:
  caf::behavior make_behavior() override;
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::ResolveName)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::Addresses)
