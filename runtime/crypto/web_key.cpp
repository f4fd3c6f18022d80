#include "runtime/crypto/web_key.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include <array>

#include "runtime/crypto/openssl.hpp"
#include "runtime/crypto/secret_bytes.hpp"

namespace themis::crypto {
namespace {

struct Kind {
  KeyKind name;
  int type;            // of EVP_PKEY
  const char* group;   // of a curve with x and y
  size_t field_bytes;  // of a coordinate; the length of a point without one
};
constexpr Kind kKinds[] = {
    {"RSA", EVP_PKEY_RSA, nullptr, 0},          {"P-256", EVP_PKEY_EC, "prime256v1", 32},
    {"P-384", EVP_PKEY_EC, "secp384r1", 48},    {"P-521", EVP_PKEY_EC, "secp521r1", 66},
    {"Ed25519", EVP_PKEY_ED25519, nullptr, 32}, {"Ed448", EVP_PKEY_ED448, nullptr, 57},
    {"X25519", EVP_PKEY_X25519, nullptr, 32},   {"X448", EVP_PKEY_X448, nullptr, 56}};
constexpr const char* kRsaNames[] = {
    OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,           OSSL_PKEY_PARAM_RSA_D,
    OSSL_PKEY_PARAM_RSA_FACTOR1,   OSSL_PKEY_PARAM_RSA_FACTOR2,     OSSL_PKEY_PARAM_RSA_EXPONENT1,
    OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1};
static_assert(std::size(kRsaNames) == kKeyNumbersMax);

const Kind* find_kind(KeyKind name) {
  for (const Kind& kind : kKinds)
    if (kind.name == name) return &kind;
  return nullptr;
}

using Context = std::unique_ptr<EVP_PKEY_CTX, Frees<EVP_PKEY_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, Frees<BN_clear_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Frees<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Frees<OSSL_PARAM_free>>;
using Pkcs8 = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Frees<PKCS8_PRIV_KEY_INFO_free>>;

Number to_number(ByteView bytes) {
  if (bytes.size() > kRsaBitsMax / 8) return nullptr;
  return Number(BN_bin2bn(chars(bytes), static_cast<int>(bytes.size()), nullptr));
}

/// A pair from the numbers that `fill` adds. Null: they are no key.
template <class Fill>
EVP_PKEY* build(int type, int selection, const Fill& fill) {
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!builder || !fill(builder.get())) return nullptr;
  const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  const Context context(EVP_PKEY_CTX_new_id(type, nullptr));
  EVP_PKEY* pair = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &pair, selection, params.get()) != 1)
    return nullptr;
  return pair;
}

EVP_PKEY* from_coordinates(const Kind& kind, std::span<const ByteView> numbers) {
  if (numbers.size() < 2 || numbers[0].size() != kind.field_bytes ||
      numbers[1].size() != kind.field_bytes ||
      (numbers.size() > 2 && numbers[2].size() != kind.field_bytes))
    return nullptr;
  Bytes point{std::byte{4}};
  append(point, numbers[0]);
  append(point, numbers[1]);
  const Number d = numbers.size() > 2 ? to_number(numbers[2]) : nullptr;
  EVP_PKEY* pair = build(kind.type, d ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, [&](auto* builder) {
    return OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, kind.group, 0) ==
               1 &&
           OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                            point.size()) == 1 &&
           (!d || OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, d.get()) == 1);
  });
  if (pair == nullptr || !d) return pair;
  const Context context(EVP_PKEY_CTX_new(pair, nullptr));
  if (context && EVP_PKEY_pairwise_check(context.get()) == 1) return pair;
  EVP_PKEY_free(pair);
  return nullptr;
}

EVP_PKEY* from_rsa_numbers(std::span<const ByteView> numbers) {
  if (numbers.size() != 2 && numbers.size() != kKeyNumbersMax) return nullptr;
  std::array<Number, kKeyNumbersMax> held;
  for (size_t i = 0; i < numbers.size(); ++i)
    if (!(held[i] = to_number(numbers[i]))) return nullptr;
  return build(EVP_PKEY_RSA, numbers.size() == 2 ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR,
               [&](auto* builder) {
                 for (size_t i = 0; i < numbers.size(); ++i)
                   if (OSSL_PARAM_BLD_push_BN(builder, kRsaNames[i], held[i].get()) != 1)
                     return false;
                 return true;
               });
}

EVP_PKEY* from_raw_numbers(const Kind& kind, std::span<const ByteView> numbers) {
  if (numbers.size() < 2) {
    return numbers.empty() ? nullptr
                           : EVP_PKEY_new_raw_public_key(kind.type, nullptr, chars(numbers[0]),
                                                         numbers[0].size());
  }
  EVP_PKEY* pair =
      EVP_PKEY_new_raw_private_key(kind.type, nullptr, chars(numbers[1]), numbers[1].size());
  std::array<unsigned char, 57> x{};
  size_t size = x.size();
  if (pair != nullptr && EVP_PKEY_get_raw_public_key(pair, x.data(), &size) == 1 &&
      size == numbers[0].size() && std::memcmp(x.data(), numbers[0].data(), size) == 0)
    return pair;
  EVP_PKEY_free(pair);
  return nullptr;
}

/// A number of a pair, padded to `bytes` (0: as short as it is).
bool take_number(const EVP_PKEY* pair, const char* name, size_t bytes,
                 std::vector<WipedBytes>& out) {
  BIGNUM* read = nullptr;
  if (EVP_PKEY_get_bn_param(pair, name, &read) != 1) return false;
  const Number number(read);
  Bytes padded(bytes == 0 ? static_cast<size_t>(BN_num_bytes(read)) : bytes);
  if (BN_bn2binpad(read, reinterpret_cast<unsigned char*>(padded.data()),
                   static_cast<int>(padded.size())) < 0)
    return false;
  out.emplace_back(std::move(padded));
  return true;
}

template <class Get>
bool take_raw(const Get& get, size_t bytes, std::vector<WipedBytes>& out) {
  Bytes raw(bytes);
  size_t size = raw.size();
  if (get(reinterpret_cast<unsigned char*>(raw.data()), &size) != 1 || size != bytes) return false;
  out.emplace_back(std::move(raw));
  return true;
}

const Kind* kind_of(const EVP_PKEY* pair) {
  for (const Kind& kind : kKinds) {
    if (EVP_PKEY_get_base_id(pair) != kind.type) continue;
    std::array<char, 64> group{};
    if (kind.group == nullptr) return &kind;
    if (EVP_PKEY_get_group_name(pair, group.data(), group.size(), nullptr) == 1 &&
        std::string_view(group.data()) == kind.group)
      return &kind;
  }
  return nullptr;
}

}  // namespace

WipedBytes::~WipedBytes() { wipe(bytes_); }

void WebKey::Free::operator()(evp_pkey_st* pair) const { EVP_PKEY_free(pair); }

WebKey WebKey::secret(ByteView bytes) {
  return WebKey(WipedBytes(Bytes(bytes.begin(), bytes.end())));
}

int WebKey::bits() const { return EVP_PKEY_get_bits(pair_.get()); }

Result<WebKey> WebKey::checked(evp_pkey_st* pair, KeyKind kind) {
  ERR_clear_error();
  if (pair == nullptr) return fail(Code::invalid, "these bytes are no key");
  WebKey key(pair);
  const Kind* found = kind_of(pair);
  if (found == nullptr || found->name != kind)
    return fail(Code::invalid, "the key is of another kind");
  if (found->type == EVP_PKEY_RSA && key.bits() > kRsaBitsMax)
    return fail(Code::invalid, "the modulus is too long");
  // A point that came compressed goes out like any other.
  if (found->group != nullptr &&
      EVP_PKEY_set_utf8_string_param(pair, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                     "uncompressed") != 1)
    return fail(Code::invalid, "the point has no uncompressed form");
  return key;
}

Result<WebKey> WebKey::generate(KeyKind name, int bits, ByteView exponent,
                                const std::function<bool()>& may_go_on) {
  const Kind* kind = find_kind(name);
  if (kind == nullptr) return fail(Code::invalid, "no such kind of key");
  const Context context(EVP_PKEY_CTX_new_id(kind->type, nullptr));
  EVP_PKEY* pair = nullptr;
  bool ready = context && EVP_PKEY_keygen_init(context.get()) == 1;
  if (ready && kind->type == EVP_PKEY_RSA) {
    const Number e = to_number(exponent);
    ready = bits <= kRsaBitsMax && e &&
            EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), bits) == 1 &&
            EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context.get(), e.get()) == 1;
  } else if (ready && kind->group != nullptr) {
    ready = EVP_PKEY_CTX_set_group_name(context.get(), kind->group) == 1;
  }
  if (ready) {
    EVP_PKEY_CTX_set_app_data(context.get(), const_cast<std::function<bool()>*>(&may_go_on));
    EVP_PKEY_CTX_set_cb(context.get(), [](EVP_PKEY_CTX* asking) {
      return (*static_cast<const std::function<bool()>*>(EVP_PKEY_CTX_get_app_data(asking)))() ? 1
                                                                                               : 0;
    });
    if (EVP_PKEY_keygen(context.get(), &pair) != 1) pair = nullptr;
  }
  return checked(pair, name);
}

Result<WebKey> WebKey::from_spki(KeyKind kind, ByteView der) {
  const unsigned char* at = chars(der);
  EVP_PKEY* pair = d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size()));
  Result<WebKey> key = checked(pair, kind);
  if (key && at != chars(der) + der.size()) return fail(Code::invalid, "bytes behind the key");
  return key;
}

Result<WebKey> WebKey::from_pkcs8(KeyKind kind, ByteView der) {
  const unsigned char* at = chars(der);
  const Pkcs8 info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(der.size())));
  if (!info || at != chars(der) + der.size()) return checked(nullptr, kind);
  return checked(EVP_PKCS82PKEY(info.get()), kind);
}

Result<WebKey> WebKey::from_point(KeyKind name, ByteView point) {
  const Kind* kind = find_kind(name);
  if (kind == nullptr || point.empty()) return checked(nullptr, name);
  if (kind->group == nullptr) return from_numbers(name, std::array{point});
  const bool known = point[0] == std::byte{4} ? point.size() == 1 + 2 * kind->field_bytes
                                              : point.size() == 1 + kind->field_bytes;
  if (!known) return checked(nullptr, name);
  return checked(build(kind->type, EVP_PKEY_PUBLIC_KEY,
                       [&](auto* builder) {
                         return OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME,
                                                                kind->group, 0) == 1 &&
                                OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY,
                                                                 point.data(), point.size()) == 1;
                       }),
                 name);
}

Result<WebKey> WebKey::from_numbers(KeyKind name, std::span<const ByteView> numbers) {
  const Kind* kind = find_kind(name);
  if (kind == nullptr) return checked(nullptr, name);
  if (kind->type == EVP_PKEY_RSA) return checked(from_rsa_numbers(numbers), name);
  return checked(
      kind->group != nullptr ? from_coordinates(*kind, numbers) : from_raw_numbers(*kind, numbers),
      name);
}

Result<Bytes> WebKey::to_spki() const {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(pair_.get(), &der);
  if (size < 0) return fail(Code::invalid, "the key has no public half");
  const std::unique_ptr<unsigned char, Frees<[](void* p) { OPENSSL_free(p); }>> owned(der);
  const auto* bytes = reinterpret_cast<const std::byte*>(der);
  return Bytes(bytes, bytes + size);
}

Result<WipedBytes> WebKey::to_pkcs8() const {
  const Pkcs8 info(EVP_PKEY2PKCS8(pair_.get()));
  const int size = info ? i2d_PKCS8_PRIV_KEY_INFO(info.get(), nullptr) : -1;
  if (size < 0) return fail(Code::invalid, "the key has no private half");
  Bytes der(static_cast<size_t>(size));
  auto* at = reinterpret_cast<unsigned char*>(der.data());
  i2d_PKCS8_PRIV_KEY_INFO(info.get(), &at);
  return WipedBytes(std::move(der));
}

Result<Bytes> WebKey::to_point() const {
  const Kind* kind = kind_of(pair_.get());
  if (kind == nullptr || kind->type == EVP_PKEY_RSA)
    return fail(Code::invalid, "the key has no point");
  THEMIS_TRY(const std::vector<WipedBytes> numbers, to_numbers(kind->name, false));
  Bytes out;
  if (kind->group != nullptr) out.push_back(std::byte{4});
  for (const WipedBytes& number : numbers) append(out, number.view());
  return out;
}

Result<std::vector<WipedBytes>> WebKey::to_numbers(KeyKind name, bool private_too) const {
  const Kind* kind = find_kind(name);
  std::vector<WipedBytes> out;
  const EVP_PKEY* pair = pair_.get();
  bool taken = kind != nullptr && pair != nullptr;
  if (taken && kind->type == EVP_PKEY_RSA) {
    for (size_t i = 0; taken && i < (private_too ? kKeyNumbersMax : 2); ++i)
      taken = take_number(pair, kRsaNames[i], 0, out);
  } else if (taken && kind->group != nullptr) {
    taken = take_number(pair, OSSL_PKEY_PARAM_EC_PUB_X, kind->field_bytes, out) &&
            take_number(pair, OSSL_PKEY_PARAM_EC_PUB_Y, kind->field_bytes, out) &&
            (!private_too || take_number(pair, OSSL_PKEY_PARAM_PRIV_KEY, kind->field_bytes, out));
  } else if (taken) {
    taken =
        take_raw([&](auto* to, size_t* n) { return EVP_PKEY_get_raw_public_key(pair, to, n); },
                 kind->field_bytes, out) &&
        (!private_too ||
         take_raw([&](auto* to, size_t* n) { return EVP_PKEY_get_raw_private_key(pair, to, n); },
                  kind->field_bytes, out));
  }
  if (!taken) return fail(Code::invalid, "the key has no such numbers");
  return out;
}

Result<WebKey> WebKey::public_half() const {
  const Kind* kind = kind_of(pair_.get());
  THEMIS_TRY(const Bytes der, to_spki());
  return from_spki(kind->name, der);
}

}  // namespace themis::crypto
