// AES of the Web Cryptography API: CBC, CTR with its counter of any length, GCM, key wrap.
#include <openssl/err.h>
#include <openssl/evp.h>

#include <array>

#include "runtime/crypto/openssl.hpp"
#include "runtime/crypto/web_algorithms.hpp"

namespace themis::crypto {
namespace {

constexpr size_t kBlock = 16;

using Context = std::unique_ptr<EVP_CIPHER_CTX, Frees<EVP_CIPHER_CTX_free>>;

tl::unexpected<Error> refused(Code code, const char* what) {
  ERR_clear_error();
  return fail(code, what);
}

/// By the length of the key: AES-128, AES-192, AES-256.
const EVP_CIPHER* cipher_of(std::string_view mode, size_t key_bytes) {
  using Make = const EVP_CIPHER* (*)();
  struct Row {
    std::string_view mode;
    std::array<Make, 3> make;
  };
  constexpr Row kRows[] = {{"AES-CBC", {EVP_aes_128_cbc, EVP_aes_192_cbc, EVP_aes_256_cbc}},
                           {"AES-CTR", {EVP_aes_128_ctr, EVP_aes_192_ctr, EVP_aes_256_ctr}},
                           {"AES-GCM", {EVP_aes_128_gcm, EVP_aes_192_gcm, EVP_aes_256_gcm}},
                           {"AES-KW", {EVP_aes_128_wrap, EVP_aes_192_wrap, EVP_aes_256_wrap}}};
  if (key_bytes != 16 && key_bytes != 24 && key_bytes != 32) return nullptr;
  for (const Row& row : kRows)
    if (row.mode == mode) return row.make[key_bytes / 8 - 2]();
  return nullptr;
}

/// One run of a cipher; the data is not longer than an int.
Result<Bytes> run(const AesCall& call, ByteView key, ByteView iv, ByteView data) {
  const EVP_CIPHER* cipher = cipher_of(call.mode, key.size());
  const Context context(EVP_CIPHER_CTX_new());
  const bool gcm = call.mode == "AES-GCM";
  const int encrypt = call.encrypt ? 1 : 0;
  if (!context || cipher == nullptr || data.size() > kAesBytesMax)
    return refused(Code::invalid, "AES cannot do that");
  if (call.mode == "AES-KW")
    EVP_CIPHER_CTX_set_flags(context.get(), EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
  ByteView tag;
  if (gcm && !call.encrypt) {
    if (data.size() < call.tag_bytes) return refused(Code::forged, "shorter than its tag");
    tag = data.last(call.tag_bytes);
    data = data.first(data.size() - call.tag_bytes);
  }
  if (EVP_CipherInit_ex(context.get(), cipher, nullptr, nullptr, nullptr, encrypt) != 1 ||
      (gcm && EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_IVLEN,
                                  static_cast<int>(iv.size()), nullptr) != 1) ||
      EVP_CipherInit_ex(context.get(), nullptr, nullptr, chars(key),
                        iv.empty() ? nullptr : chars(iv), encrypt) != 1)
    return refused(Code::invalid, "an IV or key of no use");
  int size = 0;
  if (!call.aad.empty() && EVP_CipherUpdate(context.get(), nullptr, &size, chars(call.aad),
                                            static_cast<int>(call.aad.size())) != 1)
    return refused(Code::invalid, "additional data of no use");
  Bytes out(data.size() + 2 * kBlock + call.tag_bytes);
  size = 0;
  int last = 0;
  if (!tag.empty() &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag.size()),
                          const_cast<std::byte*>(tag.data())) != 1)
    return refused(Code::invalid, "a tag of no use");
  const bool updated =
      data.empty() || EVP_CipherUpdate(context.get(), chars(out), &size, chars(data),
                                       static_cast<int>(data.size())) == 1;
  if (!updated || EVP_CipherFinal_ex(context.get(), chars(out) + size, &last) != 1) {
    const WipedBytes half(std::move(out));  // nobody sees plaintext without its tag
    return refused(Code::forged, "it does not decrypt");
  }
  auto end = static_cast<size_t>(size + last);
  if (gcm && call.encrypt) {
    if (EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(call.tag_bytes),
                            chars(out) + end) != 1)
      return refused(Code::invalid, "no tag");
    end += call.tag_bytes;
  }
  out.resize(end);
  return out;
}

/// Blocks until the low `bits` of the counter wrap to zero; UINT64_MAX when that is farther.
uint64_t blocks_to_wrap(ByteView counter, unsigned bits) {
  if (bits >= 64) {
    for (unsigned i = 0; i < bits - 63; ++i) {
      const size_t at = bits - 1 - i;  // a high bit that is zero keeps the wrap far away
      if ((std::to_integer<unsigned>(counter[kBlock - 1 - at / 8]) >> (at % 8) & 1) == 0)
        return UINT64_MAX;
    }
    bits = 63;
  }
  uint64_t value = 0;
  for (size_t i = 8; i < kBlock; ++i) value = value << 8 | std::to_integer<uint64_t>(counter[i]);
  const uint64_t size = uint64_t{1} << bits;
  return size - (value & (size - 1));
}

Result<Bytes> run_counter(const AesCall& call, ByteView key, ByteView data) {
  const unsigned bits = call.counter_bits;
  if (call.iv.size() != kBlock || bits == 0 || bits > 128)
    return refused(Code::invalid, "a counter of no use");
  const uint64_t blocks = (data.size() + kBlock - 1) / kBlock;
  if (bits < 64 && blocks > uint64_t{1} << bits)
    return refused(Code::invalid, "more blocks than the counter counts");
  const uint64_t wrap = blocks_to_wrap(call.iv, bits);
  if (blocks <= wrap) return run(call, key, call.iv, data);
  THEMIS_TRY(Bytes out, run(call, key, call.iv, data.first(wrap * kBlock)));
  Bytes again(call.iv.begin(), call.iv.end());
  for (unsigned at = 0; at < bits; ++at)
    again[kBlock - 1 - at / 8] &= ~std::byte{static_cast<uint8_t>(1 << (at % 8))};
  THEMIS_TRY(const Bytes rest, run(call, key, again, data.subspan(wrap * kBlock)));
  append(out, rest);
  return out;
}

}  // namespace

Result<Bytes> web_aes(const AesCall& call, ByteView key, ByteView data) {
  AesCall exact = call;
  if (call.mode != "AES-GCM") exact.tag_bytes = 0;
  if (call.mode == "AES-CTR") return run_counter(exact, key, data);
  if (call.mode == "AES-CBC" && call.iv.size() != kBlock)
    return refused(Code::invalid, "an IV of another length");
  if (call.mode == "AES-GCM" && call.iv.empty()) return refused(Code::invalid, "no IV");
  return run(exact, key, call.iv, data);
}

}  // namespace themis::crypto
