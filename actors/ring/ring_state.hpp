#pragma once
// What a Ring remembers of the operations that it has under way.

#include <deque>
#include <functional>
#include <map>

#include "actors/ring/lookup.hpp"
#include "actors/ring/neighbourhood.hpp"
#include "actors/ring/push_queue.hpp"
#include "runtime/base/clock.hpp"

namespace themis::ring {

/// A question that was asked.
struct Pending {
  using Then = std::function<void(const NodeId& from, Result<Reply>&)>;
  Contact to;
  TimePoint asked;
  Then then;
};
/// What a lookup is for: to ask the responsible node something next, which need not be it by then;
/// to know that node, which has to answer by itself; to ask it for an object, which it gives only
/// while it is responsible, so that it may be a guess.
enum class Goal : uint8_t { owner, confirmed_owner, object };
struct OpenLookup {
  using ThenFound = std::function<void(Result<Lookup::Found>)>;
  Point target;
  std::vector<Lookup> paths;         ///< Over nodes that no two of them share.
  std::set<NodeId> asked;            ///< On all paths.
  std::optional<Neighbourhood> end;  ///< Once all paths have ended.
  bool confirm = false;              ///< `end` is wanted though a path found a node.
  bool own_ring = true;              ///< Else `end` is not for this node to settle.
  bool object = false;               ///< Who is said to be responsible may be a guess.
  ThenFound then;
};
struct Find {
  uint64_t user = 0;
  std::string name;
  Goal goal = Goal::owner;        ///< Object: whoever may be responsible is asked.
  std::vector<uint8_t> replicas;  ///< Still to be tried, the next one last.
  RecordPtrs newest;              ///< Of each provider, withdrawals too.
  bool answered = false;          ///< Some responsible node said that it has none.
};
struct Copy {
  TimePoint due{};
  bool queued = false;  ///< Waiting or being stored.
  bool tried = false;
  unsigned incomplete = 0;      ///< Attempts in a row that a successor has not acknowledged.
  std::vector<NodeId> holders;  ///< Who acknowledged it last.
  TimePoint hastened{};         ///< When one of them was lost last.
};
/// How a store ended.
struct Stored {
  Status status;       ///< What the responsible node said.
  bool whole = false;  ///< Its successors have it too.
  std::vector<NodeId> holders;
};
struct Provided {
  Offer offer;
  RecordPtr record;  ///< As signed last.
  uint64_t generation = 0;
  std::vector<Copy> copies;
  std::optional<uint64_t> user;  ///< Waits for StoreDone.
  bool stored = false;
  /// Taken back: stays until all copies of the withdrawal are stored, or it expires.
  bool withdrawn = false;
};
struct DueStore {
  std::string name;
  uint8_t replica = 0;
};
/// One record on its way to the nodes that keep it.
struct OpenStore {
  using Then = std::function<void(Stored)>;
  size_t open = 0;
  Stored stored;
  Then then;
};
/// What of Provided is on its way.
struct Storing {
  std::deque<DueStore> due;
  size_t in_flight = 0;
  bool pumping = false;
  std::map<uint64_t, OpenStore> open;
  TimePoint next_signing = TimePoint::max();
};
struct Push {
  Contact to;
  PushQueue queue;
  uint64_t open_chunk = 0;   ///< 0: none is open.
  std::set<ObjectId> given;  ///< Others keep these: they go once they have arrived.
};
/// Objects here that other nodes keep now.
struct Foreign {
  bool due = false;           ///< There may be some.
  bool giving = false;        ///< A lookup asks who keeps some of them.
  std::optional<Point> from;  ///< Those up to here had their turn.
  TimePoint settled{};        ///< When the nodes before this one changed last.
};
/// The comparison with one of those that keep copies of this node's range.
struct Repair {
  TimePoint due{};    ///< When the next one begins.
  bool open = false;  ///< A question is.
  size_t chunks = 0;  ///< Summaries compared.
  size_t repaired = 0;
};
/// What a watcher is told beside all that there is.
struct News {
  RecordPtr changed;         ///< Comes first.
  std::vector<NodeId> lost;  ///< Providers.
};
/// A name that somebody here watches.
struct Watching {
  uint64_t user = 0;
  std::string name;
  uint8_t replica = 0;
  ObjectId object;  ///< That copy, whose holder tells of changes.
  NodeId holder;    ///< Zero: none has answered yet.
  TimePoint due{};  ///< When the watch is asked for (again).
  bool asking = false;
  RecordPtrs newest;               ///< Of each provider, withdrawals too.
  std::optional<RecordPtrs> told;  ///< The live ones, by provider, as of the last WatchEvent.
};

}  // namespace themis::ring
