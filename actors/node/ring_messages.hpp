#pragma once
// What ring nodes ask each other, as plain bounded values; ring_codec.hpp has their form on the
// wire.

#include <optional>
#include <string>
#include <variant>

#include "actors/node/contact.hpp"
#include "actors/node/ring_math.hpp"
#include "runtime/base/bytes.hpp"

namespace themis::ring {

/// Limits of every message, checked by the codec and kept by the ring.
inline constexpr size_t kNameBytesMax = 128;  ///< A service or function name.
/// A function's id, version and flags with room to spare.
inline constexpr size_t kPayloadBytesMax = 512;
/// The longest successor list any configuration may ask for.
inline constexpr size_t kSuccessorsMax = 16;
/// Contacts in one step: as many as a lookup asks at once.
inline constexpr size_t kCloserMax = 3;
inline constexpr size_t kRecordsPerReplyMax =
    64;  ///< A caller balances over these; 48 KB at worst.
inline constexpr size_t kHandOverEntriesMax = 16;  ///< One chunk stays below a 16 KB record.

/// Says that `provider` serves the object called `name`.
struct Record {
  std::string name;
  Contact provider;
  uint64_t sequence = 0;   ///< The newest of a provider wins.
  int64_t expires_ms = 0;  ///< Wall clock; 0: the provider takes the object back.
  Bytes payload;           ///< For the provider's use.
  friend bool operator==(const Record&, const Record&) = default;
};
using Records = std::vector<Record>;

struct FindNode {
  Point target;
};
struct GetObject {
  ObjectId object;
};
struct Store {
  ObjectId object;
  Record record;
};
struct HandOver {
  std::vector<Store> entries;
};
struct GetNeighbours {};
struct Notify {
  Contact self;
};
struct Leave {
  Contact self;
  std::optional<Contact> predecessor;
  Contacts successors;
};
struct Ping {};
using Question =
    std::variant<FindNode, GetObject, Store, HandOver, GetNeighbours, Notify, Leave, Ping>;

struct Ack {};
struct FindNodeReply {
  /// True: `contacts` starts with the node responsible for the target, its successors follow.
  /// False: the closest nodes before the target that the answering node knows, closest first.
  bool responsible = false;
  Contacts contacts;
};
struct GetObjectReply {
  Records records;
};
/// Answers GetNeighbours and Notify.
struct Neighbours {
  std::optional<Contact> predecessor;
  Contacts successors;
};
using Reply = std::variant<Ack, FindNodeReply, GetObjectReply, Neighbours>;

}  // namespace themis::ring
