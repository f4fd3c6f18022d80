// Every attack is caught by the check that is there for it, and by that check alone where it says
// so.

#include <gtest/gtest.h>

#include <set>

#include "tests/unit/enclave/attacks.hpp"

namespace themis::monitor {
namespace {

std::vector<Attack> all_attacks() {
  std::vector<Attack> all;
  for (const auto attacks : {deferred_attacks(), merkle_attacks(), client_attacks()})
    all.insert(all.end(), attacks.begin(), attacks.end());
  return all;
}

class AdversaryMonitor : public testing::TestWithParam<Attack> {
 protected:
  /// What ended the run; none: its epoch was certified.
  Reason play(bool attack) {
    Words world(GetParam().threads, 1, GetParam().clients_only);
    GetParam().play(world, attack);
    EXPECT_NE(world.reason() == Reason::none, !world.certified(GetParam().epoch));
    return world.reason();
  }
};

TEST_P(AdversaryMonitor, IsCaughtAndTheSameRunWithoutItPasses) {
  EXPECT_EQ(name(play(false)), "none");
  const Without without(GetParam().behind);
  EXPECT_EQ(name(play(true)), name(GetParam().caught));
}

TEST_P(AdversaryMonitor, PassesOrIsCaughtLaterWhenTheCheckIsDropped) {
  const Without without(GetParam().caught, GetParam().behind);
  EXPECT_EQ(name(play(true)), name(GetParam().second));
}

INSTANTIATE_TEST_SUITE_P(All, AdversaryMonitor, testing::ValuesIn(all_attacks()),
                         [](const auto& attack) { return std::string(attack.param.name); });

// The matrix drops a check everywhere. Of each line that checks, taken out alone, a named attack or
// test fails, but for these, which another line makes good:
// - attach: child_cached under an empty edge, since an edge with a child in a slot is not empty;
// - leave: root_moved; the root came neither way and has no parent, which its two callers find;
// - evict_deferred and evict_to_deferred: slot_empty; an empty slot's link says "tree", "no
// parent";
// - evict_to_deferred: same_slot and not_below; no node has an edge to itself or above;
// - add_deferred_node: a leaf; a node and a record of one place are different elements, so it
//   was never evicted, and slot_occupied, since what was lost is missing when its epoch is
//   verified;
// - the first byte of hashed values; absent values are not hashed, and a node's two edges have
//   another length than a value;
// - refuse(): the first violation; the batch ends at it and nothing is applied after it;
// - Epochs::close: the epoch marked as closed; in_window() lets nobody ask for it again.

/// The kill matrix is complete: each check has an attack, or is named here with the reason.
TEST(AdversaryCoverage, EveryCheckHasAnAttack) {
  std::set<Reason> covered;
  for (const Attack& attack : all_attacks()) covered.insert(attack.caught);
  const std::set<Reason> elsewhere = {
      // Not droppable: memory beyond an array or a buffer would be touched. StrictMonitor tests
      // them.
      Reason::malformed, Reason::slot_range, Reason::unknown_function, Reason::output_room,
      // Of the same kind, or there would be no key to check with. StrictMonitor tests them.
      Reason::client_range, Reason::unknown_client,
      // Only reports from outside the monitors do this. Aggregator and StrictMonitor test them.
      Reason::unknown_reporter, Reason::duplicate_report, Reason::reports_pending,
      // Of a monitor that starts from a rest. AdversaryRest tests it, with and without the check.
      Reason::restored,
      // 2^32 epochs have to be verified before; StrictMonitor starts a monitor there.
      Reason::epoch_overflow};
  for (int i = 1; i <= static_cast<int>(kLastReason); ++i) {
    const auto reason = static_cast<Reason>(i);
    EXPECT_NE(covered.contains(reason), elsewhere.contains(reason)) << name(reason);
  }
}

}  // namespace
}  // namespace themis::monitor
