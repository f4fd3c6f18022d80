#pragma once
// A real node's door on loopback: peer table, reactor and epoll loop in a thread of their own, and
// one actor behind it.

#include <gtest/gtest.h>

#include <caf/all.hpp>
#include <future>

#include "actors/peer/peer_table.hpp"
#include "actors/system/reactor_thread.hpp"
#include "rpc.capnp.h"

namespace themis::security {

using EchoMsg = wire::Msg<schema::Echo>;
inline constexpr std::string_view kNetwork = "fortress";

inline EchoMsg make_echo(uint64_t sequence, size_t bytes = 8) {
  wire::Builder<schema::Echo> echo(bytes / 8 + 8);
  echo->setSequence(sequence);
  echo->initPayload(static_cast<unsigned>(bytes));
  return echo.finish();
}

/// Answers requests and counts everything.
class Echo final : public HostedActor {
 public:
  Echo(caf::actor_config& config, Reactor& reactor) : HostedActor(config, reactor) {}
  size_t received = 0;

 private:
  void on_message(caf::mailbox_element& element) override {
    ++received;
    reply(element, caf::make_message(element.content().get_as<EchoMsg>(0)));
  }
};

/// One process: the victim, or a good peer that wants its answers.
class Node {
 public:
  explicit Node(const SessionTimes& times = {})
      : identity_(wire::Identity::generate(kNetwork, rng_)), thread_(system_) {
    in_loop([&] {
      table.emplace(thread_.reactor(), identity_, true, rng_, system_.types(), exports_, times);
      echo = spawn_hosted<Echo>(thread_.reactor());
      exports_.add("echo", echo.strong());
    });
  }
  ~Node() {
    in_loop([this] {
      table.reset();
      echo.reset();
      exports_ = {};
    });
  }
  void in_loop(const std::function<void()>& work) { thread_.in_loop(work); }
  net::Address listen(const std::string& host = "127.0.0.1") {
    net::Address address;
    in_loop([&] {
      EXPECT_TRUE(table->listen({host, 0}));
      address = table->address();
    });
    return address;
  }
  const NodeId& id() const { return identity_.id(); }

  /// Waits for a session with the victim. Errors: those of PeerTable::open.
  Status open(const Node& victim, const net::Address& address) {
    std::promise<Status> outcome;
    in_loop([&] {
      table->open(victim.id(), address, [&](const Result<PeerLink>& link) {
        if (link) proxy_ = link->proxy(Exports::target_of("echo"));
        outcome.set_value(link ? Status{} : fail(link.error()));
      });
    });
    return outcome.get_future().get();
  }
  /// Asks over that session, and is answered.
  void expect_answer() {
    caf::scoped_actor self{system_.caf()};
    self->request(proxy_, std::chrono::seconds(20), make_echo(7))
        .receive([](const EchoMsg& answer) { EXPECT_EQ(answer.view()->getSequence(), 7u); },
                 [](const caf::error& error) { FAIL() << describe(error); });
  }
  void hang_up() { proxy_ = nullptr; }

  // What a test looks at in_loop.
  std::optional<PeerTable> table;
  HostedPtr<Echo> echo;

 private:
  SystemRng rng_;
  wire::Identity identity_;
  System system_;
  Exports exports_;
  caf::actor proxy_;
  ReactorThread thread_;
};

}  // namespace themis::security
