#include "runtime/crypto/web_algorithms.hpp"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include <array>
#include <limits>

#include "runtime/crypto/openssl.hpp"

namespace themis::crypto {
namespace {

using DigestContext = std::unique_ptr<EVP_MD_CTX, Frees<EVP_MD_CTX_free>>;
using PairContext = std::unique_ptr<EVP_PKEY_CTX, Frees<EVP_PKEY_CTX_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Frees<ECDSA_SIG_free>>;

tl::unexpected<Error> refused(const char* what) {
  ERR_clear_error();
  return fail(Code::invalid, what);
}

const EVP_MD* digest_of(std::string_view name) {
  if (name == "SHA-1") return EVP_sha1();
  if (name == "SHA-256") return EVP_sha256();
  if (name == "SHA-384") return EVP_sha384();
  if (name == "SHA-512") return EVP_sha512();
  return nullptr;
}

bool is_edwards(std::string_view scheme) { return scheme.starts_with("Ed"); }

/// Sets what the two RSA schemes want of a signing or verifying context.
bool set_padding(EVP_PKEY_CTX* context, const SignCall& call) {
  if (call.scheme == "RSA-PSS")
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, call.salt_bytes) == 1;
  return call.scheme != "RSASSA-PKCS1-v1_5" ||
         EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
}

size_t coordinate_bytes(const WebKey& key) { return (static_cast<size_t>(key.bits()) + 7) / 8; }

/// DER to r and s, and back.
Result<Bytes> to_plain(ByteView der, size_t half) {
  const unsigned char* at = chars(der);
  const Signature parts(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  Bytes out(2 * half);
  const int width = static_cast<int>(half);
  if (!parts || BN_bn2binpad(ECDSA_SIG_get0_r(parts.get()), chars(out), width) < 0 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(parts.get()), chars(out) + half, width) < 0)
    return refused("the signature does not fit its curve");
  return out;
}
Result<Bytes> to_der(ByteView plain, size_t half) {
  if (plain.size() != 2 * half) return refused("a signature of another length");
  const Signature parts(ECDSA_SIG_new());
  const int width = static_cast<int>(half);
  BIGNUM* r = BN_bin2bn(chars(plain), width, nullptr);
  BIGNUM* s = BN_bin2bn(chars(plain) + half, width, nullptr);
  if (!parts || ECDSA_SIG_set0(parts.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return refused("no memory for a signature");
  }
  Bytes der(static_cast<size_t>(i2d_ECDSA_SIG(parts.get(), nullptr)));
  unsigned char* at = chars(der);
  i2d_ECDSA_SIG(parts.get(), &at);
  return der;
}

}  // namespace

Result<Bytes> web_digest(std::string_view hash, ByteView data) {
  const EVP_MD* digest = digest_of(hash);
  if (digest == nullptr) return refused("no such hash");
  Bytes out(static_cast<size_t>(EVP_MD_get_size(digest)));
  if (EVP_Digest(data.data(), data.size(), chars(out), nullptr, digest, nullptr) != 1)
    return refused("the digest failed");
  return out;
}

Result<Bytes> web_hmac(std::string_view hash, ByteView key, ByteView data) {
  const EVP_MD* digest = digest_of(hash);
  if (digest == nullptr) return refused("no such hash");
  Bytes out(static_cast<size_t>(EVP_MD_get_size(digest)));
  constexpr unsigned char kEmpty = 0;  // HMAC takes no null key
  if (HMAC(digest, key.empty() ? &kEmpty : chars(key), static_cast<int>(key.size()), chars(data),
           data.size(), chars(out), nullptr) == nullptr)
    return refused("HMAC failed");
  return out;
}

Result<Bytes> web_sign(const SignCall& call, const WebKey& key, ByteView data) {
  const DigestContext context(EVP_MD_CTX_new());
  const EVP_MD* digest = digest_of(call.hash);
  EVP_PKEY_CTX* pair = nullptr;
  size_t size = 0;
  if (!context || (digest == nullptr) != is_edwards(call.scheme) ||
      EVP_DigestSignInit(context.get(), &pair, digest, nullptr, key.pair()) != 1 ||
      !set_padding(pair, call) ||
      EVP_DigestSign(context.get(), nullptr, &size, chars(data), data.size()) != 1)
    return refused("the key cannot sign so");
  Bytes out(size);
  if (EVP_DigestSign(context.get(), chars(out), &size, chars(data), data.size()) != 1)
    return refused("signing failed");
  out.resize(size);
  return call.scheme == "ECDSA" ? to_plain(out, coordinate_bytes(key)) : Result<Bytes>(out);
}

bool web_verify(const SignCall& call, const WebKey& key, ByteView signature, ByteView data) {
  const DigestContext context(EVP_MD_CTX_new());
  const EVP_MD* digest = digest_of(call.hash);
  EVP_PKEY_CTX* pair = nullptr;
  Bytes der;
  if (call.scheme == "ECDSA") {
    Result<Bytes> made = to_der(signature, coordinate_bytes(key));
    if (!made) return false;
    der = std::move(*made);
    signature = der;
  }
  const bool good = context && (digest == nullptr) == is_edwards(call.scheme) &&
                    EVP_DigestVerifyInit(context.get(), &pair, digest, nullptr, key.pair()) == 1 &&
                    set_padding(pair, call) &&
                    EVP_DigestVerify(context.get(), chars(signature), signature.size(), chars(data),
                                     data.size()) == 1;
  ERR_clear_error();
  return good;
}

Result<Bytes> web_oaep(const OaepCall& call, const WebKey& key, ByteView data) {
  const EVP_MD* digest = digest_of(call.hash);
  const PairContext context(EVP_PKEY_CTX_new(key.pair(), nullptr));
  const auto init = call.encrypt ? EVP_PKEY_encrypt_init : EVP_PKEY_decrypt_init;
  const auto run = call.encrypt ? EVP_PKEY_encrypt : EVP_PKEY_decrypt;
  if (!context || digest == nullptr || init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) != 1 ||
      EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), digest) != 1 ||
      EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), digest) != 1)
    return refused("the key cannot do OAEP");
  if (!call.label.empty()) {
    void* label = OPENSSL_memdup(call.label.data(), call.label.size());
    if (EVP_PKEY_CTX_set0_rsa_oaep_label(context.get(), static_cast<unsigned char*>(label),
                                         static_cast<int>(call.label.size())) != 1) {
      OPENSSL_free(label);
      return refused("the label does not fit");
    }
  }
  size_t size = 0;
  if (run(context.get(), nullptr, &size, chars(data), data.size()) != 1)
    return refused("the data does not fit the key");
  Bytes out(size);
  if (run(context.get(), chars(out), &size, chars(data), data.size()) != 1)
    return refused("OAEP failed");
  out.resize(size);
  return out;
}

Result<WipedBytes> web_agree(const WebKey& ours, const WebKey& theirs) {
  const PairContext context(EVP_PKEY_CTX_new(ours.pair(), nullptr));
  size_t size = 0;
  if (!context || EVP_PKEY_derive_init(context.get()) != 1 ||
      EVP_PKEY_derive_set_peer(context.get(), theirs.pair()) != 1 ||
      EVP_PKEY_derive(context.get(), nullptr, &size) != 1)
    return refused("the two keys do not fit");
  Bytes out(size);
  if (EVP_PKEY_derive(context.get(), chars(out), &size) != 1)
    return refused("the keys agree on nothing");
  out.resize(size);
  return WipedBytes(std::move(out));
}

Result<WipedBytes> web_pbkdf2(const DeriveCall& call, ByteView password) {
  const EVP_MD* digest = digest_of(call.hash);
  if (digest == nullptr || call.bytes > kDerivedBytesMax || call.iterations == 0)
    return refused("PBKDF2 cannot do that");
  const auto block = static_cast<size_t>(EVP_MD_get_size(digest));
  const uint64_t blocks = (call.bytes + block - 1) / block;
  if (call.iterations > kPbkdf2RoundsMax || call.iterations * blocks > kPbkdf2RoundsMax)
    return refused("more rounds of PBKDF2 than a function may ask for");
  Bytes out(call.bytes);
  if (call.bytes > 0 &&
      PKCS5_PBKDF2_HMAC(reinterpret_cast<const char*>(password.data()),
                        static_cast<int>(password.size()), chars(call.salt),
                        static_cast<int>(call.salt.size()), static_cast<int>(call.iterations),
                        digest, static_cast<int>(out.size()), chars(out)) != 1)
    return refused("PBKDF2 failed");
  return WipedBytes(std::move(out));
}

Result<WipedBytes> web_hkdf(const DeriveCall& call, ByteView key) {
  const EVP_MD* digest = digest_of(call.hash);
  if (digest == nullptr || call.bytes > kDerivedBytesMax) return refused("HKDF cannot do that");
  if (call.bytes == 0) return WipedBytes();
  // RFC 5869 by its two steps: OpenSSL's own takes no empty key.
  const Bytes zeros(static_cast<size_t>(EVP_MD_get_size(digest)));
  if (call.bytes > 255 * zeros.size()) return refused("HKDF gives 255 blocks at most");
  THEMIS_TRY(Bytes extracted,
             web_hmac(call.hash, call.salt.empty() ? ByteView(zeros) : call.salt, key));
  const WipedBytes secret(std::move(extracted));
  Bytes out;
  out.reserve(call.bytes + zeros.size());  // it never moves, and leaves nothing behind
  Bytes block;
  for (uint8_t number = 1; out.size() < call.bytes; ++number) {
    append(block, call.info);
    block.push_back(std::byte{number});
    const WipedBytes input(std::move(block));
    THEMIS_TRY(block, web_hmac(call.hash, secret.view(), input.view()));
    append(out, block);
  }
  const WipedBytes last(std::move(block));
  out.resize(call.bytes);
  return WipedBytes(std::move(out));
}

}  // namespace themis::crypto
