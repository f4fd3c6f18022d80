#include "actors/worker/log_book.hpp"

#include <gtest/gtest.h>

namespace themis {
namespace {

constexpr int64_t kStart = 1'700'000'000'000;

struct Book : LogBook {
  Book() : LogBook(kStart) {}
  void say(std::string_view function, std::string text, uint8_t level = 1) {
    add(function, {.time_ms = ++now, .level = level, .text = std::move(text)});
  }
  std::string texts(std::string_view function, const Query& query = {}) const {
    std::string all;
    for (const Line& line : read(function, query).lines)
      all += (line.lost > 0 ? "[" + std::to_string(line.lost) + "]" : "") + line.text + " ";
    return all;
  }
  int64_t now = kStart;
};

TEST(LogBook, AReaderSeesEachLineOnceInOrder) {
  Book book;
  book.say("f", "one");
  book.say("g", "other");
  book.say("f", "two");
  LogBook::Page page = book.read("f", {});
  EXPECT_EQ(book.texts("f"), "one two ");
  EXPECT_TRUE(book.read("f", {.after = page.next}).lines.empty());
  book.say("f", "three");
  EXPECT_EQ(book.texts("f", {.after = page.next}), "three ");
  EXPECT_TRUE(book.read("none", {}).lines.empty());
}

TEST(LogBook, LevelAndTimeAreFilteredWithoutALoss) {
  Book book;
  for (const uint8_t level : {0, 1, 2, 3, 0, 3}) book.say("f", std::to_string(level), level);
  EXPECT_EQ(book.texts("f", {.level = 2}), "2 3 3 ");
  EXPECT_EQ(book.texts("f", {.since_ms = kStart + 5}), "0 3 ");
  const uint64_t next = book.read("f", {.level = 3}).next;
  book.say("f", "quiet", 0);
  book.say("f", "loud", 3);
  EXPECT_EQ(book.texts("f", {.after = next, .level = 3}), "loud ");
}

TEST(LogBook, WhatWasDroppedIsCountedAtTheNextLine) {
  Book book;
  book.say("f", "one");
  const uint64_t next = book.read("f", {}).next;
  book.skip("f");
  book.skip("f");
  book.say("f", "two");
  EXPECT_EQ(book.texts("f", {.after = next}), "[2]two ");
}

TEST(LogBook, WhatWasDroppedLastIsToldOnce) {
  Book book;
  book.say("f", "one");
  book.skip("f");
  book.skip("f");
  const LogBook::Page page = book.read("f", {});
  ASSERT_EQ(page.lines.size(), 2u);
  EXPECT_EQ(page.lines[1].lost, 2u);
  EXPECT_TRUE(book.read("f", {.after = page.next}).lines.empty());
  book.say("f", "two");
  EXPECT_EQ(book.texts("f", {.after = page.next}), "two ");
}

TEST(LogBook, AReaderThatIsBehindIsToldHowManyItMissed) {
  Book book;
  book.say("f", "first");
  const uint64_t next = book.read("f", {}).next;
  const std::string large(1000, 'a');
  for (int i = 0; i < 1000; ++i) book.say("f", large);
  const LogBook::Page page = book.read("f", {.after = next});
  ASSERT_FALSE(page.lines.empty());
  EXPECT_EQ(page.lines[0].lost + page.lines.size(), 1000u);
  EXPECT_EQ(book.read("f", {}).lines[0].lost, 0u) << "who begins has missed nothing";
  EXPECT_LE(book.bytes(), LogBook::kFunctionBytesMax);
}

TEST(LogBook, APageEndsAtItsLimitAndTheNextGoesOn) {
  Book book;
  const std::string large(100'000, 'a');
  book.say("f", large);
  book.say("f", large);
  LogBook::Page page = book.read("f", {});
  EXPECT_EQ(page.lines.size(), 2u);
  EXPECT_TRUE(book.read("f", {.after = page.next}).lines.empty());
}

TEST(LogBook, TheOneThatKeepsMostMakesRoom) {
  Book book;
  book.say("quiet", "here");
  const std::string large(8000, 'a');
  for (size_t f = 0; f < 100; ++f)
    for (int i = 0; i < 40; ++i) book.say("f" + std::to_string(f), large);
  EXPECT_LE(book.bytes(), LogBook::kBytesMax);
  EXPECT_EQ(book.texts("quiet"), "here ");
}

TEST(LogBook, TheFunctionSilentLongestIsForgotten) {
  Book book;
  book.say("first", "x");
  for (size_t f = 0; f < LogBook::kFunctionsMax; ++f) book.say("f" + std::to_string(f), "y");
  EXPECT_EQ(book.texts("first"), "");
  EXPECT_EQ(book.texts("f0"), "y ");
}

TEST(LogBook, AReaderOfAnEarlierBookIsToldThatItRestarted) {
  Book book;
  book.say("f", "old");
  const uint64_t next = book.read("f", {}).next;
  LogBook later(kStart + 60'000);
  later.add("f", {.time_ms = kStart + 60'001, .level = 1, .text = "new"});
  const LogBook::Page page = later.read("f", {.after = next});
  EXPECT_TRUE(page.restarted);
  ASSERT_EQ(page.lines.size(), 1u);
  EXPECT_EQ(page.lines[0].lost, 0u);
  EXPECT_FALSE(later.read("f", {.after = page.next}).restarted);
}

TEST(LogBook, TellsWhoWatches) {
  Book book;
  std::string told;
  book.watch([&](std::string_view function) { told += function; });
  book.say("f", "x");
  book.skip("f");
  book.say("g", "y");
  EXPECT_EQ(told, "fg");
}

}  // namespace
}  // namespace themis
