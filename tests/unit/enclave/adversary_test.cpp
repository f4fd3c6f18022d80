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
      // 2^32 epochs have to be verified before; an epoch takes a millisecond at least.
      Reason::epoch_overflow};
  for (int i = 1; i <= static_cast<int>(kLastReason); ++i) {
    const auto reason = static_cast<Reason>(i);
    EXPECT_NE(covered.contains(reason), elsewhere.contains(reason)) << name(reason);
  }
}

}  // namespace
}  // namespace themis::monitor
