#pragma once
// The key that an Oyster front signs with: a file of 32 bytes.

#include <filesystem>

#include "runtime/crypto/recoverable_key.hpp"

namespace themis {

/// Reads the file, or makes one of mode 0600 when `may_make` and there is none. Errors: io (the
/// path and the reason), denied (others can read it), malformed (it is no key).
Result<crypto::RecoverableKey> load_signer(const std::filesystem::path& path, bool may_make,
                                           Rng& rng);

}  // namespace themis
