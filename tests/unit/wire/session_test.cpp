#include "wire/session.hpp"

#include <gtest/gtest.h>

#include "runtime/base/rng.hpp"

namespace themis::wire {
namespace {

using crypto::SecretBytes;
using crypto::Suite;

struct Mode {
  Suite suite;
  bool encryption;
};

/// Two ends of one session, as a handshake leaves them.
struct Pair {
  explicit Pair(Mode mode, uint64_t records_max = kRecordsMax)
      : a(make(mode, records_max, true)), b(make(mode, records_max, false)) {}

  static Session make(Mode mode, uint64_t records_max, bool first) {
    SeededRng rng(1);
    SecretBytes<32> forward(rng), backward(rng);
    return Session({.suite = mode.suite,
                    .encryption = mode.encryption,
                    .send = first ? std::move(forward) : std::move(backward),
                    .receive = first ? std::move(backward) : std::move(forward)},
                   records_max);
  }
  Bytes seal(std::string_view text) {
    Bytes record;
    EXPECT_TRUE(a.seal(as_bytes(text), record));
    return record;
  }

  Session a, b;
};

std::string open(Session& session, Bytes record) {
  const auto opened = session.open(record);
  return opened ? std::string(as_text(*opened)) : std::string(name(opened.error().code));
}

class Sessions : public testing::TestWithParam<Mode> {
 protected:
  void SetUp() override {
    if (!crypto::available(GetParam().suite)) GTEST_SKIP() << "this CPU has no AES instructions";
  }
};

TEST_P(Sessions, CarryRecordsOfEverySizeBothWays) {
  Pair pair(GetParam());
  SeededRng rng(2);
  for (const size_t size : {0, 1, 64, 487, 488, 504, 512, 4096, 16'383, 16'384}) {
    Bytes plain(size);
    rng.fill(plain);
    for (auto [from, to] : {std::pair{&pair.a, &pair.b}, {&pair.b, &pair.a}}) {
      Bytes stream = to_bytes("kept");
      ASSERT_TRUE(from->seal(plain, stream));
      ASSERT_EQ(stream.size(), 4 + size + kRecordOverheadBytes);
      EXPECT_EQ(as_text(stream).substr(0, 4), "kept");
      auto opened = to->open(std::span(stream).subspan(4));
      ASSERT_TRUE(opened) << opened.error().text();
      EXPECT_TRUE(std::ranges::equal(*opened, plain));
    }
  }
  EXPECT_EQ(pair.a.records_sent(), 10u);
  EXPECT_EQ(pair.b.records_received(), 10u);
}

TEST_P(Sessions, ShowThePlaintextOnlyWithEncryptionOff) {
  Pair pair(GetParam());
  const Bytes record = pair.seal("the plaintext of a record");
  EXPECT_EQ(as_text(record).find("plaintext") == std::string::npos, GetParam().encryption);
}

TEST_P(Sessions, AdversaryChangesOneBitAnywhere) {
  Pair pair(GetParam());
  const Bytes record = pair.seal("a command");
  for (size_t bit = 0; bit < 8 * record.size(); ++bit) {
    Bytes changed = record;
    changed[bit / 8] ^= std::byte(1 << (bit % 8));
    const auto refused = pair.b.open(changed);
    ASSERT_FALSE(refused) << "bit " << bit;
    const Code expected = bit < 32 ? Code::malformed : bit < 64 ? Code::replayed : Code::forged;
    EXPECT_EQ(refused.error().code, expected) << "bit " << bit;
  }
  EXPECT_EQ(pair.b.records_received(), 0u);
  EXPECT_EQ(open(pair.b, record), "a command");
}

TEST_P(Sessions, AdversaryTruncatesOrExtends) {
  Pair pair(GetParam());
  const Bytes record = pair.seal("a command");
  for (size_t size = 0; size <= record.size() + 40; ++size) {
    if (size == record.size()) continue;
    Bytes changed = record;
    changed.resize(size);
    EXPECT_EQ(open(pair.b, changed), "malformed") << size;
    if (size < kFrameHeaderBytes) continue;
    store(changed.data() + 2, static_cast<uint16_t>(size - kFrameHeaderBytes));
    EXPECT_EQ(open(pair.b, changed), size < kRecordOverheadBytes ? "malformed" : "forged") << size;
  }
  EXPECT_EQ(open(pair.b, record), "a command");
}

TEST_P(Sessions, AdversaryRepeatsReordersAndDrops) {
  Pair pair(GetParam());
  const Bytes first = pair.seal("first"), second = pair.seal("second"), third = pair.seal("third");
  EXPECT_EQ(open(pair.b, second), "replayed");
  EXPECT_EQ(open(pair.b, first), "first");
  EXPECT_EQ(open(pair.b, first), "replayed");
  EXPECT_EQ(open(pair.b, third), "replayed");
  EXPECT_EQ(open(pair.b, second), "second");
  EXPECT_EQ(open(pair.b, first), "replayed");
  EXPECT_EQ(open(pair.b, third), "third");
}

TEST_P(Sessions, AdversaryRenumbersARecord) {
  Pair pair(GetParam());
  const Bytes first = pair.seal("first"), second = pair.seal("second");
  EXPECT_EQ(open(pair.b, first), "first");
  Bytes again = first;
  store(again.data() + 4, uint32_t{1});
  EXPECT_EQ(open(pair.b, again), "forged");
  EXPECT_EQ(open(pair.b, second), "second");
}

TEST_P(Sessions, AdversaryReflectsARecord) {
  Pair pair(GetParam());
  const Bytes record = pair.seal("to b");
  EXPECT_EQ(open(pair.a, record), "forged");
  EXPECT_EQ(open(pair.b, record), "to b");
}

TEST_P(Sessions, RefuseAPlaintextOverTheLimit) {
  Pair pair(GetParam());
  Bytes out = to_bytes("kept");
  EXPECT_EQ(pair.a.seal(Bytes(kRecordPlaintextMax + 1), out).error().code, Code::too_large);
  EXPECT_EQ(as_text(out), "kept");
  EXPECT_EQ(pair.a.records_sent(), 0u);
}

TEST_P(Sessions, RefuseRecordsPastTheLast) {
  Pair pair(GetParam(), 2);
  const Bytes first = pair.seal("1"), second = pair.seal("2");
  Bytes out;
  EXPECT_EQ(pair.a.seal(as_bytes("3"), out).error().code, Code::overloaded);
  EXPECT_TRUE(out.empty());
  EXPECT_EQ(open(pair.b, first), "1");
  EXPECT_EQ(open(pair.b, second), "2");
  Pair unlimited(GetParam());
  unlimited.seal("1");
  unlimited.seal("2");
  EXPECT_EQ(open(pair.b, unlimited.seal("3")), "overloaded");
}

TEST_P(Sessions, MoveWithTheirState) {
  Pair pair(GetParam());
  EXPECT_EQ(open(pair.b, pair.seal("before")), "before");
  Session moved = std::move(pair.b);
  EXPECT_EQ(open(moved, pair.seal("after")), "after");
}

// The key changes without a word on the wire; records around the change open in order and only with
// the right key.
TEST_P(Sessions, TakeTheNextKeyInStep) {
  Pair pair(GetParam());
  Bytes record;
  for (uint64_t i = 0; i < kRecordsPerKey - 1; ++i) {
    record.clear();
    ASSERT_TRUE(pair.a.seal({}, record));
    ASSERT_TRUE(pair.b.open(record));
  }
  const Bytes last = pair.seal("last of the first key"), next = pair.seal("first of the next");
  Bytes changed = last;
  changed.back() ^= std::byte{1};
  EXPECT_EQ(open(pair.b, changed), "forged");
  EXPECT_EQ(open(pair.b, last), "last of the first key");
  EXPECT_EQ(open(pair.b, next), "first of the next");
  EXPECT_EQ(open(pair.b, pair.seal("and on")), "and on");
}

INSTANTIATE_TEST_SUITE_P(
    All, Sessions,
    testing::Values(Mode{Suite::aes256gcm, true}, Mode{Suite::aes256gcm, false},
                    Mode{Suite::chacha20poly1305, true}, Mode{Suite::chacha20poly1305, false}),
    [](const auto& mode) {
      return std::string(mode.param.suite == Suite::aes256gcm ? "Aes256Gcm" : "ChaCha20Poly1305") +
             (mode.param.encryption ? "" : "Plain");
    });

}  // namespace
}  // namespace themis::wire
