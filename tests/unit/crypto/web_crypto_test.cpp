// Keys and algorithms of the Web Cryptography API, where their parsing and edges are.
#include <gtest/gtest.h>

#include "runtime/base/rng.hpp"
#include "runtime/crypto/web_algorithms.hpp"

namespace themis::crypto {
namespace {

constexpr KeyKind kCurves[] = {"P-256", "P-384", "P-521", "Ed25519", "Ed448", "X25519", "X448"};
constexpr std::byte kExponent[] = {std::byte{1}, std::byte{0}, std::byte{1}};

WebKey make(KeyKind kind) { return WebKey::generate(kind, 1024, kExponent).value(); }

Bytes copy(ByteView view) { return {view.begin(), view.end()}; }

/// The public half as DER, to compare keys by.
Bytes shape(const Result<WebKey>& key) { return key ? key->to_spki().value() : Bytes(); }

TEST(WebKey, GoesOutAndComesBackInEveryForm) {
  for (const KeyKind kind :
       {"RSA", "P-256", "P-384", "P-521", "Ed25519", "Ed448", "X25519", "X448"}) {
    const WebKey key = make(kind);
    const Bytes spki = key.to_spki().value();
    EXPECT_EQ(shape(WebKey::from_spki(kind, spki)), spki) << kind;
    EXPECT_EQ(shape(WebKey::from_pkcs8(kind, key.to_pkcs8().value().view())), spki) << kind;
    for (const bool private_too : {false, true}) {
      const std::vector<WipedBytes> numbers = key.to_numbers(kind, private_too).value();
      std::vector<ByteView> views;
      for (const WipedBytes& number : numbers) views.push_back(number.view());
      EXPECT_EQ(shape(WebKey::from_numbers(kind, views)), spki) << kind;
    }
  }
  for (const KeyKind kind : kCurves) {
    const WebKey key = make(kind);
    EXPECT_EQ(shape(WebKey::from_point(kind, key.to_point().value())), key.to_spki().value());
  }
}

TEST(WebKey, AdversaryAPrivateNumberOfAnotherKeyIsRefused) {
  for (const KeyKind kind : kCurves) {
    const std::vector<WipedBytes> ours = make(kind).to_numbers(kind, true).value();
    const std::vector<WipedBytes> theirs = make(kind).to_numbers(kind, true).value();
    std::vector<ByteView> mixed;
    for (const WipedBytes& number : ours) mixed.push_back(number.view());
    mixed.back() = theirs.back().view();
    EXPECT_FALSE(WebKey::from_numbers(kind, mixed)) << kind;
  }
}

TEST(WebKey, AdversaryDamagedKeysAreRefusedOrWhole) {
  const uint64_t seed = 20261121;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  SeededRng rng(seed);
  const auto below = [&rng](size_t n) {
    std::array<std::byte, 4> bytes;
    rng.fill(bytes);
    return load<uint32_t>(bytes.data()) % n;
  };
  for (const KeyKind kind : {"RSA", "P-256", "Ed25519"}) {
    const WebKey key = make(kind);
    const Bytes spki = key.to_spki().value();
    const Bytes pkcs8 = copy(key.to_pkcs8().value().view());
    for (int i = 0; i < 300; ++i) {
      for (const Bytes* whole : {&spki, &pkcs8}) {
        Bytes damaged = *whole;
        damaged[below(damaged.size())] ^= static_cast<std::byte>(1 + below(255));
        damaged.resize(damaged.size() - below(3));
        const auto read =
            whole == &spki ? WebKey::from_spki(kind, damaged) : WebKey::from_pkcs8(kind, damaged);
        if (read) {
          EXPECT_TRUE(read->to_spki());
        }
      }
    }
    EXPECT_FALSE(WebKey::from_spki(kind, pkcs8));
    EXPECT_FALSE(WebKey::from_spki(kind, {}));
  }
}

TEST(WebAes, TheCounterWrapsWithinItsBits) {
  const Bytes key(16, std::byte{7});
  const Bytes data(40, std::byte{1});
  Bytes counter(16, std::byte{0xAA});
  counter[15] = std::byte{0xFF};
  const auto run = [&](const Bytes& from, unsigned bits, ByteView in) {
    return web_aes({.mode = "AES-CTR", .iv = from, .counter_bits = bits}, key, in);
  };
  const Bytes wrapped = run(counter, 8, data).value();
  Bytes expected = run(counter, 128, ByteView(data).first(16)).value();
  Bytes zero = counter;
  zero[15] = std::byte{0};
  append(expected, run(zero, 128, ByteView(data).subspan(16)).value());
  EXPECT_EQ(wrapped, expected);
  EXPECT_NE(wrapped, run(counter, 128, data).value());
  EXPECT_FALSE(run(counter, 1, data));  // three blocks, two counts
  EXPECT_FALSE(run(counter, 0, data));
  EXPECT_FALSE(run(counter, 129, data));
}

TEST(WebDerive, AdversaryWorkIsBounded) {
  const DeriveCall call{.hash = "SHA-256", .iterations = kPbkdf2RoundsMax, .bytes = 64};
  EXPECT_FALSE(web_pbkdf2(call, {}));
  EXPECT_FALSE(web_pbkdf2({.hash = "SHA-256", .iterations = 1, .bytes = kDerivedBytesMax + 1}, {}));
  EXPECT_FALSE(web_hkdf({.hash = "SHA-256", .bytes = 255 * 32 + 1}, {}));
  EXPECT_EQ(web_hkdf({.hash = "SHA-256", .bytes = 255 * 32}, {}).value().view().size(), 8160u);
  EXPECT_FALSE(WebKey::generate("RSA", kRsaBitsMax + 1, kExponent));
}

/// Nothing ended the search for primes, which takes seconds.
TEST(WebDerive, RegressAnRsaKeyIsGivenUpWhenItMayNotGoOn) {
  int asked = 0;
  EXPECT_FALSE(WebKey::generate("RSA", kRsaBitsMax, kExponent, [&] { return ++asked < 3; }));
  EXPECT_LT(asked, 1000);
  EXPECT_TRUE(WebKey::generate("RSA", 1024, kExponent, [] { return true; }));
}

}  // namespace
}  // namespace themis::crypto
