#include "actors/peer/site_table.hpp"

#include <gtest/gtest.h>

namespace themis {
namespace {

TEST(SiteTable, TheSiteWithMostMakesRoom) {
  SeededRng rng(1);
  SiteTable table;
  for (SiteTable::Id id = 0; id < 6; ++id) table.add("crowd", id);
  for (SiteTable::Id id = 10; id < 13; ++id) table.add("few", id);
  EXPECT_EQ(table.size(), 9u);
  EXPECT_EQ(table.crowd("one", 8, 10, rng), nullptr) << "there is room";
  const auto* crowd = table.crowd("one", 8, 9, rng);
  ASSERT_NE(crowd, nullptr);
  EXPECT_TRUE(crowd->contains(0));
  const auto* own = table.crowd("few", 3, 100, rng);
  ASSERT_NE(own, nullptr);
  EXPECT_TRUE(own->contains(12)) << "its own limit: nobody else has to go";
  for (SiteTable::Id id = 0; id < 6; ++id) table.erase("crowd", id);
  table.erase("crowd", 1);
  EXPECT_EQ(table.size(), 3u);
}

TEST(SiteTable, AmongEqualSitesChanceDecides) {
  SeededRng rng(1);
  SiteTable table;
  constexpr SiteTable::Id kSites = 8;
  for (SiteTable::Id id = 0; id < kSites; ++id) table.add("site " + std::to_string(id), id);
  std::vector<int> chosen(kSites);
  for (int i = 0; i < 800; ++i) ++chosen[*table.crowd("new", 8, kSites, rng)->begin()];
  for (const int count : chosen) EXPECT_NEAR(count, 100, 60);
}

}  // namespace
}  // namespace themis
