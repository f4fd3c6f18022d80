#pragma once
// Many rings on the simulated world's clock and a transport that delays, loses and cuts off whole
// messages.

#include <memory>
#include <optional>
#include <set>
#include <unordered_map>

#include "actors/ring/ring.hpp"
#include "runtime/sim/world.hpp"

namespace themis::ring {

/// What the messages meet; may be changed between events.
struct MessageFaults {
  Duration latency_min = 1ms;
  Duration latency_max = 20ms;
  double loss = 0;        ///< Of a question or of its answer.
  double duplicates = 0;  ///< Of a question: it is answered twice, and both answers travel back.
};

struct Node {
  std::optional<wire::Identity> identity;
  NodeId id;
  sim::Host* host = nullptr;
  std::unique_ptr<Ring> ring;  ///< Empty: crashed or gone.
  std::unique_ptr<SeededRng> rng;
  uint64_t life = 0;
  net::TimerId timer = 0;
  TimePoint due = TimePoint::max();
  bool refuses = false;  ///< Crashed, and its machine says so.
  bool joined = false;
  bool left = false;
  std::set<NodeId> entries;  ///< As FingerAdded and FingerRemoved told.
};

/// A harness: hosts, rings and their wiring; calls `after_event` whenever the ring of a node has
/// taken a step.
class RingWorld {
 public:
  RingWorld(uint64_t seed, size_t nodes, RingOptions options = {});

  sim::World& world() { return world_; }
  MessageFaults& faults() { return faults_; }
  size_t size() const { return nodes_.size(); }
  Node& node(size_t i) { return *nodes_[i]; }
  Ring& ring(size_t i) { return *nodes_[i]->ring; }
  size_t index_of(const NodeId& id) const { return by_id_.at(id); }
  bool lives(size_t i) const { return nodes_[i]->ring != nullptr; }

  /// Starts node i; node 0 without a bootstrap starts the ring.
  void start(size_t i, std::vector<size_t> bootstrap);
  /// `vanish`: questions to it time out. `reset`: who knows it sees its session break, and
  /// questions are refused.
  void crash(size_t i, sim::Crash how = sim::Crash::vanish);
  void leave(size_t i);
  void cut(size_t from, size_t to) { cut_.emplace(from, to); }
  void partition(const std::set<size_t>& side);
  void heal() { cut_.clear(); }

  void provide(size_t i, const std::string& name);
  /// What node i is told about `name`, by `user`, goes to `watched`.
  void watch(size_t i, const std::string& name, uint64_t user);
  /// Begins an operation of node i; its number.
  uint64_t begin_lookup(size_t i, const Point& target);
  uint64_t begin_find(size_t i, const std::string& name);
  /// The outcome, once: nothing while it lasts.
  std::optional<Result<Contacts>> lookup_ended(uint64_t user);
  std::optional<Result<Records>> find_ended(uint64_t user);
  /// Runs until the operation of node i has ended.
  Result<Contacts> lookup(size_t i, const Point& target);
  Result<Records> find(size_t i, const std::string& name);

  /// Live members, in order of their ids.
  std::vector<size_t> members() const;
  /// The member that should be responsible for `target`.
  size_t responsible(const Point& target) const;
  /// Every member's predecessor and successor list are those of the perfect ring.
  bool is_ideal() const;
  std::string describe() const;
  /// Runs until is_ideal(), at most `rounds` update periods; the rounds it took, or nothing.
  std::optional<size_t> rounds_to_ideal(size_t rounds);

  std::function<void(size_t)> after_event = [](size_t) {};
  /// What node i says instead of its ring; nothing: its ring answers. Code::timeout: it is silent.
  std::function<std::optional<Result<Reply>>(size_t, const Question&)> liar;
  uint64_t stored = 0;
  uint64_t store_failures = 0;
  uint64_t asks = 0;
  std::map<uint64_t, std::vector<Records>> watched;  ///< By user, in order.
  std::vector<unsigned> hops;

 private:
  Contact contact(size_t i) const;
  Moment moment(size_t i) const;
  std::optional<size_t> at(const net::Address& address) const;
  void drain(size_t i);
  void apply(size_t i, const Effect& effect);
  void send(size_t i, const Ask& ask);
  void arrive(size_t i, size_t to, const Ask& ask, uint64_t life);
  void finish(size_t i, const Ask& ask, const NodeId& from, Result<Reply> reply);
  void schedule(size_t i);
  bool is_lost(size_t from, size_t to);
  Duration latency();

  sim::World world_;
  MessageFaults faults_;
  RingOptions options_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::map<net::Address, size_t> by_address_;
  std::unordered_map<NodeId, size_t, RingIdHash> by_id_;
  std::set<std::pair<size_t, size_t>> cut_;
  std::map<uint64_t, Result<Contacts>> lookups_;
  std::map<uint64_t, Result<Records>> finds_;
  uint64_t last_user_ = 0;
};

/// What must hold whatever happens: lists in order, without duplicates, without the node itself.
/// Empty when all is well.
std::string broken_list(RingWorld& world);
/// Zave's invariants, which hold as long as no member lost all of its successors and no live node
/// was taken for dead: every member has a live successor, there is exactly one ordered ring, and
/// all members reach it. Empty when all is well.
std::string broken_ring(RingWorld& world);

}  // namespace themis::ring
