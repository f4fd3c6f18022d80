#pragma once
// An actor whose answers are long.

#include "tests/unit/peer/peer_fixture.hpp"

namespace themis {

/// Answers to any request with a megabyte.
class BigServer final : public HostedActor {
 public:
  BigServer(caf::actor_config& config, Reactor& reactor, const MessageTypes& types)
      : HostedActor(config, reactor), types_(types) {}
  size_t asked = 0;

 private:
  void on_message(caf::mailbox_element& element) override {
    ++asked;
    reply(element, types_.message_of(echo_frame(1, 1'000'000)));
  }
  const MessageTypes& types_;
};

}  // namespace themis
