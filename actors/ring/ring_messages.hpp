#pragma once
// What ring nodes ask each other, as plain bounded values; ring_codec.hpp has their form on the
// wire.

#include <optional>
#include <string>
#include <variant>

#include "actors/ring/record.hpp"
#include "actors/ring/ring_math.hpp"
#include "runtime/base/bytes.hpp"

namespace themis::ring {

/// Limits of every message, checked by the codec and kept by the ring.
/// The longest successor list any configuration may ask for.
inline constexpr size_t kSuccessorsMax = 16;
/// Contacts in one step: as many as a lookup asks at once.
inline constexpr size_t kCloserMax = 3;
/// A caller balances over these; 150 KB when each is as large as it may be.
inline constexpr size_t kRecordsPerReplyMax = 64;
/// One chunk: 8 KB of usual records, 42 KB of the largest.
inline constexpr size_t kHandOverEntriesMax = 16;
/// Copies of a name: k + 1, with k at most 7.
inline constexpr uint8_t kReplicasMax = 8;

/// Records named in one Summary: more than an object may have of them; 37 KB.
inline constexpr size_t kSummaryEntriesMax = 512;
/// Providers that one message says may be gone.
inline constexpr size_t kLostMax = 16;

struct FindNode {
  Point target;
  /// It is an object, wanted for its records: answered as GetObject is by the node responsible. Who
  /// is not may name as responsible whom it only believes to be: that one is to be asked in this
  /// way too.
  bool object = false;
};
struct GetObject {
  ObjectId object;
};
/// Copy `replica` of the object called record->name: object_id(name, replica).
struct Store {
  uint8_t replica = 0;
  RecordPtr record;
};
struct HandOver {
  std::vector<Store> entries;
};
struct GetNeighbours {};
struct Notify {
  Contact self;
  /// Who precedes it, the nearest first: by these the receiver knows whose objects it keeps.
  Contacts predecessors = {};
};
struct Leave {
  Contact self;
  Contacts successors;
};
struct Ping {};
/// Answered as GetObject is; until it expires, `self` is told of every change.
struct Watch {
  ObjectId object;
  Contact self;
};
struct Changed {
  ObjectId object;
  RecordPtrs records;
  bool over = false;  ///< The sender keeps the object no longer: it is to be watched elsewhere.
  /// Providers that the sender lost its session with: the receiver sees for itself.
  std::vector<NodeId> lost = {};
};
/// Whether the receiver keeps what the sender, whose range it is, keeps in (from, until].
struct Compare {
  Point from;
  Point until;
  crypto::Digest digest;  ///< digest_of(Summary) of it.
};
using Question = std::variant<FindNode, GetObject, Store, HandOver, GetNeighbours, Notify, Leave,
                              Ping, Watch, Changed, Compare>;

struct Ack {};
/// Answers a HandOver of which not all is kept: bit i stands for entry i.
struct Refused {
  uint16_t invalid = 0;  ///< Forged, say: the sender need not come back with these.
  uint16_t retry = 0;    ///< No room, or the ranges of the two nodes differ for a while.
};
static_assert(kHandOverEntriesMax <= 16, "a bit for each entry");
struct FindNodeReply {
  /// True: `contacts` starts with the node responsible for the target, its successors follow.
  /// False: the closest nodes before the target that the answering node knows, closest first.
  bool responsible = false;
  Contacts contacts;
};
/// Withdrawals are among them, so that the finder knows them from records it was not told of. To a
/// Store it says no: the newer record of that provider, with other content, which is kept.
struct GetObjectReply {
  RecordPtrs records;
  bool watched = false;  ///< To a Watch: its sender is told of changes; else it has to ask again.
};
/// Answers GetNeighbours and Notify.
struct Neighbours {
  std::optional<Contact> predecessor;
  Contacts successors;
};
/// One record, by what tells it from others. Without padding: it is hashed and sent as it is.
struct RecordName {
  ObjectId object;
  NodeId provider;
  uint64_t sequence = 0;
  friend bool operator==(const RecordName&, const RecordName&) = default;
};
static_assert(sizeof(RecordName) == 72);
/// Answers a Compare when the two differ: all that the answering node keeps of the range up to
/// `until`. Otherwise the answer is Ack.
struct Summary {
  Point until;
  std::vector<RecordName> entries;
};
using Reply = std::variant<Ack, Refused, FindNodeReply, GetObjectReply, Neighbours, Summary>;

}  // namespace themis::ring
