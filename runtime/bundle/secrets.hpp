#pragma once
// The secrets of a bundle. Whoever asks the ring for a code gets it; so what a stored bundle has of
// a secret is sealed, under a key of its own that only goes to the nodes which shall run it.

#include <memory>

#include "runtime/bundle/bundle.hpp"
#include "runtime/crypto/secret_bytes.hpp"

namespace themis::bundle {

/// Of one bundle, made anew for each: its nonces are counted from 0.
using SecretsKey = crypto::SecretBytes<32>;

/// A key on its way between actors: copies share it. Empty: there are no secrets.
class SharedKey {
 public:
  SharedKey() = default;
  explicit SharedKey(SecretsKey key) : key_(std::make_shared<const SecretsKey>(std::move(key))) {}
  const SecretsKey* get() const { return key_.get(); }
  /// 32 bytes, or none.
  ByteView view() const { return key_ ? ByteView(key_->view()) : ByteView(); }
  /// Of 32 bytes, or none. Errors: malformed (another length).
  static Result<SharedKey> from(ByteView bytes);
  friend bool operator==(const SharedKey& a, const SharedKey& b) {
    return crypto::equal(a.view(), b.view());
  }

 private:
  std::shared_ptr<const SecretsKey> key_;
};

/// Moves `secrets` to `sealed`. Call crypto::init() first.
void seal_secrets(Settings& settings, const SecretsKey& key);
/// The other way; nothing to do without sealed ones. Errors: forged (another key, or none).
Status open_secrets(Settings& settings, const SecretsKey* key);

}  // namespace themis::bundle
