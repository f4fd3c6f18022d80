#include "runtime/crypto/aes_gcm.hpp"

#include <intel-ipsec-mb.h>

#include <memory>

#include "runtime/base/error.hpp"
#include "runtime/crypto/declassify.hpp"
#include "runtime/crypto/native.hpp"
#include "runtime/crypto/secret_bytes.hpp"

namespace themis::crypto {
namespace {

struct Functions {
  aes_gcm_pre_t prepare = nullptr;
  aes_gcm_enc_dec_t seal = nullptr, open = nullptr;
};

Functions choose() {
  using Manager = std::unique_ptr<IMB_MGR, decltype([](IMB_MGR* m) { free_mb_mgr(m); })>;
  const Manager manager(alloc_mb_mgr(0));
  if (!manager) return {};
  init_mb_mgr_auto(manager.get(), nullptr);
  constexpr uint64_t needed =
      IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ | IMB_FEATURE_SELF_TEST_PASS;
  if ((manager->features & needed) != needed) return {};
  return {manager->gcm256_pre, manager->gcm256_enc, manager->gcm256_dec};
}

const Functions& functions() {
  static const Functions chosen = choose();
  return chosen;
}

/// What the library keeps during a call; it holds key stream.
struct Context {
  gcm_context_data data;
  ~Context() { wipe(std::as_writable_bytes(std::span(&data, 1))); }
};

const gcm_key_data* prepared(const std::array<std::byte, 1024>& state) {
  return reinterpret_cast<const gcm_key_data*>(state.data());
}

}  // namespace

bool AesGcm::available() { return functions().seal != nullptr; }

AesGcm::AesGcm(std::span<const std::byte, 32> key) {
  static_assert(sizeof(state_) >= sizeof(gcm_key_data) && alignof(gcm_key_data) <= 64);
  THEMIS_ASSERT(available(), "the handshake offers only what this CPU has");
  functions().prepare(key.data(), reinterpret_cast<gcm_key_data*>(state_.data()));
}

AesGcm::~AesGcm() { wipe(state_); }

void AesGcm::seal(std::span<const std::byte, 12> nonce, ByteView aad, std::span<std::byte> message,
                  std::span<std::byte, 16> tag) const {
  Context context;
  functions().seal(prepared(state_), &context.data, raw(message), raw(message), message.size(),
                   raw(nonce), raw(aad), aad.size(), raw(tag), tag.size());
}

bool AesGcm::open(std::span<const std::byte, 12> nonce, ByteView aad, std::span<std::byte> message,
                  std::span<const std::byte, 16> tag) const {
  Context context;
  std::array<std::byte, 16> expected;
  functions().open(prepared(state_), &context.data, raw(message), raw(message), message.size(),
                   raw(nonce), raw(aad), aad.size(), raw(expected), expected.size());
  if (public_outcome(equal(expected, tag))) return true;
  wipe(message);  // it was decrypted beside the tag's computation
  return false;
}

}  // namespace themis::crypto
