#include "bench/primitives.hpp"

#include <openssl/evp.h>

#include <limits>
#include <memory>
#include <string>

#include "runtime/base/rng.hpp"
#include "runtime/crypto/aead.hpp"
#include "runtime/crypto/dh.hpp"
#include "runtime/crypto/hash.hpp"
#include "runtime/crypto/kdf.hpp"
#include "runtime/crypto/recoverable_key.hpp"
#include "runtime/crypto/sign.hpp"
#include "runtime/oyster/reply_signer.hpp"

namespace themis::bench {
namespace {

using crypto::SecretBytes;
using EvpKey = std::unique_ptr<EVP_PKEY, decltype([](EVP_PKEY* key) { EVP_PKEY_free(key); })>;
using EvpCipher =
    std::unique_ptr<EVP_CIPHER_CTX, decltype([](EVP_CIPHER_CTX* c) { EVP_CIPHER_CTX_free(c); })>;
using EvpSign = std::unique_ptr<EVP_MD_CTX, decltype([](EVP_MD_CTX* c) { EVP_MD_CTX_free(c); })>;
using EvpAgree =
    std::unique_ptr<EVP_PKEY_CTX, decltype([](EVP_PKEY_CTX* c) { EVP_PKEY_CTX_free(c); })>;

constexpr int kRounds = 9;
constexpr double kRoundSeconds = 0.005;
constexpr size_t kRecordSizes[] = {0, 64, 128, 256, 512, 1024, 4096, 16'384, 65'536};

/// The best round counts: what is slower was disturbed.
template <class F>
double best_us(F&& call) {
  double best = std::numeric_limits<double>::max();
  for (int round = 0; round < kRounds; ++round) {
    const double start = process_cpu_s();
    double elapsed = 0;
    int calls = 0;
    while (elapsed < kRoundSeconds) {
      for (int i = 0; i < 16; ++i) call();
      calls += 16;
      elapsed = process_cpu_s() - start;
    }
    best = std::min(best, 1e6 * elapsed / calls);
  }
  return best;
}

const unsigned char* raw(ByteView bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

void measure_sodium_keys(Figures& figures, Rng& rng) {
  const SecretBytes<32> seed(rng);
  const crypto::SigningKey key(seed);
  const crypto::DhKey own{SecretBytes<32>(rng)};
  const Bytes message(93);  // as long as what a handshake signs
  const crypto::Signature signature = key.sign(message);
  figures["sodium_sign_us"] = best_us([&] { (void)key.sign(message); });
  figures["sodium_verify_us"] = best_us([&] {
    THEMIS_ASSERT(crypto::verify(key.public_key(), message, signature).has_value(), "genuine");
  });
  figures["sodium_x25519_share_us"] =
      best_us([&] { crypto::DhKey fresh{SecretBytes<32>(seed.view())}; });
  figures["sodium_x25519_agree_us"] = best_us([&] { (void)own.agree(own.share()); });
  figures["blake2b_64_us"] = best_us([&] { (void)crypto::blake2b(ByteView(message).first(64)); });
  figures["hmac_sha256_64_us"] =
      best_us([&] { (void)crypto::hkdf_sha256_extract(seed.view(), ByteView(message).first(64)); });
}

/// All of a reply's signing: Keccak-256, secp256k1, Ed25519 and four headers.
void measure_oyster_reply(Figures& figures, Rng& rng) {
  const SecretBytes<32> secret(rng);
  const auto key = crypto::RecoverableKey::from_secret(secret.view(), rng);
  THEMIS_ASSERT(key, "a random number is a key");
  const crypto::SigningKey identity{SecretBytes<32>(rng)};
  const crypto::Digest digest = crypto::blake2b({});
  figures["secp256k1_sign_us"] = best_us([&] { (void)key->sign(digest); });
  const std::string body(1024, 'x');
  figures["oyster_reply_us"] = best_us([&] {
    http::Response response = http::Response::text(200, body);
    oyster::sign_reply(response, {"POST", "/", "label.oyster.run", body}, 1, *key, identity);
  });
}

void measure_openssl_keys(Figures& figures, Rng& rng) {
  const SecretBytes<32> seed(rng);
  const crypto::PublicKey public_key = crypto::SigningKey(seed).public_key();
  const crypto::DhShare share = crypto::DhKey{SecretBytes<32>(rng)}.share();
  const auto private_key = [&](int type) {
    return EvpKey(EVP_PKEY_new_raw_private_key(type, nullptr, raw(seed.view()), 32));
  };
  const EvpKey signing = private_key(EVP_PKEY_ED25519), own = private_key(EVP_PKEY_X25519);
  const Bytes message(93);
  unsigned char signature[64], out[32];
  size_t size = 0;
  figures["openssl_sign_us"] = best_us([&] {
    const EvpSign context(EVP_MD_CTX_new());
    size = sizeof signature;
    EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, signing.get());
    EVP_DigestSign(context.get(), signature, &size, raw(message), message.size());
  });
  figures["openssl_verify_us"] = best_us([&] {
    const EvpKey key(
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw(public_key.view()), 32));
    const EvpSign context(EVP_MD_CTX_new());
    EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get());
    THEMIS_ASSERT(EVP_DigestVerify(context.get(), signature, sizeof signature, raw(message),
                                   message.size()) == 1,
                  "genuine");
  });
  figures["openssl_x25519_share_us"] = best_us([&] {
    const EvpKey key = private_key(EVP_PKEY_X25519);
    size = sizeof out;
    EVP_PKEY_get_raw_public_key(key.get(), out, &size);
  });
  figures["openssl_x25519_agree_us"] = best_us([&] {
    const EvpKey peer(EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, raw(share.view()), 32));
    const EvpAgree context(EVP_PKEY_CTX_new(own.get(), nullptr));
    EVP_PKEY_derive_init(context.get());
    EVP_PKEY_derive_set_peer(context.get(), peer.get());
    size = sizeof out;
    EVP_PKEY_derive(context.get(), out, &size);
  });
}

/// One key of ours, sealing and authenticating records of every size.
void measure_key(Figures& figures, const std::string& name, crypto::AeadKey key) {
  const Bytes aad(8);
  uint64_t counter = 0;
  for (const size_t size : kRecordSizes) {
    Bytes message(size);
    crypto::Tag tag;
    const std::string end = "_" + std::to_string(size) + "_us";
    figures[name + "_seal" + end] = best_us(
        [&] { key.seal(crypto::counter_nonce(counter++), aad, message, tag); });
    figures[name + "_tag_only" + end] = best_us(
        [&] { key.seal(crypto::counter_nonce(counter++), message, {}, tag); });
  }
}

/// What the AES-GCM of sessions is compared with.
void measure_openssl_aes(Figures& figures, Rng& rng) {
  const SecretBytes<32> key(rng);
  const Bytes aad(8);
  unsigned char nonce[12] = {}, tag[16];
  const EvpCipher context(EVP_CIPHER_CTX_new());
  EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, raw(key.view()), nonce);
  for (const size_t size : kRecordSizes) {
    Bytes message(size);
    auto* text = reinterpret_cast<unsigned char*>(message.data());
    figures["openssl_aes256gcm_seal_" + std::to_string(size) + "_us"] = best_us([&] {
      int n = 0;
      ++nonce[0];
      EVP_EncryptInit_ex(context.get(), nullptr, nullptr, nullptr, nonce);
      EVP_EncryptUpdate(context.get(), nullptr, &n, raw(aad), static_cast<int>(aad.size()));
      EVP_EncryptUpdate(context.get(), text, &n, text, static_cast<int>(size));
      EVP_EncryptFinal_ex(context.get(), text, &n);
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, sizeof tag, tag);
    });
  }
}

void measure_aead(Figures& figures, Rng& rng) {
  using crypto::Suite;
  if (crypto::available(Suite::aes256gcm))
    measure_key(figures, "ipsec_aes256gcm", {Suite::aes256gcm, SecretBytes<32>(rng)});
  measure_openssl_aes(figures, rng);
  measure_key(figures, "sodium_chacha20poly1305",
              {Suite::chacha20poly1305, SecretBytes<32>(rng), std::numeric_limits<size_t>::max()});
  measure_key(figures, "openssl_chacha20poly1305",
              {Suite::chacha20poly1305, SecretBytes<32>(rng), 0});
}

}  // namespace

Figures measure_primitives(const Options&) {
  SystemRng rng;
  Figures figures;
  measure_sodium_keys(figures, rng);
  measure_oyster_reply(figures, rng);
  measure_openssl_keys(figures, rng);
  measure_aead(figures, rng);
  return figures;
}

}  // namespace themis::bench
