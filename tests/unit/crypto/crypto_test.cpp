#include <gtest/gtest.h>

#include <limits>
#include <type_traits>

#include "runtime/crypto/aead.hpp"
#include "runtime/crypto/dh.hpp"
#include "runtime/crypto/hash.hpp"
#include "runtime/crypto/password.hpp"
#include "runtime/crypto/sha256.hpp"
#include "runtime/crypto/sign.hpp"
#include "runtime/crypto/web_algorithms.hpp"

namespace themis::crypto {
namespace {

constexpr size_t kNever = std::numeric_limits<size_t>::max();

Bytes random_bytes(Rng& rng, size_t size) {
  Bytes bytes(size);
  rng.fill(bytes);
  return bytes;
}

TEST(SecretBytes, MovingWipesTheSource) {
  SeededRng rng(1);
  SecretBytes<32> first(rng);
  const Bytes copy(first.view().begin(), first.view().end());
  SecretBytes<32> second = std::move(first);
  EXPECT_TRUE(equal(second.view(), copy));
  EXPECT_TRUE(equal(first.view(), Bytes(32)));
  first = std::move(second);
  EXPECT_TRUE(equal(first.view(), copy));
  EXPECT_TRUE(equal(second.view(), Bytes(32)));
}

TEST(SecretBytes, DestructionLeavesNothing) {
  SeededRng rng(2);
  alignas(SecretBytes<32>) std::array<std::byte, sizeof(SecretBytes<32>)> place{};
  auto* secret = std::construct_at(reinterpret_cast<SecretBytes<32>*>(place.data()), rng);
  ASSERT_FALSE(equal(place, Bytes(32)));
  std::destroy_at(secret);
  EXPECT_TRUE(equal(place, Bytes(32)));
}

template <class T>
concept Printable = requires(std::ostream& out, const T& value) {
  out << value;
};

TEST(SecretBytes, CannotBeCopiedOrPrinted) {
  static_assert(!std::is_copy_constructible_v<SecretBytes<32>>);
  static_assert(!std::is_copy_assignable_v<SecretBytes<32>>);
  static_assert(!Printable<SecretBytes<32>>);
}

TEST(SecretBytes, HexadecimalGoesBothWaysAndIsStrict) {
  SeededRng rng(3);
  const SecretBytes<4> secret(rng);
  std::string text(8, '?');
  secret_to_hex(secret.view(), text);
  EXPECT_EQ(text, to_hex(secret.view()));
  SecretBytes<4> back;
  ASSERT_TRUE(secret_from_hex(text, back.span()));
  EXPECT_TRUE(back == secret);
  for (const char* wrong : {"", "0011223", "001122334", "0011223g", "00 11223"})
    EXPECT_EQ(secret_from_hex(wrong, back.span()).error().code, Code::malformed) << wrong;
}

TEST(Hash, MatchesThePublishedDigest) {
  // BLAKE2b-256 of "abc", as b2sum -l 256 prints it.
  EXPECT_EQ(to_hex(blake2b(as_bytes("abc"))),
            "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
  EXPECT_EQ(Hasher().add(as_bytes("a")).add(as_bytes("bc")).finish(), blake2b(as_bytes("abc")));
}

TEST(Hash, FramingKeepsFieldsApart) {
  const auto hash = [](std::string_view a, std::string_view b) {
    return Hasher("themis/test/v1").add_framed(as_bytes(a)).add_framed(as_bytes(b)).finish();
  };
  EXPECT_NE(hash("ab", "c"), hash("a", "bc"));
  EXPECT_NE(Hasher("themis/test/v1").finish(), Hasher("themis/test/v2").finish());
  Bytes spelled = to_bytes("themis/test/v1");
  append(spelled, from_hex("0200000000000000").value());
  append(spelled, as_bytes("ab"));
  append(spelled, from_hex("0100000000000000").value());
  append(spelled, as_bytes("c"));
  EXPECT_EQ(hash("ab", "c"), blake2b(spelled));
}

TEST(Sha256, MeetsTheVectorsOfFips180) {
  const auto hash = [](std::string_view text) {
    return to_hex(Sha256().add(as_bytes(text)).finish());
  };
  EXPECT_EQ(hash(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(to_hex(Sha256().add(as_bytes("a")).add({}).add(as_bytes("bc")).finish()), hash("abc"));
}

// The hash string that the PHP manual prints for sodium_crypto_pwhash_str("password") with the
// interactive limits, which are ours; Node.js (crypto.argon2Sync) computes the same.
TEST(Password, Argon2idMeetsAPublishedHash) {
  std::array<std::byte, 16> salt;
  const auto bytes = from_hex("a1621f75a5f05b08559a8bce05cd8d01").value();
  std::copy(bytes.begin(), bytes.end(), salt.begin());
  EXPECT_EQ(to_hex(argon2id("password", salt).value().view()),
            "11bb19f899d9cb26af91a7d2d21a1ce0775a381d082d664448067b91519af88c");
  EXPECT_NE(to_hex(argon2id("Password", salt).value().view()),
            to_hex(argon2id("password", salt).value().view()));
}

TEST(Sign, VerifiesItsOwnAndNothingElse) {
  SeededRng rng(4);
  const SigningKey key{SecretBytes<32>(rng)}, other{SecretBytes<32>(rng)};
  const Bytes message = to_bytes("a message");
  const Signature signature = key.sign(message);
  EXPECT_TRUE(verify(key.public_key(), message, signature));
  EXPECT_EQ(verify(other.public_key(), message, signature).error().code, Code::forged);
  EXPECT_EQ(verify(key.public_key(), to_bytes("a massage"), signature).error().code, Code::forged);
  EXPECT_EQ(PublicKey::from_bytes(Bytes(31)).error().code, Code::malformed);
  EXPECT_EQ(Signature::from_bytes(Bytes(65)).error().code, Code::malformed);
}

TEST(Dh, BothSidesAgree) {
  SeededRng rng(5);
  const DhKey a{SecretBytes<32>(rng)}, b{SecretBytes<32>(rng)};
  EXPECT_TRUE(a.agree(b.share()).value() == b.agree(a.share()).value());
}

TEST(Dh, ShareIsTheScalarTimesTheBasePoint) {
  std::array<std::byte, 32> nine{std::byte{9}};
  for (uint64_t seed = 0; seed < 200; ++seed) {
    SeededRng rng(seed), same(seed);
    const DhKey key{SecretBytes<32>(rng)};
    const auto ladder = DhKey{SecretBytes<32>(same)}.agree(DhShare{nine});
    ASSERT_TRUE(equal(key.share().view(), ladder.value().view())) << "seed " << seed;
  }
}

TEST(Aead, CounterNonceIsFourZerosAndLittleEndian) {
  EXPECT_EQ(to_hex(counter_nonce(0x0102030405060708)), "000000000807060504030201");
}

/// A CPU without AES instructions has one suite, and offers one.
std::vector<Suite> suites_here() {
  std::vector<Suite> suites{Suite::chacha20poly1305};
  if (available(Suite::aes256gcm)) suites.push_back(Suite::aes256gcm);
  return suites;
}

// NIST's GCM specification (McGrew and Viega), appendix B, test cases 13 and 14.
TEST(Aead, Aes256GcmMeetsTheSpecification) {
  if (suites_here().size() == 1) return;  // this CPU has no AES instructions: nobody can use it
  AeadKey key(Suite::aes256gcm, SecretBytes<32>());
  Tag tag;
  key.seal(Nonce{}, {}, {}, tag);
  EXPECT_EQ(to_hex(tag), "530f8afbc74536b9a963b4f1c4cb738b");
  Bytes block(16);
  key.seal(Nonce{}, {}, block, tag);
  EXPECT_EQ(to_hex(block), "cea7403d4d606b6e074ec5d3baf39d18");
  EXPECT_EQ(to_hex(tag), "d0d1c8a799996bf0265b98b5d48ab919");
}

// Every length up to past the widest stride of the vector code, and some large ones.
TEST(Aead, Aes256GcmIsThatOfOpenssl) {
  if (suites_here().size() == 1) return;
  SeededRng rng(9);
  const SecretBytes<32> raw(rng);
  AeadKey key(Suite::aes256gcm, SecretBytes<32>(raw.view()));
  std::vector<size_t> sizes{4096, 16'384, 16'385, 65'536, 1'000'003};
  for (size_t size = 0; size < 1100; ++size) sizes.push_back(size);
  for (const size_t size : sizes) {
    const Nonce nonce = counter_nonce(rng.next());
    const Bytes plain = random_bytes(rng, size), aad = random_bytes(rng, size % 67);
    const Bytes expected =
        web_aes({.mode = "AES-GCM", .iv = nonce, .aad = aad}, raw.view(), plain).value();
    Bytes sealed(size + kTagBytes);
    std::copy(plain.begin(), plain.end(), sealed.begin());
    const auto message = std::span(sealed).first(size);
    const auto tag = std::span(sealed).last<kTagBytes>();
    key.seal(nonce, aad, message, tag);
    ASSERT_EQ(sealed, expected) << size;
    ASSERT_TRUE(key.open(nonce, aad, message, tag)) << size;
    ASSERT_TRUE(equal(message, plain)) << size;
  }
}

TEST(Aead, ChaCha20Poly1305LibrariesOpenWhatTheOtherSealed) {
  SeededRng rng(6);
  const SecretBytes<32> raw(rng);
  constexpr Suite kSuite = Suite::chacha20poly1305;
  AeadKey sodium(kSuite, SecretBytes<32>(raw.view()), kNever);
  AeadKey openssl(kSuite, SecretBytes<32>(raw.view()), 0);
  AeadKey both(kSuite, SecretBytes<32>(raw.view()));
  uint64_t counter = 0;
  for (const size_t size : {0, 1, 15, 16, 17, 255, 256, 257, 511, 512, 513, 4096, 16'384}) {
    const Bytes plain = random_bytes(rng, size), aad = random_bytes(rng, size % 23);
    Bytes first = plain, second = plain, third = plain;
    Tag first_tag, second_tag, third_tag;
    const Nonce nonce = counter_nonce(counter++);
    sodium.seal(nonce, aad, first, first_tag);
    openssl.seal(nonce, aad, second, second_tag);
    both.seal(nonce, aad, third, third_tag);
    EXPECT_EQ(first, second) << size;
    EXPECT_EQ(first, third) << size;
    EXPECT_EQ(first_tag, second_tag) << size;
    EXPECT_EQ(first_tag, third_tag) << size;
    ASSERT_TRUE(sodium.open(nonce, aad, second, second_tag));
    ASSERT_TRUE(openssl.open(nonce, aad, first, first_tag));
    EXPECT_EQ(first, plain);
    EXPECT_EQ(second, plain);
  }
}

class AeadSuites : public testing::TestWithParam<Suite> {};

TEST_P(AeadSuites, AdversaryChangesOneBitAnywhere) {
  SeededRng rng(7);
  for (const size_t openssl_from : {size_t{0}, kNever}) {
    AeadKey key(GetParam(), SecretBytes<32>(rng), openssl_from);
    const Bytes plain = random_bytes(rng, 33), aad = random_bytes(rng, 8);
    Bytes sealed = plain;
    Tag tag;
    key.seal(counter_nonce(1), aad, sealed, tag);
    const size_t bits = 8 * (aad.size() + sealed.size() + tag.size());
    for (size_t bit = 0; bit < bits; ++bit) {
      Bytes all = aad;
      append(all, sealed);
      append(all, tag);
      all[bit / 8] ^= std::byte(1 << (bit % 8));
      const auto message = std::span(all).subspan(aad.size(), sealed.size());
      const auto opened = key.open(counter_nonce(1), ByteView(all).first(aad.size()), message,
                                   std::span(all).last<kTagBytes>());
      ASSERT_FALSE(opened) << "bit " << bit;
      EXPECT_EQ(opened.error().code, Code::forged);
      EXPECT_FALSE(equal(message, plain)) << "bit " << bit;
    }
    EXPECT_EQ(key.open(counter_nonce(2), aad, sealed, tag).error().code, Code::forged);
  }
}

TEST_P(AeadSuites, AuthenticatesWithoutAMessage) {
  SeededRng rng(8);
  for (const size_t size : {8, 72, 1000, 16'392}) {
    AeadKey key(GetParam(), SecretBytes<32>(rng));
    Bytes data = random_bytes(rng, size);
    Tag tag;
    key.seal(counter_nonce(0), data, {}, tag);
    EXPECT_TRUE(key.open(counter_nonce(0), data, {}, tag));
    data[size / 2] ^= std::byte{1};
    EXPECT_EQ(key.open(counter_nonce(0), data, {}, tag).error().code, Code::forged);
  }
}

TEST_P(AeadSuites, RekeyingGivesBothSidesTheSameNextKey) {
  SeededRng rng(9);
  const SecretBytes<32> raw(rng), secret(rng), other(rng);
  AeadKey first(GetParam(), SecretBytes<32>(raw.view())),
      second(GetParam(), SecretBytes<32>(raw.view()));
  AeadKey next = first.mixed(secret), same = second.mixed(secret), wrong = second.mixed(other);
  Bytes message = to_bytes("after");
  Tag tag;
  next.seal(counter_nonce(0), {}, message, tag);
  Bytes copy = message;
  EXPECT_EQ(first.open(counter_nonce(0), {}, copy, tag).error().code, Code::forged);
  copy = message;
  EXPECT_EQ(wrong.open(counter_nonce(0), {}, copy, tag).error().code, Code::forged);
  ASSERT_TRUE(same.open(counter_nonce(0), {}, message, tag));
  EXPECT_EQ(message, to_bytes("after"));
}

INSTANTIATE_TEST_SUITE_P(All, AeadSuites, testing::ValuesIn(suites_here()), [](const auto& suite) {
  return suite.param == Suite::aes256gcm ? "Aes256Gcm" : "ChaCha20Poly1305";
});

}  // namespace
}  // namespace themis::crypto
