#pragma once
// Objects on their way to another node, a chunk at a time, none forgotten before it is
// acknowledged.

#include "actors/node/object_table.hpp"

namespace themis::ring {

/// A pure value; one chunk is open at a time.
class PushQueue {
 public:
  /// Refusals of one chunk after which the rest is left to the providers' next refresh: a new
  /// neighbour needs a few rounds until it knows who is around it.
  static constexpr unsigned kTriesMax = 10;

  void add(const std::vector<ObjectId>& objects);
  /// The next chunk, or again the one that failed; empty: all is acknowledged.
  std::vector<Store> next(const ObjectTable& table, int64_t wall_ms);
  void acknowledged();
  void refused() { ++tries_; }
  bool gave_up() const { return tries_ >= kTriesMax; }

 private:
  struct Place {
    size_t object = 0;
    size_t record = 0;
  };
  std::vector<ObjectId> objects_;
  Place from_;
  Place to_;  ///< Where the open chunk ends.
  unsigned tries_ = 0;
};

}  // namespace themis::ring
