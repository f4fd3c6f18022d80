// What actors are called, and where they are kept.
#include "runtime/bundle/actor_name.hpp"

#include <gtest/gtest.h>

#include <set>

namespace themis::bundle {
namespace {

TEST(ActorName, HasAClassAndAnIdWithALength) {
  EXPECT_TRUE(check({"Counter", "a b/\xC3\xBC"}));
  EXPECT_TRUE(check({"$c", std::string(kActorIdBytesMax, 'x')}));
  EXPECT_EQ(check({"", "a"}).error().code, Code::invalid);
  EXPECT_EQ(check({"a b", "a"}).error().code, Code::invalid);
  EXPECT_EQ(check({"Counter", ""}).error().code, Code::invalid);
  EXPECT_EQ(check({"Counter", std::string(kActorIdBytesMax + 1, 'x')}).error().code,
            Code::too_large);
}

TEST(ActorName, IsSpreadOverSixteenNamespaces) {
  std::set<std::string> spaces;
  std::set<std::string> keys;
  for (int i = 0; i < 500; ++i) {
    const ActorHome home = actor_home("shop", {"Cart", std::to_string(i)});
    EXPECT_TRUE(is_actor_space(home.name_space)) << home.name_space;
    EXPECT_EQ(home.key.size(), 32u);
    spaces.insert(home.name_space);
    keys.insert(home.key);
  }
  EXPECT_EQ(spaces.size(), 16u);
  EXPECT_EQ(keys.size(), 500u);
  EXPECT_NE(actor_home("shop", {"Cart", "1"}).key, actor_home("shop", {"Other", "1"}).key);
  EXPECT_NE(actor_home("shop", {"Ca", "rt1"}).key, actor_home("shop", {"Cart", "1"}).key);
}

TEST(ActorName, ANamespaceOfActorsIsNoFunctions) {
  for (const char* no : {"shop", "shop.", ".a", "shop.g", "shop.aa", "Shop.a", "a.b.c", ""})
    EXPECT_FALSE(is_actor_space(no)) << no;
  EXPECT_TRUE(is_actor_space("shop.0"));
  EXPECT_TRUE(is_actor_space(std::string(kActorFunctionBytesMax, 's') + ".f"));
  EXPECT_FALSE(is_actor_space(std::string(kActorFunctionBytesMax + 1, 's') + ".f"));
}

TEST(ActorName, AnAlarmIsReadStrictly) {
  const auto alarm = parse_alarm("5000 Counter a b");
  ASSERT_TRUE(alarm) << alarm.error().text();
  EXPECT_EQ(*alarm, (Alarm{5000, {"Counter", "a b"}}));
  for (const char* no :
       {"", "5000", "5000 ", "5000 Counter", "5000 Counter ", " Counter a", "-1 Counter a",
        "5x Counter a", "99999999999999999999 Counter a", "5000  a"})
    EXPECT_FALSE(parse_alarm(no)) << no;
}

}  // namespace
}  // namespace themis::bundle
