// How calls spread over instances that say how busy they are: callers that do not know each other,
// in virtual time.
#include <cstdlib>
#include <queue>
#include <random>

#include "tests/unit/mesh/route_table_fixture.hpp"

namespace themis::mesh {
namespace {

using testing::after;
using testing::instance;
using testing::kName;

class TellingTest : public testing::RouteTableTest {};

TEST_F(TellingTest, WhatAnInstanceSaysOfOthersCallsCounts) {
  learn({instance(1), instance(2)});
  const RouteTable::Begun call = table_->began(kName, testing::id(1));
  table_->ended(kName, call, Verdict::healthy, after(0s));
  table_->told(kName, testing::id(1), {.running = 3}, after(0s));
  EXPECT_EQ(spread(100, after(10ms))[1], 0) << "it has three calls of others";
  EXPECT_EQ(report(after(10ms)).instances[0].running, 3u);
  EXPECT_GT(spread(100, after(1s))[1], 0) << "what it said is old";
}

TEST_F(TellingTest, CallsOfThisProcessAreNotCountedTwice) {
  learn({instance(1), instance(2)});
  for (int i = 0; i < 2; ++i) (void)table_->began(kName, testing::id(1));
  (void)table_->began(kName, testing::id(2));
  table_->told(kName, testing::id(1), {.running = 2}, after(0s));
  table_->told(kName, testing::id(2), {.running = 4}, after(0s));
  EXPECT_EQ(report().instances[0].running, 2u);
  EXPECT_EQ(spread(100)[2], 0) << "three of its four are others'";
}

TEST_F(TellingTest, AnInstanceWithRoomIsPreferred) {
  learn({instance(1), instance(2)});
  table_->told(kName, testing::id(1), {.running = 0, .memory_percent = 60}, after(0s));
  table_->told(kName, testing::id(2), {.running = 0, .memory_percent = 20}, after(0s));
  EXPECT_EQ(spread(100)[1], 0);
  table_->told(kName, testing::id(2), {.running = 9, .memory_percent = 20}, after(0s));
  EXPECT_EQ(spread(100)[2], 0) << "a tenth call with all of the memory, or a first with half of it";
}

TEST_F(TellingTest, WhoComparesIsToldOfOneThatTakesCallsNow) {
  EXPECT_FALSE(table_->load_of_one(kName, after(0s)));
  learn({instance(1), instance(2)});
  EXPECT_EQ(table_->load_of_one(kName, after(0s))->running, 0u);
  EXPECT_FALSE(table_->load_of_one(kName, after(0s))->memory_percent) << "none has said";
  (void)table_->began(kName, testing::id(1));
  table_->told(kName, testing::id(1), {.running = 4, .memory_percent = 30}, after(0s));
  call(2, Verdict::full);
  for (int i = 0; i < 20; ++i) {
    const auto known = table_->load_of_one(kName, after(10ms));
    EXPECT_EQ(known->running, 4u);
    EXPECT_EQ(known->memory_percent, 30);
  }
  call(1, Verdict::unreachable);
  EXPECT_FALSE(table_->load_of_one(kName, after(10ms))) << "one is lost, the other is full";
}

TEST_F(TellingTest, AFullInstanceIsAskedLastAndIsNoFailure) {
  learn({instance(1), instance(2)});
  for (int i = 0; i < 10; ++i) call(1, Verdict::full);
  EXPECT_EQ(spread(100)[1], 0);
  EXPECT_EQ(report().instances[0].failures, 0u);
  EXPECT_STREQ(std::string(report().instances[0].state).c_str(), "healthy");
  EXPECT_EQ(table_->choose(kName, {testing::id(2)}, after(0s))->contact.address.port, 1)
      << "nobody else";
  EXPECT_GT(spread(100, after(20ms))[1], 0) << "it may have room again";
}

/// Callers, each with a table of its own, and instances that take `most` calls at once.
class Crowd {
 public:
  Crowd(uint64_t seed, size_t callers, size_t instances, size_t most)
      : rng_(seed), most_(most), running_(instances), up_(instances, true) {
    for (size_t i = 0; i < callers; ++i)
      tables_.push_back(std::make_unique<RouteTable>(rng_, std::vector<RouteConfig>{}));
    announce();
  }
  /// As the ring tells it: everybody at once.
  void set_up(size_t instance, bool up) {
    up_[instance] = up;
    announce();
  }
  /// Some caller calls; the call takes `mean` on average. False: nobody took it.
  bool call(Duration mean) {
    finish_until(now_);
    RouteTable& table = *tables_[rng_.below(tables_.size())];
    RouteTable::Tried tried;
    while (tried.size() < 3) {
      const auto chosen = table.choose(kName, tried, now_);
      if (!chosen) return false;
      const size_t at = chosen->contact.address.port - 1u;
      const RouteTable::Begun begun = table.began(kName, chosen->key());
      if (running_[at] < most_) {
        ++running_[at];
        peak_ = std::max(peak_, running_[at]);
        const double unit = -std::log(1 - rng_.unit());
        ends_.push({now_ + Duration(static_cast<int64_t>(unit * static_cast<double>(mean.count()))),
                    &table, begun, at});
        return true;
      }
      ++refused_;
      table.ended(kName, begun, Verdict::full, now_);
      tried.push_back(chosen->key());
    }
    return false;
  }
  void pass(Duration time) { now_ += time; }
  size_t peak() const { return peak_; }
  size_t refused() const { return refused_; }
  const std::vector<size_t>& running() const { return running_; }

 private:
  struct End {
    TimePoint at;
    RouteTable* table;
    RouteTable::Begun call;
    size_t instance;
    bool operator<(const End& other) const { return at > other.at; }
  };
  void announce() {
    Instances all;
    for (size_t i = 0; i < up_.size(); ++i)
      if (up_[i]) all.push_back(instance(static_cast<uint8_t>(i + 1)));
    for (const auto& table : tables_) table->learn(kName, all, now_, RouteTable::Source::watch);
  }
  void finish_until(TimePoint now) {
    for (; !ends_.empty() && ends_.top().at <= now; ends_.pop()) {
      const End& end = ends_.top();
      --running_[end.instance];
      end.table->ended(kName, end.call, Verdict::healthy, end.at);
      end.table->told(kName, end.call.at,
                      {.running = static_cast<uint32_t>(running_[end.instance])}, end.at);
    }
  }

  SeededRng rng_;
  const size_t most_;
  TimePoint now_ = after(0s);
  std::vector<std::unique_ptr<RouteTable>> tables_;
  std::vector<size_t> running_;
  std::vector<bool> up_;
  std::priority_queue<End> ends_;
  size_t peak_ = 0;
  size_t refused_ = 0;
};

/// Eight callers, ten instances of 40 calls, at 70 % of what these take.
TEST(Spread, NoInstanceIsOverItsCapAndAllAreNearTheMean) {
  const char* replay = std::getenv("THEMIS_SEED");
  const uint64_t first = replay ? std::strtoull(replay, nullptr, 10) : std::random_device()();
  for (uint64_t seed = first; seed < first + (replay ? 1 : 10); ++seed) {
    constexpr size_t kInstances = 10, kMost = 40;
    constexpr Duration kMean = 28ms, kBetween = 100us;  // 280 under way
    Crowd crowd(seed, 8, kInstances, kMost);
    double worst = 0;
    for (int i = 0; i < 20'000; ++i) {
      ASSERT_TRUE(crowd.call(kMean)) << "THEMIS_SEED=" << seed;
      crowd.pass(kBetween);
      if (i < 2'000 || i % 100 != 0) continue;
      const auto [least, most] = std::ranges::minmax(crowd.running());
      worst = std::max(worst, static_cast<double>(most - least));
    }
    EXPECT_LE(crowd.peak(), kMost) << "THEMIS_SEED=" << seed;
    EXPECT_LE(worst, 28) << "more than the mean apart, THEMIS_SEED=" << seed;
    EXPECT_LE(crowd.refused(), 200u) << "1 %, THEMIS_SEED=" << seed;
  }
}

TEST(Spread, InstancesComeAndGoWithoutAFailedCall) {
  const char* replay = std::getenv("THEMIS_SEED");
  const uint64_t seed = replay ? std::strtoull(replay, nullptr, 10) : std::random_device()();
  Crowd crowd(seed, 4, 5, 40);
  for (int i = 0; i < 20'000; ++i) {
    if (i % 2'000 == 0) crowd.set_up(static_cast<size_t>(i / 2'000) % 5, false);
    if (i % 2'000 == 1'000) crowd.set_up(static_cast<size_t>(i / 2'000) % 5, true);
    ASSERT_TRUE(crowd.call(8ms)) << "call " << i << ", THEMIS_SEED=" << seed;
    crowd.pass(100us);
  }
  EXPECT_LE(crowd.peak(), 40u);
}

TEST(Spread, WhenAllAreFullTheCallIsRefusedAtOnce) {
  Crowd crowd(1, 2, 2, 3);
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(crowd.call(1h)) << i;
  EXPECT_FALSE(crowd.call(1h));
  EXPECT_EQ(crowd.peak(), 3u);
}

}  // namespace
}  // namespace themis::mesh
