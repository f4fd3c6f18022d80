// Every published vector of tests/vectors through runtime/crypto, with the counts of the SOURCES.md
// files asserted.

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "runtime/crypto/aead.hpp"
#include "runtime/crypto/dh.hpp"
#include "runtime/crypto/kdf.hpp"
#include "runtime/crypto/sign.hpp"

namespace themis::crypto {
namespace {

using Json = nlohmann::json;

Json read_json(const std::string& name) {
  std::ifstream file(std::string(THEMIS_VECTORS_DIR "/") + name);
  if (!file) throw std::runtime_error("cannot read the vectors of " + name);
  return Json::parse(file);
}

Bytes hex(const Json& object, const char* field) {
  return from_hex(object.at(field).get<std::string>()).value();
}

/// How a file's tests came out: met, by the file's verdict, and those our types cannot even
/// express.
struct Tally {
  std::map<std::string, int> met;
  int inexpressible = 0;
  bool operator==(const Tally&) const = default;
};

/// Calls `meets(group, test)` for each Wycheproof test; it returns true when runtime/crypto did as
/// the test says, and nothing when its types make the input impossible.
Tally run(const std::string& name,
          const std::function<std::optional<bool>(const Json&, const Json&)>& meets) {
  Tally tally;
  const Json file = read_json("wycheproof/" + name + "_test.json");
  int seen = 0;
  for (const Json& group : file.at("testGroups")) {
    for (const Json& test : group.at("tests")) {
      ++seen;
      const auto outcome = meets(group, test);
      EXPECT_TRUE(outcome.value_or(true)) << name << " test " << test.at("tcId");
      if (!outcome) ++tally.inexpressible;
      if (outcome == true) ++tally.met[test.at("result")];
    }
  }
  EXPECT_EQ(seen, file.at("numberOfTests").get<int>());
  return tally;
}

bool is_valid(const Json& test) { return test.at("result") == "valid"; }

TEST(Vectors, X25519) {
  int refused = 0;
  const Tally tally = run("x25519", [&](const Json&, const Json& test) -> std::optional<bool> {
    const Bytes seed = hex(test, "private"), shared = hex(test, "shared");
    const DhKey key{SecretBytes<32>(std::span(seed).first<32>())};
    const auto result = key.agree(DhShare::from_bytes(hex(test, "public")).value());
    refused += !result;
    if (shared == Bytes(32)) return !result && result.error().code == Code::forged;
    return result && equal(result->view(), shared);
  });
  EXPECT_EQ(tally, (Tally{.met = {{"valid", 264}, {"acceptable", 254}}}));
  EXPECT_EQ(refused, 31);
}

TEST(Vectors, Ed25519) {
  const Tally tally =
      run("ed25519", [](const Json& group, const Json& test) -> std::optional<bool> {
        const auto key = PublicKey::from_bytes(hex(group.at("publicKey"), "pk"));
        const auto signature = Signature::from_bytes(hex(test, "sig"));
        const bool accepted = key && signature && verify(*key, hex(test, "msg"), *signature);
        return accepted == is_valid(test);
      });
  EXPECT_EQ(tally, (Tally{.met = {{"valid", 88}, {"invalid", 63}}}));
}

/// `Key` is called as seal(nonce, aad, message, tag) and open(...), whatever the cipher.
template <class AnyNonce, class MakeKey>
std::optional<bool> meets_aead(const Json& test, const MakeKey& make_key) {
  const Bytes iv = hex(test, "iv"), aad = hex(test, "aad"), plain = hex(test, "msg");
  const Bytes sealed = hex(test, "ct"), tag_bytes = hex(test, "tag"), raw_key = hex(test, "key");
  AnyNonce nonce;
  if (iv.size() != nonce.size()) return std::nullopt;
  std::ranges::copy(iv, nonce.begin());
  auto key = make_key(SecretBytes<32>(std::span(raw_key).template first<32>()));
  const auto tag = std::span(tag_bytes).template first<kTagBytes>();
  Bytes message = sealed;
  const Status opened = key.open(nonce, aad, message, tag);
  if (!is_valid(test)) return !opened && opened.error().code == Code::forged;
  Bytes again = plain;
  Tag made;
  key.seal(nonce, aad, again, made);
  return opened && message == plain && again == sealed && equal(made, tag);
}

TEST(Vectors, ChaCha20Poly1305WithBothLibraries) {
  for (const size_t openssl_from : {size_t{0}, std::numeric_limits<size_t>::max()}) {
    const Tally tally = run("chacha20_poly1305", [&](const Json&, const Json& test) {
      return meets_aead<Nonce>(test, [&](SecretBytes<32> key) {
        return AeadKey(Suite::chacha20poly1305, std::move(key), openssl_from);
      });
    });
    EXPECT_EQ(tally, (Tally{.met = {{"valid", 256}, {"invalid", 60}}, .inexpressible = 9}));
  }
}

TEST(Vectors, HkdfSha256) {
  const Tally tally = run("hkdf_sha256", [](const Json&, const Json& test) {
    Bytes out(test.at("size").get<size_t>());
    const Status made = hkdf_sha256_expand(hkdf_sha256_extract(hex(test, "salt"), hex(test, "ikm")),
                                           hex(test, "info"), out);
    if (!is_valid(test)) return !made && made.error().code == Code::too_large;
    return made && out == hex(test, "okm");
  });
  EXPECT_EQ(tally, (Tally{.met = {{"valid", 83}, {"invalid", 3}}}));
}

TEST(Vectors, HmacSha256IsTheExtractStep) {
  const Tally tally = run("hmac_sha256", [](const Json& group, const Json& test) {
    const SecretBytes<32> full = hkdf_sha256_extract(hex(test, "key"), hex(test, "msg"));
    const ByteView kept = full.view().first(group.at("tagSize").get<size_t>() / 8);
    return equal(kept, hex(test, "tag")) == is_valid(test);
  });
  EXPECT_EQ(tally, (Tally{.met = {{"valid", 66}, {"invalid", 108}}}));
}

TEST(Vectors, Ed25519SpecCheckGivesLibsodiumsPattern) {
  std::string pattern;
  for (const Json& test : read_json("extra/ed25519_speccheck_cases.json")) {
    const bool accepted =
        verify(PublicKey::from_bytes(hex(test, "pub_key")).value(), hex(test, "message"),
               Signature::from_bytes(hex(test, "signature")).value())
            .has_value();
    pattern += accepted ? 'V' : 'X';
  }
  EXPECT_EQ(pattern, "XXXVXXXXXXXX");
}

TEST(Vectors, Ed25519PointEncodingsAreRefusedWhenOfLowOrder) {
  int accepted = 0, refused = 0;
  for (const Json& test : read_json("extra/cctv_ed25519vectors.json")) {
    bool low_order = false;
    if (const Json& flags = test.at("flags"); flags.is_array())
      for (const Json& flag : flags)
        low_order |= flag == "low_order_A" || flag == "low_order_R" || flag == "low_order_residue";
    const bool valid = verify(PublicKey::from_bytes(hex(test, "key")).value(),
                              as_bytes(test.at("msg").get_ref<const std::string&>()),
                              Signature::from_bytes(hex(test, "sig")).value())
                           .has_value();
    EXPECT_EQ(valid, !low_order) << "case " << test.at("number");
    ++(valid ? accepted : refused);
  }
  EXPECT_EQ(accepted, 43);
  EXPECT_EQ(refused, 871);
}

}  // namespace
}  // namespace themis::crypto
