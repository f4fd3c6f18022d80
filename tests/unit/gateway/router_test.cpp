#include "actors/gateway/router.hpp"

#include <gtest/gtest.h>

#include <map>

namespace themis {
namespace {

ring::Contact node(uint8_t number) {
  ring::Contact contact;
  contact.id.bytes[0] = std::byte{number};
  contact.address = {"127.0.0.1", number};
  return contact;
}

class RouterTest : public ::testing::Test {
 protected:
  TimePoint after(Duration time) const { return TimePoint{} + 1h + time; }
  /// How often each port is chosen in a thousand calls that end at once.
  std::map<uint16_t, int> spread(const Router::Tried& tried = {}) {
    std::map<uint16_t, int> chosen;
    for (int i = 0; i < 1000; ++i) ++chosen[router_.choose("fn/f", tried, after(0s))->address.port];
    return chosen;
  }

  SeededRng rng_{1};
  Router router_{rng_};
};

TEST_F(RouterTest, ARouteIsFreshForItsTimeToLive) {
  EXPECT_FALSE(router_.knows("fn/f", after(0s)));
  router_.learn("fn/f", {node(1)}, after(0s));
  EXPECT_TRUE(router_.knows("fn/f", after(1999ms)));
  EXPECT_FALSE(router_.knows("fn/f", after(2s)));
  EXPECT_TRUE(router_.choose("fn/f", {}, after(60s))) << "an old route is better than none";
}

TEST_F(RouterTest, AnEmptyAnswerForgetsTheRoute) {
  router_.learn("fn/f", {node(1)}, after(0s));
  router_.learn("fn/f", {}, after(1s));
  EXPECT_FALSE(router_.choose("fn/f", {}, after(1s)));
  EXPECT_EQ(router_.route_count(), 0u);
}

TEST_F(RouterTest, SpreadsOverAllInstances) {
  router_.learn("fn/f", {node(1), node(2), node(3)}, after(0s));
  for (const auto& [port, count] : spread()) EXPECT_NEAR(count, 333, 80) << port;
}

TEST_F(RouterTest, PrefersTheOneWithFewerCallsInFlight) {
  router_.learn("fn/f", {node(1), node(2)}, after(0s));
  router_.began(node(1).id);
  EXPECT_EQ(spread()[1], 0) << "of two, the idle one always wins";
  router_.ended(node(1).id, after(0s));
  EXPECT_EQ(router_.in_flight(node(1).id), 0u);
  EXPECT_GT(spread()[1], 300);
}

TEST_F(RouterTest, TheMostLoadedOfManyIsNeverChosen) {
  router_.learn("fn/f", {node(1), node(2), node(3), node(4)}, after(0s));
  router_.began(node(3).id);
  EXPECT_EQ(spread()[3], 0);
}

TEST_F(RouterTest, AnEjectedNodeGetsNothingForAWhile) {
  router_.learn("fn/f", {node(1), node(2)}, after(0s));
  router_.eject(node(1).id, after(0s));
  EXPECT_EQ(spread()[1], 0);
  int chosen = 0;
  for (int i = 0; i < 100; ++i)
    if (router_.choose("fn/f", {}, after(5s))->address.port == 1) ++chosen;
  EXPECT_GT(chosen, 0) << "five seconds later it is tried again";
}

TEST_F(RouterTest, EjectedNodesAreBetterThanNone) {
  router_.learn("fn/f", {node(1)}, after(0s));
  router_.eject(node(1).id, after(0s));
  EXPECT_TRUE(router_.choose("fn/f", {}, after(0s)));
}

TEST_F(RouterTest, NeverChoosesWhatWasTried) {
  router_.learn("fn/f", {node(1), node(2)}, after(0s));
  EXPECT_EQ(spread({node(1).id})[1], 0);
  EXPECT_FALSE(router_.choose("fn/f", {node(1).id, node(2).id}, after(0s)));
}

TEST_F(RouterTest, SendsAgainOnlyWhatCannotRunTwice) {
  for (const char* method : {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
    EXPECT_TRUE(router_.may_retry(CallFailure::maybe_run, method, 1)) << method;
  for (const char* method : {"POST", "PATCH", "get"})
    EXPECT_FALSE(router_.may_retry(CallFailure::maybe_run, method, 1)) << method;
  EXPECT_TRUE(router_.may_retry(CallFailure::not_sent, "POST", 1));
  EXPECT_TRUE(router_.may_retry(CallFailure::not_run, "POST", 1));
  EXPECT_FALSE(router_.may_retry(CallFailure::answered, "GET", 1));
  EXPECT_FALSE(router_.may_retry(CallFailure::not_sent, "GET", 3)) << "three attempts are enough";
}

TEST_F(RouterTest, TheOldestRouteMakesRoom) {
  Router small(rng_, {.routes_max = 2});
  small.learn("a", {node(1)}, after(0s));
  small.learn("b", {node(1)}, after(1s));
  small.learn("c", {node(1)}, after(2s));
  EXPECT_EQ(small.route_count(), 2u);
  EXPECT_FALSE(small.choose("a", {}, after(2s)));
  EXPECT_TRUE(small.choose("b", {}, after(2s)));
}

TEST_F(RouterTest, KeepsABoundedNumberOfInstances) {
  Router small(rng_, {.instances_max = 2});
  small.learn("a", {node(1), node(2), node(3)}, after(0s));
  for (int i = 0; i < 100; ++i) EXPECT_NE(small.choose("a", {}, after(0s))->address.port, 3);
}

}  // namespace
}  // namespace themis
