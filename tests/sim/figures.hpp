#pragma once
// What the figures of the ring are made of: settled rings, and operations judged against the truth.

#include <gtest/gtest.h>

#include "actors/world/colluders.hpp"
#include "tests/sim/ring_world.hpp"

namespace themis::ring {

inline double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

/// Starts the first `count` nodes of `world`, all but the first at once, and waits until the ring
/// is ideal and all fingers have been looked up.
void settle(RingWorld& world, size_t count);
/// From now on a share of the members, never node 0, are colluders.
void corrupt(RingWorld& world, Colluders& colluders, double share);
Point random_point(RingWorld& world);

struct Tally {
  size_t right = 0, wrong = 0, failed = 0;
  Duration longest{};
  size_t all() const { return right + wrong + failed; }
  double share() const { return static_cast<double>(right) / static_cast<double>(all()); }
  /// "4999 of 5000 right (99.980 %), longest 0.10 s".
  std::string text() const;
};

/// Lookups of random members for random points. One is right when the node it names was
/// responsible as it began or as it ended; malicious nodes may leave themselves out, no other.
class Lookups {
 public:
  explicit Lookups(RingWorld& world, const Colluders* colluders = nullptr)
      : world_(world), colluders_(colluders) {}
  /// `asker`: a member; nothing: a random one.
  void begin(std::optional<size_t> asker = std::nullopt);
  /// Judges those that have ended. One whose asker has crashed counts as nothing.
  void collect();
  /// Begins `count`, one each `every`, and waits for all.
  void run(size_t count, Duration every);
  const Tally& tally() const { return tally_; }

 private:
  struct Open {
    size_t asker = 0;
    Point target;
    NodeId before;
    TimePoint begun;
  };
  bool is_right(const Open& lookup, const NodeId& found) const;

  RingWorld& world_;
  const Colluders* colluders_;
  std::map<uint64_t, Open> open_;
  Tally tally_;
};

/// Finds each of `names` from `askers` random members that do not collude; right: exactly its
/// provider is found.
Tally find_all(RingWorld& world, const std::map<std::string, NodeId>& names, size_t askers,
               const Colluders* colluders = nullptr);

}  // namespace themis::ring
