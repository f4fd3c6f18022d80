#pragma once
// Objects on their way to another node, a chunk at a time, none forgotten before it is
// acknowledged.

#include <map>

#include "actors/ring/object_table.hpp"

namespace themis::ring {

/// A pure value; one chunk is open at a time. An object waits once however often it is added, so
/// there are at most as many as the table has.
class PushQueue {
 public:
  /// Attempts at one chunk after which the rest is left to the providers' next refresh: a new
  /// neighbour needs a few rounds until it knows who is around it.
  static constexpr unsigned kTriesMax = 10;
  /// Rounds that an object that is to be sent again waits at most; the first time one, then twice
  /// as many each time, until it expires.
  static constexpr unsigned kWaitRoundsMax = 64;

  void add(const std::vector<ObjectId>& objects, const ObjectTable& table);
  /// The next chunk, or again the one that failed; empty: the rest waits for the next round.
  std::vector<Store> next(const ObjectTable& table, int64_t wall_ms);
  /// The open chunk was answered. Returns the objects that the receiver now has as a whole; those
  /// of Refused::retry are sent again from the next round on.
  std::vector<ObjectId> acknowledged(const Refused& refused);
  /// Nobody said which of the open chunk's entries are kept: it is sent again.
  void failed() { ++tries_; }
  void next_round();
  bool empty() const { return items_.empty(); }
  bool gave_up() const { return tries_ >= kTriesMax; }

 private:
  struct Item {
    NodeId after;            ///< The last provider whose record was acknowledged; zero: none.
    bool invalid = false;    ///< Something of it was.
    bool retry = false;      ///< Something of it is to be sent again.
    unsigned next_wait = 1;  ///< Rounds to wait when that happens again.
    unsigned waits = 0;      ///< Rounds.
  };
  /// What the open chunk has of one object: its entries first .. first + count - 1.
  struct Part {
    ObjectId object;
    NodeId last;
    size_t first = 0;
    size_t count = 0;
    bool whole = false;  ///< It ends with the object's last record.
  };

  std::map<ObjectId, Item> items_;
  std::vector<Part> open_;
  ObjectId sent_;  ///< The last object of the last chunk: all get their turn, round and round.
  unsigned tries_ = 0;
};

}  // namespace themis::ring
