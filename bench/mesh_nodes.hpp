#pragma once
// A whole ring in this process: real nodes on hosts, each host with the sockets and sessions of a
// process of its own, over loopback TCP, spread over two reactor threads.

#include <deque>
#include <memory>

#include "actors/node/node_actor.hpp"
#include "actors/system/reactor_thread.hpp"

namespace themis::bench {

/// For one thread, which is none of its reactors'.
class MeshNodes {
 public:
  struct Options {
    size_t count = 32;
    size_t hosts = 32;  ///< Node i is on host i modulo hosts.
    bool encryption = true;
    size_t successors = 8;
    Duration update_period = 500ms;
  };
  explicit MeshNodes(const Options& options);
  ~MeshNodes();
  MeshNodes(const MeshNodes&) = delete;
  MeshNodes& operator=(const MeshNodes&) = delete;

  /// Starts every node: the first one as the ring, then the first of each host through it, then all
  /// others through any of those, a thousand at once. How long it took until all had joined, or
  /// nothing when it took longer than kFormMax.
  std::optional<Duration> start();
  /// Waits until all are where their ids call for: how long it took, or nothing as above.
  std::optional<Duration> wait_ideal() { return wait(&MeshNodes::is_ideal); }
  System& system() { return system_; }
  ReactorThread& thread(size_t i) { return *threads_[i]; }
  static constexpr size_t kThreads = 2;

  struct Node {
    Node(std::string_view network, Rng& rng) : identity(wire::Identity::generate(network, rng)) {}
    wire::Identity identity;
    Exports exports;
    HostedPtr<NodeActor> actor;
    size_t host = 0;
    size_t thread = 0;
  };
  /// Sessions in use between two hosts, counted at both ends. Any thread but the reactors'.
  size_t sessions();
  /// Asked by all nodes so far, those of their rounds too. Any thread but the reactors'.
  uint64_t questions();
  const std::deque<Node>& nodes() const { return nodes_; }

 private:
  Status open_hosts();
  /// Its bootstrap addresses are the first `doors` hosts.
  void start(Node& node, size_t doors);
  void start_from(size_t first, size_t last);
  static constexpr Duration kFormMax = 900s;
  using Is = bool (MeshNodes::*)(const Node&) const;
  std::optional<Duration> wait(Is is);
  bool is_joined(const Node& node) const;
  /// Its predecessor and successor are those that the ids call for.
  bool is_ideal(const Node& node) const;

  Options options_;
  System system_;
  SystemRng rng_;
  std::vector<std::unique_ptr<SystemRng>> rngs_;
  std::vector<std::unique_ptr<ReactorThread>> threads_;
  std::deque<Node> nodes_;
  std::vector<std::unique_ptr<PeerTable>> hosts_;  ///< Of their first nodes' identities.
  std::vector<net::Address> addresses_;            ///< Of the hosts.
  size_t started_ = 0;
  std::vector<const Node*> in_order_;  ///< Clockwise.
};

}  // namespace themis::bench
