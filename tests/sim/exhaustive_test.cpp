// Every interleaving, within bounds, of the real Ring of four nodes, r = 2: three form a ring, the
// fourth joins, and leaves or crashes. Lookup steps are answered in one go; notifications, copied
// lists, pings and goodbyes travel, overtake each other and, to the dead, time out.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <unordered_set>

#include "actors/ring/ring.hpp"
#include "runtime/sim/event_queue.hpp"

namespace themis::ring {
namespace {

constexpr size_t kNodes = 4;
constexpr size_t kNewcomer = 3;
constexpr size_t kStatesMax = 30'000;  ///< Breadth first: all orders of as many events as printed.
constexpr unsigned kRoundsMax = 1;     ///< Of each node, after the newcomer has started.

const std::vector<wire::Identity>& identities() {
  static const std::vector<wire::Identity> all = [] {
    SeededRng rng(1);
    std::vector<wire::Identity> out;
    for (size_t i = 0; i < kNodes; ++i) out.push_back(wire::Identity::generate("small", rng));
    return out;
  }();
  return all;
}

/// A question on its way, or its answer on the way back.
struct Travelling {
  size_t asker = 0;
  size_t asked = 0;
  Ask ask;
  std::optional<Result<Reply>> answer;
};

class SmallWorld {
 public:
  SmallWorld() {
    for (size_t i = 0; i < kNodes; ++i) {
      rngs_.push_back(std::make_unique<SeededRng>(i));
      rings_.push_back(std::make_unique<Ring>(identities()[i], address(i), options(), *rngs_[i]));
    }
    for (size_t i = 0; i < kNewcomer; ++i) {
      start(i);
      for (int round = 0; round < 4; ++round)
        for (size_t j = 0; j <= i; ++j) {
          tick(j);
          while (!travelling_.empty()) deliver(0);
        }
    }
    rounds_.fill(0);
  }

  /// What may happen next, in a fixed order: each travelling message arrives, each node has a
  /// round, the newcomer starts, leaves, crashes.
  size_t choices() const { return travelling_.size() + kNodes + 3; }
  bool apply(size_t choice) {
    if (choice < travelling_.size()) return deliver(choice), true;
    choice -= travelling_.size();
    if (choice < kNodes) {
      if (!rings_[choice] || rounds_[choice] >= kRoundsMax || !started_) return false;
      if (rings_[choice]->state() == Ring::State::idle) return false;
      return tick(choice), true;
    }
    if (choice == kNodes) return !started_ && (start(kNewcomer), true);
    if (!started_ || gone_ || !is_member(kNewcomer) || !may_go()) return false;
    gone_ = true;
    if (choice == kNodes + 1) {
      rings_[kNewcomer]->leave(moment());
      take(kNewcomer);
    } else {
      rings_[kNewcomer].reset();
    }
    return true;
  }

  std::string broken() const {
    for (size_t i = 0; i < kNodes; ++i) {
      if (!is_member(i)) continue;
      const RoutingTable& table = rings_[i]->table();
      const NodeId* last = &table.self().id;
      for (const Contact& next : table.successors()) {
        if (!is_between(*last, next.id, table.self().id)) return "a list is out of order";
        last = &next.id;
      }
      if (best(i) == kNodes) return "a member has no live successor";
    }
    size_t at = 0;
    for (size_t hop = 0; hop < kNodes; ++hop) at = best(at);
    std::set<size_t> ring;
    size_t wraps = 0;
    for (; ring.insert(at).second; at = best(at))
      if (id(best(at)) <= id(at)) ++wraps;
    if (wraps != 1) return "the ring is not one ordered circle";
    for (size_t i = 0; i < kNewcomer; ++i)
      if (!ring.contains(i)) return "a member of the base is not in the ring";
    return {};
  }

  /// Of all that can be seen from outside: tables, states and what travels; times are not in it.
  uint64_t hash() const {
    sim::Trace whole;
    for (size_t i = 0; i < kNodes; ++i) {
      whole.mix(rounds_[i]);
      whole.mix(rings_[i] ? static_cast<uint64_t>(rings_[i]->state()) : 99);
      if (!rings_[i]) continue;
      const RoutingTable& table = rings_[i]->table();
      mix(whole, table.successors());
      if (table.predecessor()) mix(whole, {*table.predecessor()});
    }
    std::vector<uint64_t> messages;
    for (const Travelling& message : travelling_) messages.push_back(hash(message));
    std::ranges::sort(messages);
    for (const uint64_t message : messages) whole.mix(message);
    whole.mix(started_ ? 1 : 0);
    whole.mix(gone_ ? 1 : 0);
    return whole.value();
  }
  bool newcomer_joined() const { return is_member(kNewcomer); }
  bool newcomer_gone() const { return gone_; }

 private:
  static RingOptions options() {
    RingOptions options;
    options.successors = 2;
    options.replicas = 0;
    options.redundancy = 0;
    return options;
  }
  static net::Address address(size_t i) { return {"10.0.0." + std::to_string(i + 1), 7001}; }
  static const NodeId& id(size_t i) { return identities()[i].id(); }
  static size_t index(const Contact& contact) {
    for (size_t i = 0; i < kNodes; ++i)
      if (address(i) == contact.address) return i;
    return kNodes;
  }
  static void mix(sim::Trace& trace, const Contacts& contacts) {
    trace.mix(contacts.size());
    for (const Contact& contact : contacts) trace.mix(index(contact));
  }
  static uint64_t hash(const Travelling& message) {
    sim::Trace trace;
    trace.mix(message.asker * kNodes + message.asked);
    trace.mix(message.ask.question.index());
    if (const auto* notify = std::get_if<Notify>(&message.ask.question))
      mix(trace, notify->predecessors);
    if (!message.answer) return trace.value();
    trace.mix(message.answer->has_value() ? 1 + (*message.answer)->index() : 0);
    if (const auto* around =
            *message.answer ? std::get_if<Neighbours>(&**message.answer) : nullptr) {
      mix(trace, around->successors);
      if (around->predecessor) mix(trace, {*around->predecessor});
    }
    return trace.value();
  }

  Moment moment() const { return {now_, 1'000'000 + to_ms(now_.time_since_epoch())}; }
  bool is_member(size_t i) const { return rings_[i] && rings_[i]->state() == Ring::State::joined; }
  /// The first live successor; itself when it is alone; kNodes: none.
  size_t best(size_t i) const {
    const Contacts& successors = rings_[i]->table().successors();
    if (successors.empty()) return i;
    for (const Contact& next : successors)
      if (is_member(index(next))) return index(next);
    return kNodes;
  }
  /// Zave's rule: everybody keeps a live successor without the newcomer.
  bool may_go() const {
    for (size_t i = 0; i < kNewcomer; ++i) {
      const Contacts& list = rings_[i]->table().successors();
      if (std::ranges::all_of(list, [](const Contact& c) { return index(c) == kNewcomer; }))
        return false;
    }
    return true;
  }

  void start(size_t i) {
    started_ = i == kNewcomer;
    rings_[i]->start(i == 0 ? std::vector<net::Address>{} : std::vector{address(0)}, moment());
    take(i);
  }
  void tick(size_t i) {
    ++rounds_[i];
    if (rings_[i]->next_wakeup() != TimePoint::max())
      now_ = std::max(now_, rings_[i]->next_wakeup());
    rings_[i]->tick(moment());
    take(i);
  }
  void take(size_t i) {
    for (const Effect& effect : rings_[i]->take_effects()) {
      const auto* ask = std::get_if<Ask>(&effect);
      if (ask == nullptr) continue;
      const Travelling message{i, index(ask->to), *ask, {}};
      if (std::holds_alternative<FindNode>(ask->question)) {
        finish(message, answer_of(message));
      } else {
        travelling_.push_back(message);
      }
    }
  }
  Result<Reply> answer_of(const Travelling& message) {
    if (!rings_[message.asked]) return fail(Code::timeout, "nobody");
    Result<Reply> reply =
        rings_[message.asked]->answer(id(message.asker), message.ask.question, moment());
    take(message.asked);
    return reply;
  }
  void finish(const Travelling& message, Result<Reply> reply) {
    if (!rings_[message.asker]) return;
    const bool silent = !reply && reply.error().code == Code::timeout;
    rings_[message.asker]->answered(message.ask.token, silent ? NodeId{} : id(message.asked),
                                    std::move(reply), moment());
    take(message.asker);
  }
  void deliver(size_t at) {
    Travelling message = std::move(travelling_[at]);
    travelling_.erase(travelling_.begin() + static_cast<std::ptrdiff_t>(at));
    if (message.answer) return finish(message, *message.answer);
    message.answer = answer_of(message);
    if (rings_[message.asker]) travelling_.push_back(std::move(message));
  }

  TimePoint now_ = TimePoint{} + 1h;
  std::vector<std::unique_ptr<SeededRng>> rngs_;
  std::vector<std::unique_ptr<Ring>> rings_;
  std::vector<Travelling> travelling_;
  std::array<unsigned, kNodes> rounds_{};
  bool started_ = false;
  bool gone_ = false;
};

TEST(RingExhaustive, FourNodesKeepTheInvariantsInEveryOrderOfEvents) {
  struct Open {
    std::vector<size_t> path;
    size_t choices = 0;
  };
  std::unordered_set<uint64_t> seen;
  std::deque<Open> open{{{}, SmallWorld().choices()}};
  size_t joined = 0, gone = 0;
  while (!open.empty() && seen.size() < kStatesMax) {
    const Open from = std::move(open.front());
    open.pop_front();
    for (size_t choice = 0; choice < from.choices; ++choice) {
      SmallWorld world;
      for (const size_t before : from.path) world.apply(before);
      if (!world.apply(choice) || !seen.insert(world.hash()).second) continue;
      std::vector<size_t> path = from.path;
      path.push_back(choice);
      ASSERT_EQ(world.broken(), "") << testing::PrintToString(path);
      joined += world.newcomer_joined();
      gone += world.newcomer_gone();
      open.push_back({std::move(path), world.choices()});
    }
  }
  std::printf(
      "exhaustive: %zu states, %zu with the newcomer joined, %zu with it gone; all orders of "
      "%zu events\n",
      seen.size(), joined, gone, open.empty() ? 0 : open.front().path.size());
  EXPECT_GT(joined, 100u);
  EXPECT_GT(gone, 100u);
}

}  // namespace
}  // namespace themis::ring
