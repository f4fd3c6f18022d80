#pragma once
// One virtual node of the ring: join, update, find, store and leave as step(event) -> effects,
// without I/O.

#include <deque>
#include <functional>
#include <map>

#include "actors/node/lookup.hpp"
#include "actors/node/object_table.hpp"
#include "actors/node/ring_effects.hpp"
#include "actors/node/routing_table.hpp"
#include "runtime/base/rng.hpp"

namespace themis::ring {

/// Corrected Chord: successor lists, copied whole on join; a closer successor is adopted only after
/// it answered; a dead head is dropped and the list padded at once from the next one's; a silent
/// predecessor is asked before another takes its place. Source: Zave, IEEE TSE 43(12), 2017;
/// Themis paper, table 1. The proof assumes a base of r + 1 members that stay. With fewer, every
/// list holds all other members, and a newcomer may know one node only: when that node dies before
/// the next round, the newcomer is alone until it finds its ring through a bootstrap address again.
/// One thread. Every event may add effects: the shell takes them after each call, answer()
/// included.
class Ring {
 public:
  static constexpr uint8_t kRedundancyMax = 7;
  /// Names of one node; times k + 1 it stays in the quota.
  static constexpr size_t kProvidedMax = 1024;
  /// Open at once; beyond it callers get overloaded.
  static constexpr size_t kLookupsMax = 4096;
  /// So that a refresh of all names is no burst.
  static constexpr size_t kStoresInFlightMax = 64;
  /// Nodes that one update walks past (many joins at one place).
  static constexpr unsigned kUpdateHopsMax = 32;
  /// Rounds between two looks for a ring split off from this one.
  static constexpr unsigned kMergeRounds = 10;
  /// Lost contacts through which such a ring is looked for.
  static constexpr size_t kRememberedMax = 16;
  /// A predecessor silent for these is asked; a suspicion and a copy already handed over last them.
  static constexpr unsigned kSilentRounds = 3;
  static constexpr size_t kSuspectsMax = 64;

  enum class State : uint8_t { idle, joining, joined, leaving, left };

  /// `rng` outlives the ring; its numbers only spread load and timers.
  Ring(Contact self, RingOptions options, Rng& rng);
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  /// Joins through any of `bootstrap`; without one (other than this node itself) starts a ring of
  /// its own.
  void start(std::vector<net::Address> bootstrap, Moment at);
  /// Called at next_wakeup() or later; sooner does nothing.
  void tick(Moment at);
  TimePoint next_wakeup() const;
  /// The outcome of an Ask. `from`: the identity that answered, with a reply or a Failure; zero
  /// when nobody did. Unknown tokens are ignored.
  void answered(uint64_t token, const NodeId& from, Result<Reply> reply, Moment at);
  /// The session to a peer is lost and could not be opened again.
  void unreachable(const NodeId& id, Moment at);

  /// Who is responsible for `target`? Ends with LookupDone. Errors: unavailable, overloaded.
  void lookup(const Point& target, uint64_t user, Moment at);
  /// Who provides `name`? Ends with FindDone. Errors: not_found, unavailable, overloaded.
  void find(std::string name, uint64_t user, Moment at);
  /// Announces that this node provides `name`, from now on; ends with StoreDone. Again: with
  /// another payload. Errors: malformed (name, payload), overloaded, and what the last attempt
  /// failed with.
  void provide(std::string name, Bytes payload, uint64_t user, Moment at);
  void withdraw(const std::string& name, Moment at);
  /// Takes back what it provides, hands its objects over, tells both neighbours; ends with Left.
  void leave(Moment at);

  /// A question of the authenticated `peer`. Errors: unavailable (not in a ring), denied, not_found
  /// (another node is responsible), and those of ObjectTable::put. Takes no trust from the
  /// question's own words on who asks.
  Result<Reply> answer(const NodeId& peer, const Question& question, Moment at);

  /// What is to be done, in order; empties the list.
  Effects take_effects() { return std::exchange(effects_, {}); }

  State state() const { return state_; }
  const RoutingTable& table() const { return table_; }
  const ObjectTable& objects() const { return objects_; }
  size_t provided_count() const { return provided_.size(); }

 private:
  using Then = std::function<void(const NodeId& from, Result<Reply>&)>;
  using ThenFound = std::function<void(Result<Lookup::Found>)>;
  struct Pending {
    Contact to;
    TimePoint asked;
    Then then;
  };
  struct OpenLookup {
    Lookup lookup;
    ThenFound then;
  };
  struct Find {
    uint64_t user = 0;
    std::string name;
    std::vector<uint8_t> replicas;  ///< Still to be tried, the next one last.
    bool answered = false;          ///< Some responsible node said that it has none.
  };
  struct Copy {
    TimePoint due{};
    bool queued = false;  ///< Waiting or being stored.
    bool tried = false;
  };
  struct Provided {
    Bytes payload;
    uint64_t generation = 0;
    std::vector<Copy> copies;
    std::optional<uint64_t> user;  ///< Waits for StoreDone.
    bool stored = false;
  };
  struct DueStore {
    std::string name;
    uint8_t replica = 0;
  };

  // ring.cpp: life cycle and the questions asked
  void begin(Moment at) { at_ = at; }
  void end();
  void ask(const Contact& to, Question question, Then then);
  void drop(const Contact& contact);
  void after_drop();
  void pad_successors();
  void store_again_soon();
  void on_silence(const Pending& pending);
  void suspect(const Contact& contact);
  bool is_suspect(const NodeId& id) const;
  void join();
  void copy_neighbours(const Lookup::Found& found);
  void join_failed(Error why);
  void withdraw_all();
  void say_goodbye();
  Duration jitter(Duration base);

  // ring_update.cpp: one round of maintenance
  void update();
  void notify(const Contact& contact);
  void on_neighbours(const Contact& from, bool was_successor, const Result<Reply>& reply);
  void check_predecessor();
  void rectify(const std::optional<Contact>& instead);
  void refresh_finger();
  void look_for_other_ring();
  void set_predecessor(const std::optional<Contact>& contact);
  void hand_over();
  std::vector<Store> next_chunk(std::vector<ObjectId>& finished);
  void on_handed_over(const std::vector<ObjectId>& finished, bool ok);
  void drop_retired();

  // ring_find.cpp: lookups, finding and storing
  void start_lookup(const Point& target, ThenFound then);
  void enter_ring(const Contact& entry, ThenFound then);
  void run_lookup(Lookup lookup, ThenFound then);
  void pump_lookup(uint64_t id);
  void find_next(uint64_t id);
  void get(uint64_t id, const ObjectId& object, Contacts holders);
  void finish_find(uint64_t id, Result<Records> records);
  void queue_due_stores();
  void pump_stores();
  void store_copy(const DueStore& due);
  void store_at(const Store& store, std::function<void(Status)> then);
  void copy_stored(const DueStore& due, uint64_t generation, Status status);
  Record make_record(const std::string& name, const Bytes& payload);

  // ring_answer.cpp
  Result<Reply> on(const NodeId& peer, const FindNode& question);
  Result<Reply> on(const NodeId& peer, const GetObject& question);
  Result<Reply> on(const NodeId& peer, const Store& question);
  Result<Reply> on(const NodeId& peer, const HandOver& question);
  Result<Reply> on(const NodeId& peer, const GetNeighbours& question);
  Result<Reply> on(const NodeId& peer, const Notify& question);
  Result<Reply> on(const NodeId& peer, const Leave& question);
  Result<Reply> on(const NodeId& peer, const Ping& question);
  Neighbours neighbours() const { return {table_.predecessor(), table_.successors()}; }

  RingOptions options_;
  Rng& rng_;
  RoutingTable table_;
  ObjectTable objects_;
  State state_ = State::idle;
  Moment at_;
  Effects effects_;
  Contacts published_;
  uint64_t published_version_ = 0;

  uint64_t last_id_ = 0;  ///< Of tokens, lookups, finds and generations.
  std::map<uint64_t, Pending> pending_;
  std::map<uint64_t, OpenLookup> lookups_;
  std::map<uint64_t, Find> finds_;

  std::vector<net::Address> bootstrap_;
  size_t next_bootstrap_ = 0;
  std::deque<Contact> remembered_;
  std::map<NodeId, TimePoint> suspects_;  ///< Until when.
  std::map<NodeId, TimePoint> heard_;     ///< When an entry of the table last spoke.
  TimePoint next_update_ = TimePoint::max();
  TimePoint leave_deadline_ = TimePoint::max();
  size_t leave_open_ = 0;
  unsigned round_ = 0;
  bool updating_ = false;
  unsigned update_hops_ = 0;
  bool checking_ = false;
  TimePoint predecessor_heard_{};
  bool refreshing_ = false;
  int next_finger_ = -1;
  bool merging_ = false;
  /// A closer successor in another ring.
  std::optional<Contact> other_ring_;

  std::deque<ObjectId> hand_over_queue_;
  size_t hand_over_offset_ = 0;
  bool handing_over_ = false;
  /// The range shrank since the queue was filled, or a chunk was refused.
  bool misplaced_ = false;
  std::deque<std::pair<TimePoint, ObjectId>> retired_;

  std::map<std::string, Provided> provided_;
  std::deque<DueStore> due_stores_;
  size_t stores_in_flight_ = 0;
  bool pumping_stores_ = false;
  uint64_t last_sequence_ = 0;
};

}  // namespace themis::ring
