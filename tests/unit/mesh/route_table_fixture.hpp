#pragma once
// One route of a table, and how its calls are spread.

#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "actors/mesh/route_table.hpp"
#include "tests/unit/mesh/samples.hpp"

namespace themis::mesh::testing {

inline const std::string kName = "fn/f";

class RouteTableTest : public ::testing::Test {
 protected:
  void configure(RouteConfig policy) {
    table_ = std::make_unique<RouteTable>(rng_, std::vector{policy});
  }
  void learn(const Instances& instances) { table_->learn(kName, instances, after(0s)); }
  /// How often each port is chosen in so many calls that end at once.
  std::map<uint16_t, int> spread(int calls = 1000, TimePoint now = after(0s),
                                 const RouteTable::Tried& tried = {}) {
    std::map<uint16_t, int> chosen;
    for (int i = 0; i < calls; ++i)
      ++chosen[table_->choose(kName, tried, now)->contact.address.port];
    return chosen;
  }
  void call(uint8_t node, Verdict verdict, TimePoint now = after(0s)) {
    table_->ended(kName, table_->began(kName, id(node)), verdict, now);
  }
  RouteReport report(TimePoint now = after(0s)) { return table_->report(10, now).at(0); }

  static constexpr uint64_t kSeed = 1;
  SeededRng rng_{kSeed};
  std::unique_ptr<RouteTable> table_ =
      std::make_unique<RouteTable>(rng_, std::vector<RouteConfig>{});
};

}  // namespace themis::mesh::testing
