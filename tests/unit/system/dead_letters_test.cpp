#include "actors/system/dead_letters.hpp"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <thread>

#include "actors/system/caf_error.hpp"
#include "runtime/base/log.hpp"

namespace themis {

struct Unregistered {
  int value = 0;
};

namespace {

TEST(DeadLetters, CountsByKindAndType) {
  DeadLetters letters;
  letters.record(DeadLetterKind::unexpected, "Ping", TimePoint{});
  letters.record(DeadLetterKind::bounced, "Ping", TimePoint{});
  letters.record(DeadLetterKind::to_dead, "Find", TimePoint{});
  const DeadLetterCounts counts = letters.counts();
  EXPECT_EQ(counts.unexpected, 1u);
  EXPECT_EQ(counts.bounced, 1u);
  EXPECT_EQ(counts.to_dead, 1u);
  EXPECT_EQ(counts.total(), 3u);
  EXPECT_EQ(counts.by_type, (std::map<std::string, uint64_t>{{"Ping", 2}, {"Find", 1}}));
}

TEST(DeadLetters, WritesOneLineAnInterval) {
  log::setup(log::Level::off, log::Format::text);
  DeadLetters letters;
  const TimePoint start{1h};
  for (int i = 0; i < 1000; ++i)
    letters.record(DeadLetterKind::unexpected, "Ping", start + i * 1ms);
  EXPECT_EQ(letters.lines(), 1u);
  letters.record(DeadLetterKind::unexpected, "Ping", start + DeadLetters::kLogInterval);
  EXPECT_EQ(letters.lines(), 2u);
  EXPECT_EQ(letters.counts().total(), 1001u);
}

TEST(DeadLetters, AdversaryCannotGrowTheTable) {
  log::setup(log::Level::off, log::Format::text);
  DeadLetters letters;
  for (int i = 0; i < 10'000; ++i)
    letters.record(DeadLetterKind::unexpected, fmt::format("type{}", i), TimePoint{});
  const auto counts = letters.counts();
  EXPECT_EQ(counts.by_type.size(), DeadLetters::kTypesMax + 1);
  EXPECT_EQ(counts.by_type.at("other"), 10'000 - DeadLetters::kTypesMax);
}

TEST(DeadLetters, CountsFromManyThreads) {
  log::setup(log::Level::off, log::Format::text);
  DeadLetters letters;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&letters] {
        for (int i = 0; i < 5000; ++i) letters.record(DeadLetterKind::to_dead, "Ping", TimePoint{});
      });
    }
  }
  EXPECT_EQ(letters.counts().to_dead, 20'000u);
}

TEST(DeadLetters, NamesTypesAndNotValues) {
  EXPECT_EQ(type_name(caf::make_message(std::string("secret"), Unregistered{42})),
            "@str, themis::Unregistered");
  EXPECT_EQ(type_name(caf::make_message(caf::atom("go"))), "@atom");
  EXPECT_EQ(type_name(caf::make_message(1, 2, 3, 4, 5, 6, 7, 8, 9)),
            "@i32, @i32, @i32, @i32, @i32, @i32, @i32, @i32, ...");
}

/// The sender lives on after an unexpected message, a request is answered, and nothing is printed.
TEST(DeadLetter, AnswersARequestAndHarmsNobody) {
  caf::actor_system_config config;
  config.set("scheduler.policy", caf::atom("testing"));
  caf::actor_system system{config};
  auto& scheduler = dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  const uint64_t before = dead_letters().counts().unexpected;
  const caf::actor receiver = system.spawn([](caf::event_based_actor* self) -> caf::behavior {
    set_default_handlers(*self);
    return {[](int) {}};
  });
  std::string answer;
  const caf::actor sender = system.spawn([&](caf::event_based_actor* self) -> caf::behavior {
    set_default_handlers(*self);
    self->send(receiver, Unregistered{1});
    self->request(receiver, caf::infinite, Unregistered{2})
        .then([] {}, [&](const caf::error& error) { answer = describe(error); });
    return {[](int) {}};
  });
  std::string ended;
  sender->attach_functor([&](const caf::error& why) { ended = describe(why); });
  testing::internal::CaptureStdout();
  scheduler.run();
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_NE(answer.find("unexpected_message"), answer.npos) << answer;
  EXPECT_EQ(ended, "");
  const auto counts = dead_letters().counts();
  EXPECT_GE(counts.unexpected, before + 2);
  EXPECT_EQ(counts.by_type.at("themis::Unregistered"), 2u);
}

TEST(DeadLetter, ABouncedRequestWithoutHandlerIsCounted) {
  caf::actor_system_config config;
  config.set("scheduler.policy", caf::atom("testing"));
  caf::actor_system system{config};
  auto& scheduler = dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  const uint64_t before = dead_letters().counts().bounced;
  const caf::actor gone = system.spawn([](caf::event_based_actor* self) { self->quit(); });
  scheduler.run();
  std::string ended = "alive";
  const caf::actor asker = system.spawn([&](caf::event_based_actor* self) -> caf::behavior {
    set_default_handlers(*self);
    self->attach_functor([&](const caf::error& why) { ended = describe(why); });
    self->request(gone, caf::infinite, 1).then([] {});
    return {[](int) {}};
  });
  scheduler.run();
  EXPECT_EQ(ended, "alive");
  EXPECT_EQ(dead_letters().counts().bounced, before + 1);
}

TEST(CafError, KeepsOurErrorsAndMapsTheirs) {
  const Error ours{Code::overloaded, "queue of 10 is full"};
  EXPECT_EQ(from_caf(to_caf(ours)), ours);
  EXPECT_EQ(describe(to_caf(ours)), "overloaded: queue of 10 is full");
  EXPECT_EQ(from_caf(caf::make_error(caf::sec::request_timeout)).code, Code::timeout);
  EXPECT_EQ(from_caf(caf::make_error(caf::sec::request_receiver_down)).code, Code::unavailable);
  EXPECT_EQ(from_caf(caf::make_error(caf::exit_reason::kill)).code, Code::unavailable);
  EXPECT_EQ(describe({}), "normal");
  EXPECT_TRUE(is_clean_exit({}));
  EXPECT_TRUE(is_clean_exit(caf::exit_reason::user_shutdown));
  EXPECT_FALSE(is_clean_exit(caf::exit_reason::kill));
  EXPECT_FALSE(is_clean_exit(to_caf(ours)));
}

}  // namespace
}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::Unregistered)
