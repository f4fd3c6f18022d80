#include "bench/mesh_nodes.hpp"

#include <algorithm>
#include <caf/all.hpp>

namespace themis::bench {
namespace {

constexpr std::string_view kNetwork = "bench";
/// Started in one posted task: more would hold the reactor, and the sessions of those before.
constexpr size_t kStartsPerTask = 8;
/// Nodes that join at once: with all of 10,000 the questions of one wait for those of the others
/// until both give up.
constexpr size_t kWave = 1000;

}  // namespace

MeshNodes::MeshNodes(const Options& options) : options_(options) {
  for (size_t i = 0; i < kThreads; ++i) {
    rngs_.push_back(std::make_unique<SystemRng>());
    threads_.push_back(std::make_unique<ReactorThread>(system_));
  }
  for (size_t i = 0; i < options.count; ++i) {
    Node& node = nodes_.emplace_back(kNetwork, rng_);
    node.host = i % options.hosts;
    node.thread = node.host % kThreads;
    in_order_.push_back(&node);
  }
  std::sort(in_order_.begin(), in_order_.end(),
            [](const Node* a, const Node* b) { return a->identity.id() < b->identity.id(); });
}

MeshNodes::~MeshNodes() {
  for (size_t t = 0; t < kThreads; ++t)
    threads_[t]->in_loop([&] {
      for (size_t h = t; h < hosts_.size(); h += kThreads) hosts_[h]->close_all();
      for (Node& node : nodes_) {
        if (node.thread != t || !node.actor) continue;
        caf::anon_send_exit(node.actor.handle(), caf::exit_reason::kill);
        node.actor.reset();
        node.exports = {};
      }
      for (size_t h = t; h < hosts_.size(); h += kThreads) hosts_[h].reset();
    });
  for (auto& thread : threads_) thread->stop();
}

void MeshNodes::start(Node& node, size_t doors) {
  NodeOptions options;
  options.identity = &node.identity;
  options.peers = hosts_[node.host].get();
  if (&node != &nodes_.front()) {
    for (size_t h = 0; h < doors; ++h) {
      options.bootstrap.push_back(addresses_[h]);
      options.pinned.emplace(addresses_[h], nodes_[h].identity.id());
    }
    options.ring.shares_address = true;
  }
  options.ring.update_period = options_.update_period;
  options.ring.successors = options_.successors;
  options.types = &system_.types();
  options.exports = &node.exports;
  options.rng = rngs_[node.thread].get();
  node.actor = spawn_hosted<NodeActor>(threads_[node.thread]->reactor(), std::move(options));
  const Status started = node.actor->start();
  THEMIS_ASSERT(started, "a node listens on loopback");
}

/// The first `hosts` nodes are the ones whose identities shake hands.
Status MeshNodes::open_hosts() {
  for (size_t h = 0; h < std::min(options_.hosts, nodes_.size()); ++h) {
    const Node& node = nodes_[h];
    Status listens;
    threads_[node.thread]->in_loop([&] {
      hosts_.push_back(std::make_unique<PeerTable>(threads_[node.thread]->reactor(), node.identity,
                                                   options_.encryption, *rngs_[node.thread],
                                                   system_.types(), node.exports));
      listens = hosts_.back()->listen({"127.0.0.1", 0});
      if (listens) addresses_.push_back(hosts_.back()->address());
    });
    THEMIS_CHECK(listens);
  }
  return {};
}

size_t MeshNodes::sessions() {
  size_t count = 0;
  for (size_t h = 0; h < hosts_.size(); ++h)
    threads_[h % kThreads]->in_loop([&] {
      for (const SessionActor* session : hosts_[h]->sessions())
        count += session->state() == SessionActor::State::open;
    });
  return count / 2;
}

uint64_t MeshNodes::questions() {
  uint64_t count = 0;
  for (size_t t = 0; t < kThreads; ++t)
    threads_[t]->in_loop([&] {
      for (const Node& node : nodes_)
        if (node.thread == t && node.actor) count += node.actor->ring().questions_asked();
    });
  return count;
}

std::optional<Duration> MeshNodes::start() {
  const TimePoint begun = SystemClock{}.now();
  const Status open = open_hosts();
  THEMIS_ASSERT(open, "hosts listen on loopback");
  threads_[0]->in_loop([&] { start(nodes_.front(), 1); });
  start_from(1, hosts_.size());
  if (!wait(&MeshNodes::is_joined)) return std::nullopt;
  for (size_t first = hosts_.size(); first < nodes_.size(); first += kWave) {
    start_from(first, std::min(first + kWave, nodes_.size()));
    if (!wait(&MeshNodes::is_joined)) return std::nullopt;
  }
  return SystemClock{}.now() - begun;
}

/// Nodes `first` to `last`, in tasks that are posted to both threads.
void MeshNodes::start_from(size_t first, size_t last) {
  started_ = last;
  const size_t doors = first < hosts_.size() ? 1 : hosts_.size();
  for (size_t i = first; i < last; i += kStartsPerTask * kThreads)
    for (size_t t = 0; t < kThreads; ++t)
      threads_[t]->loop().post([this, i, t, last, doors] {
        for (size_t n = i; n < std::min(i + kStartsPerTask * kThreads, last); ++n)
          if (nodes_[n].thread == t) start(nodes_[n], doors);
      });
}

std::optional<Duration> MeshNodes::wait(Is is) {
  const TimePoint start = SystemClock{}.now();
  for (size_t t = 0; t < kThreads; ++t) {
    const bool formed = threads_[t]->wait_until(kFormMax, [&] {
      const auto end = nodes_.begin() + static_cast<std::ptrdiff_t>(started_);
      return std::all_of(nodes_.begin(), end, [&](const Node& node) {
        return node.thread != t || (node.actor && (this->*is)(node));
      });
    });
    if (!formed) return std::nullopt;
  }
  return SystemClock{}.now() - start;
}

bool MeshNodes::is_joined(const Node& node) const {
  return node.actor->ring().state() == ring::Ring::State::joined;
}

bool MeshNodes::is_ideal(const Node& node) const {
  const size_t count = in_order_.size();
  const auto at = std::lower_bound(
      in_order_.begin(), in_order_.end(), &node,
      [](const Node* a, const Node* b) { return a->identity.id() < b->identity.id(); });
  const auto place = static_cast<size_t>(at - in_order_.begin());
  const ring::RoutingTable& table = node.actor->ring().table();
  return table.successor().id == in_order_[(place + 1) % count]->identity.id() &&
         table.predecessor() &&
         table.predecessor()->id == in_order_[(place + count - 1) % count]->identity.id();
}

}  // namespace themis::bench
