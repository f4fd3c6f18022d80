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
  explicit Pair(Mode mode, const SessionLimits& limits = {})
      : a(make(mode, limits, true)), b(make(mode, limits, false)) {}

  static Session make(Mode mode, const SessionLimits& limits, bool first) {
    SeededRng rng(1);
    SecretBytes<32> forward(rng), backward(rng);
    return Session({.suite = mode.suite,
                    .encryption = mode.encryption,
                    .initiator = first,
                    .send = first ? std::move(forward) : std::move(backward),
                    .receive = first ? std::move(backward) : std::move(forward)},
                   limits);
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

class Sessions : public testing::TestWithParam<Mode> {};

/// A CPU without AES instructions has one suite, and offers one.
std::vector<Mode> modes_here() {
  std::vector<Mode> modes{{Suite::chacha20poly1305, true}, {Suite::chacha20poly1305, false}};
  if (crypto::available(Suite::aes256gcm))
    modes.insert(modes.end(), {{Suite::aes256gcm, true}, {Suite::aes256gcm, false}});
  return modes;
}

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
  Pair pair(GetParam(), {.records = 2});
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

/// One exchange of keys, record by record.
struct Exchange {
  explicit Exchange(Pair& pair, uint64_t seed = 5) : pair_(pair), rng_(seed) {}
  Bytes first() {
    Bytes out;
    EXPECT_TRUE(pair_.a.start_rekey(rng_, out));
    return out;
  }
  Result<Bytes> give(Session& to, Bytes record) {
    Bytes out;
    THEMIS_CHECK(to.on_rekey(record, rng_, out));
    return out;
  }
  void run() {
    const Bytes second = give(pair_.b, first()).value();
    EXPECT_TRUE(give(pair_.b, give(pair_.a, second).value()));
  }
  Pair& pair_;
  SeededRng rng_;
};

TEST_P(Sessions, TakeFreshKeysWhileRecordsFlow) {
  Pair pair(GetParam());
  Exchange exchange(pair);
  for (int round = 0; round < 3; ++round) {
    const Bytes early = pair.seal("before");
    const Bytes first = exchange.first();
    const Bytes between = pair.seal("behind the offer");
    EXPECT_EQ(open(pair.b, early), "before");
    const Bytes second = exchange.give(pair.b, first).value();
    EXPECT_EQ(open(pair.b, between), "behind the offer");
    Bytes back;
    ASSERT_TRUE(pair.b.seal(as_bytes("under the new key"), back));
    EXPECT_TRUE(pair.a.rekeying() && pair.b.rekeying());
    EXPECT_EQ(open(pair.a, back), "replayed") << "the second record of the exchange comes first";
    const Bytes third = exchange.give(pair.a, second).value();
    EXPECT_EQ(open(pair.a, back), "under the new key");
    const Bytes after = pair.seal("after");
    EXPECT_EQ(open(pair.b, after), "replayed") << "the third record comes first";
    ASSERT_TRUE(exchange.give(pair.b, third));
    EXPECT_EQ(open(pair.b, after), "after");
    EXPECT_FALSE(pair.a.rekeying() || pair.b.rekeying());
    EXPECT_EQ(pair.a.rekeyed(), round + 1u);
    EXPECT_EQ(pair.b.rekeyed(), round + 1u);
  }
}

/// Who copied every key of both ends before an exchange follows it no further with the keys alone.
TEST_P(Sessions, AdversaryWithAllOldKeysIsShutOutByAnExchange) {
  Pair pair(GetParam()), stolen(GetParam());
  Exchange exchange(pair), guess(stolen, 6);
  exchange.run();
  guess.run();
  EXPECT_EQ(open(stolen.b, pair.seal("fresh")), "forged");
}

TEST_P(Sessions, AdversaryChangesCutsAndRepeatsRekeyRecords) {
  Pair pair(GetParam());
  Exchange exchange(pair);
  Bytes record = exchange.first();
  Session* const takers[] = {&pair.b, &pair.a, &pair.b};
  for (Session* taker : takers) {
    for (size_t offset = 0; offset < record.size(); ++offset) {
      Bytes changed = record;
      changed[offset] ^= std::byte{1};
      EXPECT_FALSE(exchange.give(*taker, changed)) << "offset " << offset;
      EXPECT_FALSE(exchange.give(
          *taker, Bytes(record.begin(),
                        record.end() - 1 -
                            static_cast<std::ptrdiff_t>(std::min(offset, record.size() - 9)))));
    }
    Session& sender = taker == &pair.a ? pair.b : pair.a;
    EXPECT_FALSE(exchange.give(sender, record)) << "reflected";
    EXPECT_EQ(open(*taker, record), "malformed") << "not a record of messages";
    const Bytes taken = record;
    record = exchange.give(*taker, record).value();
    EXPECT_FALSE(exchange.give(*taker, taken)) << "repeated";
  }
  EXPECT_EQ(open(pair.b, pair.seal("on")), "on");
}

TEST_P(Sessions, AdversaryOffersAShareOfSmallOrder) {
  Pair pair(GetParam());
  // Sealed with the genuine key: a member of the network that does not keep to the protocol.
  crypto::AeadKey key(GetParam().suite, [] {
    SeededRng rng(1);
    return SecretBytes<32>(rng);
  }());
  Bytes record(kRecordOverheadBytes + 32);
  FrameHeader{.type = static_cast<uint8_t>(FrameType::rekey_1), .length = 48}.write(record.data());
  const size_t visible = GetParam().encryption ? kFrameHeaderBytes : kFrameHeaderBytes + 32;
  key.seal(crypto::counter_nonce(0), ByteView(record).first(visible),
           std::span(record).subspan(visible, kFrameHeaderBytes + 32 - visible),
           std::span(record).last<kTagBytes>());
  Exchange exchange(pair);
  EXPECT_EQ(exchange.give(pair.b, record).error().code, Code::forged);
  EXPECT_EQ(pair.b.records_received(), 0u);
  EXPECT_EQ(open(pair.b, pair.seal("genuine")), "genuine");
}

TEST_P(Sessions, AskForKeysByNumberAndEndWhenTheyDoNotCome) {
  Pair pair(GetParam(), {.records_per_key = 10});
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(pair.a.rekey_due());
    EXPECT_EQ(open(pair.b, pair.seal("x")), "x");
  }
  EXPECT_TRUE(pair.a.rekey_due());
  EXPECT_FALSE(pair.b.rekey_due()) << "the initiator asks";
  Exchange(pair).run();
  EXPECT_FALSE(pair.a.rekey_due());
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(pair.a.rekey_overdue(), i >= 20) << i;
    EXPECT_EQ(open(pair.b, pair.seal("x")), "x");
  }
  EXPECT_TRUE(pair.b.rekey_overdue());
  Bytes out;
  EXPECT_EQ(pair.a.seal(as_bytes("x"), out).error().code, Code::overloaded);
  EXPECT_TRUE(out.empty());
}

INSTANTIATE_TEST_SUITE_P(All, Sessions, testing::ValuesIn(modes_here()), [](const auto& mode) {
  return std::string(mode.param.suite == Suite::aes256gcm ? "Aes256Gcm" : "ChaCha20Poly1305") +
         (mode.param.encryption ? "" : "Plain");
});

}  // namespace
}  // namespace themis::wire
