#pragma once
// Two processes with peer tables, on simulated hosts.

#include "actors/peer/peer_table.hpp"
#include "tests/unit/peer/peer_fixture.hpp"

namespace themis {

/// A process whose sessions a peer table keeps.
struct Node final : Process {
  Node(System& with, sim::Host& on, uint64_t seed, std::string_view network = "sessions",
       bool encryption = true, SessionTimes times = {}, const PeerLimits& limits = {})
      : Process(with, on, network, seed),
        table(reactor, identity, encryption, rng, system.types(), exports, times, limits) {
    table.set_lost([this](const NodeId& peer, const Error&) { lost.push_back(peer); });
  }
  /// The outcome lands in `outcomes`.
  void open(const NodeId& peer, const net::Address& to) {
    ++asked;
    table.open(peer, to, [this](const Result<PeerLink>& link) {
      outcomes.push_back(link ? Result<NodeId>(link->peer()) : fail(link.error()));
    });
  }
  void open(const Node& other) { open(other.identity.id(), other.address()); }
  size_t sessions_in_use() const {
    size_t count = 0;
    for (const SessionActor* session : table.sessions())
      count += session->state() == SessionActor::State::open;
    return count;
  }
  PeerTable table;
  size_t asked = 0;
  std::vector<Result<NodeId>> outcomes;
  std::vector<NodeId> lost;
};

/// Connects and says nothing.
struct Silent final : net::StreamHandler {
  void on_data(std::span<std::byte>) override {}
  void on_closed(const Error&) override { closed = true; }
  std::unique_ptr<net::Stream> stream;
  bool closed = false;
};

struct Nodes {
  explicit Nodes(uint64_t seed = 1, const SessionTimes& times = {}, const PeerLimits& limits = {})
      : world(seed),
        a(system, world.add_host("10.0.0.1"), seed + 1, "sessions", true, times, limits),
        b(system, world.add_host("10.0.0.2"), seed + 2, "sessions", true, times, limits) {}
  ~Nodes() {
    a.table.close_all();
    b.table.close_all();
  }
  void in(Process& process, const std::function<void()>& work) { run_in(world, process, work); }
  bool until(const std::function<bool()>& done, Duration limit = 10min) {
    return world.run_until(done, limit);
  }
  void listen() {
    in(a, [&] { ASSERT_TRUE(a.table.listen(a.address())); });
    in(b, [&] { ASSERT_TRUE(b.table.listen(b.address())); });
  }
  /// Opens a session from `from` to `to` and waits until both ends have it.
  void connect(Node& from, Node& to) {
    in(from, [&] { from.open(to); });
    ASSERT_TRUE(until([&] {
      return from.table.find(to.identity.id()) != nullptr &&
             to.table.find(from.identity.id()) != nullptr;
    }));
  }
  System system{System::Scheduling::virtual_time};
  sim::World world;
  Node a, b;
};

}  // namespace themis
