// Hashes and signatures that tests/vectors/oyster.py computed in plain Python.

#include <gtest/gtest.h>

#include <fstream>

#include "runtime/crypto/crypto.hpp"
#include "runtime/http/json.hpp"
#include "runtime/oyster/reply_signer.hpp"

namespace themis::oyster {
namespace {

const http::Json& vectors() {
  static const http::Json json = [] {
    std::ifstream file(THEMIS_VECTORS_DIR "/oyster.json");
    return http::Json::parse(file);
  }();
  return json;
}

Bytes hex(const http::Json& object, const char* key) {
  return from_hex(object.at(key).get<std::string>()).value();
}
template <size_t N>
std::array<std::byte, N> fixed(const http::Json& object, const char* key) {
  std::array<std::byte, N> out{};
  const Bytes bytes = hex(object, key);
  EXPECT_EQ(bytes.size(), N);
  std::ranges::copy(bytes, out.begin());
  return out;
}

TEST(Keccak256, HashesAsTheReferenceDoesWholeAndInParts) {
  ASSERT_EQ(vectors().at("hashes").size(), 11u);
  for (const http::Json& vector : vectors().at("hashes")) {
    const Bytes text = hex(vector, "text");
    const auto digest = fixed<32>(vector, "keccak256");
    EXPECT_EQ(crypto::keccak256(text), digest) << text.size();
    crypto::Keccak256 parts;
    for (const std::byte byte : text) parts.add(ByteView(&byte, 1));
    EXPECT_EQ(parts.finish(), digest) << text.size();
  }
  // Published: the hash of nothing, which Ethereum's accounts without code have.
  EXPECT_EQ(to_hex(crypto::keccak256({})),
            "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
}

TEST(RecoverableKey, SignsAsRfc6979SaysAndItsSignaturesTellIt) {
  SeededRng rng(1);
  ASSERT_EQ(vectors().at("signatures").size(), 16u);
  for (const http::Json& vector : vectors().at("signatures")) {
    const auto key = crypto::RecoverableKey::from_secret(fixed<32>(vector, "secret"), rng);
    ASSERT_TRUE(key);
    const auto digest = fixed<32>(vector, "digest");
    const auto signature = fixed<65>(vector, "signature");
    EXPECT_EQ(key->public_key(), fixed<64>(vector, "public_key"));
    EXPECT_EQ(key->address(), vector.at("address").get<std::string>());
    EXPECT_EQ(key->sign(digest), signature);
    EXPECT_EQ(crypto::recover(digest, signature), key->public_key());
    auto forged = signature;
    forged[40] ^= std::byte{1};
    EXPECT_NE(crypto::recover(digest, forged), key->public_key());
    forged = signature;
    forged[64] = std::byte{26};
    EXPECT_FALSE(crypto::recover(digest, forged));
  }
}

TEST(RecoverableKey, IsNoNumberOutsideOfTheCurvesOrder) {
  SeededRng rng(1);
  std::array<std::byte, 32> secret{};
  EXPECT_FALSE(crypto::RecoverableKey::from_secret(secret, rng));
  secret.fill(std::byte{0xFF});
  EXPECT_FALSE(crypto::RecoverableKey::from_secret(secret, rng));
}

TEST(OysterReplySigner, SignsWhatOysterSignsAndNothingOfTheCodesRemains) {
  crypto::init();
  const http::Json& vector = vectors().at("reply");
  const auto text = [&](const char* key) { return vector.at(key).get<std::string>(); };
  const std::string method = text("method"), path = text("path_and_query"), host = text("host"),
                    body = text("body");
  const SignedRequest request{method, path, host, body};
  const uint64_t time_s = vector.at("time_s").get<uint64_t>();
  const crypto::Digest digest = reply_digest(request, text("answer"), time_s);
  EXPECT_EQ(to_hex(digest), text("digest"));

  SeededRng rng(1);
  const auto key = crypto::RecoverableKey::from_secret(
      fixed<32>(vectors().at("signatures").at(0), "secret"), rng);
  const crypto::SigningKey identity{crypto::SecretBytes<32>(rng)};
  http::Response response = http::Response::text(200, text("answer"));
  response.headers.add("x-oyster-signature", "forged");
  sign_reply(response, request, time_s, *key, identity);
  EXPECT_EQ(response.headers.count(kSignatureHeader), 1u);
  EXPECT_EQ(*response.headers.find(kSignatureHeader), to_hex(key->sign(digest)));
  EXPECT_EQ(*response.headers.find(kTimestampHeader), "1700000000");
  const auto signature =
      crypto::Signature::from_bytes(*from_hex(*response.headers.find(kIdentitySignatureHeader)));
  Bytes signed_text = to_bytes(kIdentityLabel);
  append(signed_text, digest);
  EXPECT_TRUE(crypto::verify(identity.public_key(), signed_text, *signature));
  EXPECT_EQ(*response.headers.find(kIdentityKeyHeader), to_hex(identity.public_key().view()));
}

}  // namespace
}  // namespace themis::oyster
