#pragma once
// What drives a Ring and what it wants done: limits, options, the moment of an event, effects.

#include "actors/ring/object_table.hpp"
#include "actors/ring/ring_messages.hpp"
#include "runtime/base/clock.hpp"

namespace themis::ring {

/// What a Ring may have, and how long it believes what.
struct RingLimits {
  static constexpr uint8_t kRedundancyMax = kReplicasMax - 1;
  /// Names of one node; times k + 1 it stays in the quota.
  static constexpr size_t kProvidedMax = 1024;
  /// Open at once; beyond it callers get overloaded.
  static constexpr size_t kLookupsMax = 4096;
  /// Open at once; each has at most one question open, or one lookup.
  static constexpr size_t kFindsMax = kLookupsMax;
  /// Questions open, past which no lookup and no find begins: what a node asks on its own is far
  /// less, and all of it is bounded by the limits here and those of WatchTable.
  static constexpr size_t kPendingMax = 65'536;
  /// So that a refresh of all names, or taking them back, is no burst.
  static constexpr size_t kStoresInFlightMax = 64;
  /// Nodes that get objects at once: neighbours, and those that were a moment ago.
  static constexpr size_t kPushesMax = 64;
  /// Nodes that one update walks past (many joins at one place).
  static constexpr unsigned kUpdateHopsMax = 32;
  /// Rounds between two looks for a ring split off from this one.
  static constexpr unsigned kMergeRounds = 10;
  /// Lost contacts through which such a ring is looked for.
  static constexpr size_t kRememberedMax = 16;
  /// A predecessor silent for these is asked; a suspicion and a copy already handed over last them.
  static constexpr unsigned kSilentRounds = 3;
  /// Rounds in one update period while entries of the table come and go; half as many with each one
  /// that changes nothing.
  static constexpr int kHaste = 8;
  /// Where answers take long, as the machines have too much to do, a question waits four times as
  /// long as answers take, at most so many times its usual timeout; rounds come at most as often as
  /// an answer takes twice. Else a busy node is taken for a dead one, which makes more work.
  static constexpr int kPatience = 4;
  static constexpr int kTimeoutsMax = 8;
  static constexpr size_t kDisjointPathsMax = 16;  ///< As many as there are entries to start from.
  static constexpr size_t kSuspectsMax = 64;
  /// Names that this node watches for the actors of its process.
  static constexpr size_t kWatchesMax = 1024;
};

struct RingOptions {
  /// Between two rounds of maintenance, with a jitter of a quarter either way.
  Duration update_period = 500ms;
  Duration ask_timeout = 1s;  ///< For one question, where answers do not take long.
  /// After this a leaving node is gone, whoever has not answered.
  Duration leave_timeout = 1500ms;
  /// Records are stored again this often and expire after three times that.
  Duration refresh = 30s;
  uint8_t redundancy = 2;  ///< k: k + 1 objects per name; at most kRedundancyMax.
  /// r. With eight, half of the nodes may fail at once, and four liars in a row cut off nobody.
  size_t successors = 8;
  /// Successors of the responsible node that keep each object too; at most `successors` of them do.
  size_t replicas = 2;
  /// Another node of its process answers at this node's address: it may be joined through.
  bool shares_address = false;
  /// Lookups run over so many paths that share no node, and ask around at the end: 1 trusts every
  /// node of the ring; at most kDisjointPathsMax.
  size_t disjoint_paths = 1;
  /// Where else this node listens: at most kAddressesMax - 1.
  std::vector<net::Address> more_addresses;
  ObjectLimits objects;
};

/// When an event happens: monotonic and wall time, both from the loop.
struct Moment {
  TimePoint now;
  int64_t wall_ms = 0;
};

/// Ask `to`; report the outcome once with Ring::answered. A zero id in `to`: whoever answers at
/// that address.
struct Ask {
  uint64_t token = 0;
  Contact to;
  Question question;
  Duration timeout{};
};
/// `nodes`: the responsible node, then its successors.
struct LookupDone {
  uint64_t user = 0;
  Result<Contacts> nodes;
  unsigned hops = 0;
};
struct FindDone {
  uint64_t user = 0;
  Result<Records> records;
};
/// The name is stored in one place at least; the node goes on refreshing it until it is withdrawn.
struct StoreDone {
  uint64_t user = 0;
  Status status;
};
/// What a watched name has now: after watch(), and whenever a provider came, went or changed what
/// it says. May be empty. `lost`: providers among them that may be gone, as somebody's session with
/// them broke.
struct WatchEvent {
  uint64_t user = 0;
  Records records;
  std::vector<NodeId> lost = {};
};
/// A contact entered or left the routing table: the shell hosts an actor for each.
struct FingerAdded {
  Contact contact;
};
struct FingerRemoved {
  NodeId id;
};
struct Joined {};
/// For the log; the node tries again by itself.
struct JoinFailed {
  Error why;
};
struct Left {};
using Effect = std::variant<Ask, LookupDone, FindDone, StoreDone, WatchEvent, FingerAdded,
                            FingerRemoved, Joined, JoinFailed, Left>;
using Effects = std::vector<Effect>;

}  // namespace themis::ring
