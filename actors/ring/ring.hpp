#pragma once
// One virtual node of the ring: join, update, find, store and leave as step(event) -> effects,
// without I/O.

#include "actors/ring/record_signer.hpp"
#include "actors/ring/record_summary.hpp"
#include "actors/ring/record_verifier.hpp"
#include "actors/ring/ring_effects.hpp"
#include "actors/ring/ring_state.hpp"
#include "actors/ring/routing_table.hpp"
#include "actors/ring/watch_table.hpp"
#include "runtime/base/rng.hpp"

namespace themis::ring {

/// Corrected Chord: successor lists, copied whole on join; a closer successor is adopted only after
/// it answered; a dead head is dropped and the list padded at once from the next one's; a silent
/// predecessor is asked before another takes its place. Source: Zave, IEEE TSE 43(12), 2017;
/// Themis paper, table 1. The proof assumes a base of r + 1 members that stay. With fewer, every
/// list holds all other members, and a newcomer may know one node only: when that node dies before
/// the next round, the newcomer is alone until it finds its ring through a bootstrap address again.
/// Nor does it cover an answer that is out of date when it arrives: when all r nodes of a list fail
/// while it travels, it replaces one with live entries (tests/models, plain_failure_rule).
/// One thread. Every event may add effects: the shell takes them after each call, answer()
/// included.
class Ring : public RingLimits {
 public:
  enum class State : uint8_t { idle, joining, joined, leaving, left };

  /// `identity` (who this node is, and what it signs its records with) and `rng` (its numbers only
  /// spread load and timers) outlive the ring.
  Ring(const wire::Identity& identity, net::Address address, RingOptions options, Rng& rng);
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

  /// Who is responsible for `target`? Ends with LookupDone: the first of the nodes has answered by
  /// itself. Errors: unavailable, overloaded.
  void lookup(const Point& target, uint64_t user, Moment at);
  /// Who provides `name`? Ends with FindDone. Errors: not_found, unavailable, overloaded.
  void find(std::string name, uint64_t user, Moment at);
  /// Announces that this node provides `name`, from now on; ends with StoreDone. Again: with
  /// another offer. Errors: malformed and too_large (check_form), overloaded, and what the last
  /// attempt failed with.
  void provide(std::string name, Offer offer, uint64_t user, Moment at);
  void withdraw(const std::string& name, Moment at);
  /// Tells with a WatchEvent who provides `name` now and, from then on, of every change: the
  /// responsible node tells it, and is asked again each refresh. Errors: overloaded.
  Status watch(std::string name, uint64_t user, Moment at);
  void unwatch(uint64_t user);
  /// The session to `peer` was lost (not drained, which both ends agree on): watches it held are
  /// asked for again, and who watches what it provides is told.
  void session_lost(const NodeId& peer, Moment at);
  /// Takes back what it provides, hands its objects over, tells both neighbours; ends with Left.
  void leave(Moment at);

  /// A question of the authenticated `peer`. Errors: denied, not_found (in no ring, or another node
  /// is responsible), and those of RecordVerifier::verify and ObjectTable::put. Takes no trust from
  /// the question's own words on who asks.
  Result<Reply> answer(const NodeId& peer, const Question& question, Moment at);

  /// What is to be done, in order; empties the list.
  Effects take_effects() { return std::exchange(effects_, {}); }

  State state() const { return state_; }
  const RoutingTable& table() const { return table_; }
  const ObjectTable& objects() const { return objects_; }
  size_t provided_count() const;
  uint64_t questions_asked() const { return questions_asked_; }  ///< Of peers, since it was made.

 private:
  using Then = Pending::Then;
  using ThenFound = OpenLookup::ThenFound;
  using ThenStored = OpenStore::Then;

  // ring.cpp: life cycle and the questions asked
  void begin(Moment at) { at_ = at; }
  void end();
  void ask(const Contact& to, Question question, Then then);
  void drop(const Contact& contact);
  void after_drop();
  void pad_successors();
  void on_silence(const Pending& pending);
  void suspect(const Contact& contact);
  bool is_suspect(const NodeId& id) const;
  bool is_sure() const { return at_.now >= sure_from_; }
  void join();
  void copy_neighbours(const Lookup::Found& found);
  void show_itself_to(const Contact& before);
  void join_failed(Error why);
  void withdraw_all();
  void say_goodbye();
  void set_next_update();
  Duration jitter(Duration base);
  // ring_update.cpp: one round of maintenance
  void update();
  void notify(const Contact& contact);
  void on_neighbours(const Contact& from, bool was_successor, const Result<Reply>& reply);
  void doubt_successors(const Contact& from, const Contacts& named);
  void meet_closer(const Contact& contact);
  void check_predecessor();
  void rectify(const std::optional<Contact>& instead);
  void refresh_finger();
  void look_finger_up(int bit);
  void look_for_other_ring();
  void set_predecessor(const std::optional<Contact>& contact);

  // ring_replicas.cpp: who keeps what
  std::optional<Contact> predecessor_at(size_t place) const;
  bool accepts(const Point& point) const;
  bool is_near(const NodeId& id) const;
  Contacts predecessors() const;
  Result<Change> keep(const ObjectId& object, const Store& store);
  void on_new_predecessor(const Contact& contact);
  void on_predecessors(const Contacts& told);
  void replicate();
  void push(const Contact& to, const std::vector<ObjectId>& objects);
  void push_next(const NodeId& to);
  void push_before_leaving();
  bool is_foreign(const ObjectId& object) const;
  void drop_foreign();
  void give(const std::vector<ObjectId>& objects, const ObjectId& first,
            const Lookup::Found& found);
  void drop_if_kept(const ObjectId& object, const Contact& owner);
  void drop_given(Push& push, const Refused& refused);

  // ring_repair.cpp: comparing with those that keep copies
  void repair();
  void compare_next(size_t place);
  void compare_from(size_t place, const Point& from);
  void even_out(const Contact& holder, Difference difference);
  void fetch(const ObjectId& object, const Contact& holder);

  // ring_find.cpp: lookups and finding
  void start_lookup(const Point& target, ThenFound then, Goal goal = Goal::owner);
  void enter_ring(const Contact& entry, ThenFound then);
  void open_lookup(OpenLookup lookup);
  void pump_lookup(uint64_t id);
  void ask_step(uint64_t id, size_t path, const Contact& contact);
  void begin_end(OpenLookup& lookup);
  void pump_end(uint64_t id);
  void find_next(uint64_t id);
  void try_names(Find& find, Goal goal);
  void get(uint64_t id, const ObjectId& object, Contacts holders);
  void take(uint64_t id, const ObjectId& object, const RecordPtrs& records, Contacts others);
  void merge(RecordPtrs& newest, const std::string& name, const RecordPtrs& records);
  void finish_find(uint64_t id, Result<Records> records);
  Contacts holders(const Lookup::Found& found) const;

  // ring_provide.cpp: what this node provides
  Record make_record(const std::string& name, const Offer& offer) const;
  void sign_all();
  void take_back(const std::vector<std::string>& names);
  void store_again(const NodeId& lost);
  void queue_due_stores();
  void pump_stores();
  void store_copy(const DueStore& due);
  void store_at(const Store& store, ThenStored then);
  void send_store(const Store& store, Contacts nodes, ThenStored then);
  void store_answered(uint64_t id, bool responsible, const NodeId& from, Result<Reply>& reply);
  void pass(const RecordPtrs& newer);
  void copy_stored(const DueStore& due, uint64_t generation, Stored result);

  // ring_watch.cpp: both sides of a watch
  void renew_watches();
  void ask_to_watch(uint64_t user);
  void watch_answered(uint64_t user, const NodeId& holder, const GetObjectReply* answer);
  void watched_changed(Watching& watching, const RecordPtrs& records,
                       const std::vector<NodeId>& lost = {});
  void share_with_watches(Find& find);
  void tell_watchers(const ObjectId& object, const RecordPtr& changed);
  void tell_lost(const NodeId& provider);
  void tell(const ObjectId& object, const Contact& watcher, const News& news, unsigned tries);
  void send_watchers_away(const ObjectId& object, const Then& then);

  // ring_answer.cpp
  Result<Reply> on(const NodeId& peer, const FindNode& question);
  Result<Reply> on(const NodeId& peer, const GetObject& question);
  Result<Reply> on(const NodeId& peer, const Store& question);
  Result<Reply> on(const NodeId& peer, const HandOver& question);
  Result<Reply> on(const NodeId& peer, const GetNeighbours& question);
  Result<Reply> on(const NodeId& peer, const Notify& question);
  Result<Reply> on(const NodeId& peer, const Leave& question);
  Result<Reply> on(const NodeId& peer, const Ping& question);
  Result<Reply> on(const NodeId& peer, const Watch& question);
  Result<Reply> on(const NodeId& peer, const Changed& question);
  Result<Reply> on(const NodeId& peer, const Compare& question);
  Reply stored_reply(Change change, const ObjectId& object, const Store& store) const;
  Neighbours neighbours() const { return {table_.predecessor(), table_.successors()}; }

  RingOptions options_;
  Rng& rng_;
  RecordSigner signer_;
  RecordVerifier verifier_;
  RoutingTable table_;
  ObjectTable objects_;
  State state_ = State::idle;
  Moment at_;
  Effects effects_;
  Contacts published_;
  uint64_t published_version_ = 0;

  uint64_t last_id_ = 0, questions_asked_ = 0;  ///< Ids: tokens, lookups, finds, generations.
  std::map<uint64_t, Pending> pending_;
  std::map<uint64_t, OpenLookup> lookups_;
  std::map<uint64_t, Find> finds_;

  std::vector<net::Address> bootstrap_;
  size_t next_bootstrap_ = 0;
  std::deque<Contact> remembered_;
  std::map<NodeId, TimePoint> suspects_;  ///< Until when.
  std::map<NodeId, TimePoint> heard_;     ///< When an entry of the table last spoke.
  Duration pace_, round_trip_{};          ///< Of the rounds, now; of questions, smoothed.
  TimePoint next_update_ = TimePoint::max(), leave_deadline_ = TimePoint::max();
  size_t taking_back_ = 0, leave_open_ = 0;  ///< Withdrawn copies that a leaving node waits for.
  unsigned round_ = 0, update_hops_ = 0;
  bool updating_ = false, checking_ = false, refreshing_ = false, merging_ = false;
  TimePoint predecessor_heard_{}, sure_from_{};  ///< Until `sure_from_` its successor is a guess.
  int next_finger_ = -1;
  /// A closer successor, of another ring perhaps; it is asked in the next round.
  std::optional<Contact> closer_;

  Contacts behind_;    ///< Before the predecessor, as it told, the nearest first.
  NodeId owned_from_;  ///< Where this node's range began last; itself: it never had a predecessor.
  std::map<NodeId, Push> pushes_;
  std::set<NodeId> replicated_;  ///< Successors that have all of this node's range.
  std::set<ObjectId> handed_;    ///< New here since the last round: they go on to others.
  Foreign foreign_;
  Repair repair_;

  std::map<std::string, Provided> provided_;
  Storing storing_;

  WatchTable watchers_;                                      ///< Of objects that this node keeps.
  std::map<uint64_t, Watching> watches_;                     ///< Of this node, by user.
  std::unordered_multimap<std::string, uint64_t> watching_;  ///< The users by name.
};

}  // namespace themis::ring
