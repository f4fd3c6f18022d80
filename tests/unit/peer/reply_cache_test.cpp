#include "actors/peer/reply_cache.hpp"

#include <gtest/gtest.h>

#include <map>

#include "runtime/base/rng.hpp"

namespace themis {
namespace {

using Kind = ReplyCache::Begun::Kind;
using Waiter = ReplyCache::Waiter;

const TimePoint kNow{5000s};

NodeId peer_number(uint8_t number) {
  NodeId id;
  id.bytes[0] = std::byte{number};
  return id;
}
ReplyCache::Request request(uint32_t key, uint64_t waiter = 1, std::string_view content = "same") {
  ReplyCache::Request made{
      .content = crypto::blake2b(as_bytes(content)), .waiter = {7, waiter}, .deadline = kNow + 30s};
  store(made.key.bytes.data(), key + 1);
  return made;
}
ReplyCache::Request due(uint32_t key, uint64_t waiter, TimePoint deadline) {
  ReplyCache::Request made = request(key, waiter);
  made.deadline = deadline;
  return made;
}
KeyedReply reply_bytes(size_t words) { return {wire::Frame::make(words), {}}; }

TEST(ReplyCache, SaysWhenTheLastOfThoseWhoWaitLeft) {
  ReplyCache cache;
  const NodeId peer = peer_number(1);
  const uint64_t run = cache.begin(peer, request(1, 1), kNow)->run;
  ASSERT_EQ(cache.begin(peer, request(1, 2), kNow)->kind, Kind::joined);
  EXPECT_FALSE(cache.leave(run, {7, 1})) << "another one waits";
  EXPECT_FALSE(cache.leave(run, {7, 1})) << "it left before";
  EXPECT_FALSE(cache.leave(run + 1, {7, 2})) << "no such run";
  EXPECT_TRUE(cache.leave(run, {7, 2}));
  EXPECT_TRUE(cache.finish(run, reply_bytes(1), kNow).empty());
  EXPECT_FALSE(cache.leave(run, {7, 2})) << "it has ended";
  EXPECT_EQ(cache.begin(peer, request(1, 3), kNow)->kind, Kind::answered) << "its reply is kept";
}

TEST(ReplyCache, RunsOnceThenAnswersWhatItAnswered) {
  ReplyCache cache;
  const NodeId peer = peer_number(1);
  const auto first = cache.begin(peer, request(1, 1), kNow).value();
  EXPECT_EQ(first.kind, Kind::run);
  EXPECT_EQ(cache.begin(peer, request(1, 2), kNow)->kind, Kind::joined);
  const KeyedReply reply = reply_bytes(3);
  EXPECT_EQ(cache.finish(first.run, reply, kNow), (std::vector<Waiter>{{7, 1}, {7, 2}}));
  const auto again = cache.begin(peer, request(1, 3), kNow + 59s).value();
  EXPECT_EQ(again.kind, Kind::answered);
  EXPECT_EQ(&*again.reply.frame, &*reply.frame) << "no copy of a frame that is ours";
}

TEST(ReplyCache, KeepsFailuresToo) {
  ReplyCache cache;
  const auto first = cache.begin(peer_number(1), request(1), kNow).value();
  cache.finish(first.run, {{}, {Code::denied, "not you"}}, kNow);
  const auto again = cache.begin(peer_number(1), request(1), kNow).value();
  EXPECT_EQ(again.kind, Kind::answered);
  EXPECT_EQ(again.reply.error, (Error{Code::denied, "not you"}));
}

TEST(ReplyCache, AdversaryNoPeerSeesTheReplyOfAnother) {
  ReplyCache cache;
  const auto first = cache.begin(peer_number(1), request(1), kNow).value();
  cache.finish(first.run, reply_bytes(1), kNow);
  EXPECT_EQ(cache.begin(peer_number(2), request(1), kNow)->kind, Kind::run);
}

TEST(ReplyCache, RefusesAKeyThatIsUsedForAnotherRequest) {
  ReplyCache cache;
  const auto first = cache.begin(peer_number(1), request(1), kNow).value();
  EXPECT_EQ(cache.begin(peer_number(1), request(1, 2, "other"), kNow).error().code, Code::invalid);
  cache.finish(first.run, reply_bytes(1), kNow);
  EXPECT_EQ(cache.begin(peer_number(1), request(1, 2, "other"), kNow).error().code, Code::invalid);
}

TEST(ReplyCache, ForgetsAfterAMinute) {
  ReplyCache cache;
  const auto first = cache.begin(peer_number(1), request(1), kNow).value();
  cache.finish(first.run, reply_bytes(1), kNow);
  cache.expire(kNow + 59s);
  EXPECT_EQ(cache.entries(), 1u);
  EXPECT_EQ(cache.begin(peer_number(1), request(1), kNow + 60s)->kind, Kind::run);
  cache.expire(kNow + 200s);
  cache.expire(kNow + 300s);
  EXPECT_EQ(cache.entries(), 0u);
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST(ReplyCache, WhatRunsPastItsDeadlineIsNotRunAgainAndMayStillBeAnswered) {
  ReplyCache cache;
  const auto first = cache.begin(peer_number(1), request(1), kNow).value();
  const auto late = cache.begin(peer_number(1), request(1, 2), kNow + 30s).value();
  EXPECT_EQ(late.kind, Kind::answered);
  EXPECT_EQ(late.reply.error.code, Code::timeout);
  EXPECT_TRUE(cache.finish(first.run, reply_bytes(2), kNow + 31s).empty());
  const auto later = cache.begin(peer_number(1), request(1, 3), kNow + 32s).value();
  ASSERT_EQ(later.kind, Kind::answered);
  EXPECT_EQ(later.reply.frame->words(), 2u);
}

TEST(ReplyCache, BoundsEntriesOfAPeerAndRepetitionsOfARequest) {
  ReplyCache cache({.peer_entries = 3, .waiters = 2});
  const NodeId peer = peer_number(1);
  std::vector<uint64_t> runs;
  for (uint32_t i = 0; i < 3; ++i) runs.push_back(cache.begin(peer, request(i), kNow)->run);
  EXPECT_EQ(cache.begin(peer, request(9), kNow).error().code, Code::overloaded);
  EXPECT_EQ(cache.begin(peer_number(2), request(9), kNow)->kind, Kind::run) << "its own limit";
  EXPECT_EQ(cache.begin(peer, request(0), kNow)->kind, Kind::joined);
  EXPECT_EQ(cache.begin(peer, request(0), kNow).error().code, Code::overloaded);
  cache.finish(runs[1], reply_bytes(1), kNow);
  EXPECT_EQ(cache.begin(peer, request(9), kNow)->kind, Kind::run) << "the reply made room";
  EXPECT_EQ(cache.begin(peer, request(0), kNow).error().code, Code::overloaded) << "still runs";
  EXPECT_TRUE(cache.finish(runs[1], reply_bytes(1), kNow).empty()) << "forgotten";
}

TEST(ReplyCache, BoundsTheBytesOfAPeerAndOfAll) {
  ReplyCache cache({.peer_bytes = 10'000, .bytes = 25'000});
  for (uint8_t p = 1; p <= 4; ++p) {
    for (uint32_t i = 0; i < 20; ++i) {
      const auto begun = cache.begin(peer_number(p), request(i), kNow).value();
      cache.finish(begun.run, reply_bytes(100), kNow);
      ASSERT_LE(cache.bytes(), 25'000u);
    }
  }
  EXPECT_GT(cache.bytes(), 20'000u);
  EXPECT_EQ(cache.begin(peer_number(4), request(19), kNow)->kind, Kind::answered) << "the newest";
  EXPECT_EQ(cache.begin(peer_number(4), request(0), kNow)->kind, Kind::run) << "the oldest";
}

/// Random repetitions, answers and time: no request runs twice within its minute, and the books
/// agree.
TEST(ReplyCache, NeverRunsTwiceWithinTheTimeItKeeps) {
  const uint64_t seed = SystemRng().next();
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRng rng(seed);
  ReplyCache cache;
  TimePoint now = kNow;
  std::map<std::pair<uint8_t, uint32_t>, TimePoint> known;  // when it may be forgotten
  std::map<uint64_t, std::pair<uint8_t, uint32_t>> running;
  for (int step = 0; step < 20'000; ++step) {
    now += std::chrono::milliseconds(rng.below(40));
    const auto who = static_cast<uint8_t>(rng.below(4));
    const auto key = static_cast<uint32_t>(rng.below(200));
    if (rng.below(3) == 0 && !running.empty()) {
      const auto [run, place] = *running.begin();
      cache.finish(run, reply_bytes(1), now);
      known[place] = now + 60s;
      running.erase(run);
    } else if (rng.below(20) == 0) {
      cache.expire(now);
    } else {
      ReplyCache::Request asked = request(key);
      asked.deadline = now + 1h;
      const auto begun = cache.begin(peer_number(who), asked, now);
      if (!begun) continue;
      const auto found = known.find({who, key});
      const bool may_run = found == known.end() || found->second <= now;
      if (begun->kind != Kind::run) continue;
      ASSERT_TRUE(may_run) << "step " << step;
      known[{who, key}] = TimePoint::max();
      running[begun->run] = {who, key};
    }
  }
  EXPECT_GT(known.size(), 700u);
}

/// One entry of a peer was given up in each call: 1,024 dead runs kept it out for hours.
TEST(ReplyCache, RegressAllRunsThatAreOverdueAreGivenUpAtOnce) {
  ReplyCache cache({.peer_entries = 1024});
  for (uint32_t i = 0; i < 1024; ++i)
    ASSERT_TRUE(cache.begin(peer_number(1), due(i, 1, kNow + 1s), kNow));
  EXPECT_EQ(cache.begin(peer_number(1), due(5000, 1, kNow + 1s), kNow).error().code,
            Code::overloaded);
  const TimePoint later = kNow + 9s;
  for (uint32_t i = 0; i < 1024; ++i)
    EXPECT_TRUE(cache.begin(peer_number(1), due(6000 + i, 1, later + 1s), later)) << i;
  cache.expire(later + 2s);
  cache.expire(later + 2s + ReplyCache::Limits{}.keep);
  EXPECT_EQ(cache.entries(), 0u);
}

TEST(ReplyCache, RegressAWaiterThatJoinedWithALaterDeadlineIsAnswered) {
  ReplyCache cache;
  const auto first = cache.begin(peer_number(1), due(1, 1, kNow + 1s), kNow).value();
  ASSERT_EQ(cache.begin(peer_number(1), due(1, 2, kNow + 60s), kNow + 500ms)->kind,
            ReplyCache::Begun::Kind::joined);
  cache.expire(kNow + 10s);
  EXPECT_EQ(cache.finish(first.run, {wire::Frame::make(1), {}}, kNow + 11s).size(), 2u);
}

}  // namespace
}  // namespace themis
