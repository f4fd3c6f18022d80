// What a monitor accepts, and that it holds no heap.

#include <gtest/gtest.h>

#include "tests/unit/enclave/monitor_world.hpp"

namespace themis::monitor {
namespace {

TEST(Monitor, CertifiesAnHonestEpoch) {
  Words world;
  WordHost host{world};
  host.create(kR0, 1, 7, at(0, 1));
  host.add(kR0, 1, 7, at(0, 1));
  host.get(kR0, 1);
  host.put(kR0, 1, 8);
  host.evict(kR0, at(0, 3));
  host.log().next_epoch();
  host.carry(kR0, 1, 8, at(0, 3), at(1, 1));
  ASSERT_TRUE(host.verify()) << name(world.reason());
  EXPECT_TRUE(world.certified(0));
  EXPECT_FALSE(world.certified(1));
  // put 7: done; get: 7; put 8: done.
  EXPECT_EQ(to_hex(world.answers()),
            "0100"
            "01010700000000000000"
            "0100");
}

TEST(Monitor, TheFusedCallIsAddRunEvict) {
  std::array<EpochReport, 2> reports;
  for (const bool fused : {false, true}) {
    Words world;
    WordHost host{world};
    host.create(kR0, 1, 7, at(0, 1));
    uint64_t value = 7;
    for (uint32_t i = 0; i < 40; ++i) {
      const auto function = i % 2 == 0 ? WordStore::get : WordStore::put;
      const WordStore::Arguments arguments{{i}, {}};
      const WordRecord before = WordHost::record(1, value);
      const Timestamp from = at(0, 1 + 2 * i), to = at(0, 3 + 2 * i);
      if (fused) {
        host.log().run_once(function, before, from, 0, to, arguments);
      } else {
        host.add(kR1, 1, value, from);
        host.call(function, kR1, 1, arguments);
        host.evict(kR1, to);
      }
      if (function == WordStore::put) value = i;
    }
    host.log().next_epoch();
    host.log().verify_epoch();
    Output& output = world.output;
    ASSERT_TRUE(world.monitors[0]->apply(host.log().take(), output))
        << name(world.monitors[0]->violation().reason);
    reports[fused] = world.monitors[0]->take_report().value();
  }
  EXPECT_EQ(reports[0].added, reports[1].added);
  EXPECT_EQ(reports[0].evicted, reports[1].evicted);
  EXPECT_EQ(reports[0].added.count, 40u);
}

}  // namespace
}  // namespace themis::monitor
