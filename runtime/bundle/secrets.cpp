#include "runtime/bundle/secrets.hpp"

#include "runtime/crypto/aead.hpp"

namespace themis::bundle {
namespace {

crypto::AeadKey cipher_of(const SecretsKey& key) {
  crypto::SecretBytes<crypto::kAeadKeyBytes> own(key.view());
  return {crypto::Suite::chacha20poly1305, std::move(own)};
}

}  // namespace

Result<SharedKey> SharedKey::from(ByteView bytes) {
  if (bytes.empty()) return SharedKey();
  if (bytes.size() != SecretsKey::kBytes)
    return fail(Code::malformed, "a key of secrets has 32 bytes");
  return SharedKey(SecretsKey(bytes.first<SecretsKey::kBytes>()));
}

void seal_secrets(Settings& settings, const SecretsKey& key) {
  crypto::AeadKey cipher = cipher_of(key);
  uint64_t count = 0;
  for (auto& [name, value] : settings.secrets) {
    std::string out = value + std::string(crypto::kTagBytes, '\0');
    const auto bytes = std::as_writable_bytes(std::span(out));
    cipher.seal(crypto::counter_nonce(count++), as_bytes(name), bytes.first(value.size()),
                bytes.last<crypto::kTagBytes>());
    settings.sealed.emplace(name, std::move(out));
  }
  settings.secrets.clear();
}

Status open_secrets(Settings& settings, const SecretsKey* key) {
  if (settings.sealed.empty()) return {};
  if (key == nullptr) return fail(Code::forged, "sealed secrets, and no key came with them");
  crypto::AeadKey cipher = cipher_of(*key);
  uint64_t count = 0;
  for (auto& [name, value] : settings.sealed) {
    if (value.size() < crypto::kTagBytes) return fail(Code::forged, "env." + name);
    const auto bytes = std::as_writable_bytes(std::span(value));
    const size_t size = value.size() - crypto::kTagBytes;
    const Status opened = cipher.open(crypto::counter_nonce(count++), as_bytes(name),
                                      bytes.first(size), bytes.last<crypto::kTagBytes>());
    if (!opened) return fail(Code::forged, "env." + name + " is sealed under another key");
    settings.secrets.emplace(name, value.substr(0, size));
  }
  settings.sealed.clear();
  return {};
}

}  // namespace themis::bundle
