#pragma once
// The secrets of a bundle. Whoever asks the ring for a code gets it; so what a stored bundle has of
// a secret is sealed, under a key of its own that only goes to the nodes which shall run it.

#include "runtime/bundle/bundle.hpp"
#include "runtime/crypto/secret_bytes.hpp"

namespace themis::bundle {

/// Of one bundle, made anew for each: its nonces are counted from 0.
using SecretsKey = crypto::SecretBytes<32>;

/// Moves `secrets` to `sealed`. Call crypto::init() first.
void seal_secrets(Settings& settings, const SecretsKey& key);
/// The other way. Errors: forged (another key, or another bundle's).
Status open_secrets(Settings& settings, const SecretsKey& key);

}  // namespace themis::bundle
