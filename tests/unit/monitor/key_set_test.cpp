// The set of names is a std::set's equal.

#include "actors/monitor/key_set.hpp"

#include <gtest/gtest.h>

#include <set>

#include "runtime/base/rng.hpp"

namespace themis {
namespace {

TEST(KeySet, IsWhatASetIsThroughManyChanges) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    SeededRng rng(seed);
    KeySet keys;
    std::set<std::string> model;
    const auto name = [&] {
      std::string made(1 + rng.below(rng.below(20) == 0 ? 255 : 9), '\0');
      for (char& each : made) each = static_cast<char>(rng.below(rng.below(2) == 0 ? 3 : 256));
      return made;
    };
    for (int i = 0; i < 30'000; ++i) {
      const std::string one = name();
      const bool grows = i < 20'000 ? rng.below(4) != 0 : rng.below(4) == 0;
      if (grows) {
        EXPECT_EQ(keys.insert(one), model.insert(one).second);
      } else {
        const auto near = model.lower_bound(one);  // most names are not there
        const std::string gone = near == model.end() ? one : *near;
        EXPECT_EQ(keys.erase(gone), model.erase(gone) == 1);
        EXPECT_FALSE(keys.erase(gone));
      }
      ASSERT_EQ(keys.size(), model.size());
      const std::string at = name();
      const auto next = model.lower_bound(at), behind = model.upper_bound(at);
      ASSERT_EQ(keys.find_next(at), next == model.end() ? "" : *next);
      ASSERT_EQ(keys.find_next(at, true), behind == model.end() ? "" : *behind);
    }
    std::string_view at = keys.find_next("");
    for (const std::string& each : model) {
      ASSERT_EQ(at, each);
      at = keys.find_next(std::string(at), true);
    }
    EXPECT_EQ(at, "");
    for (const std::string& each : model) EXPECT_TRUE(keys.erase(each));
    EXPECT_EQ(keys.size(), 0u);
    EXPECT_EQ(keys.find_next(""), "");
  }
}

}  // namespace
}  // namespace themis
