#pragma once
// Secrets that a node makes at its first start and keeps in files of mode 0600.

#include <filesystem>
#include <string_view>

#include "runtime/base/bytes.hpp"
#include "runtime/base/error.hpp"
#include "runtime/crypto/secret_bytes.hpp"

namespace themis {

inline constexpr size_t kSecretFileBytes = 32;
using FileSecret = crypto::SecretBytes<kSecretFileBytes>;

/// Reads the file of 64 hexadecimal digits, or makes it with random bytes when there is none,
/// durably. `kind` for messages: "token". Errors: io (the path and the reason); denied (others can
/// read it); malformed ("data/admin.token: not a token; ...").
Result<FileSecret> load_or_create_secret(const std::filesystem::path& path, std::string_view kind,
                                         Rng& rng);

/// Makes or replaces a file of mode 0600, durably: after a crash it is the old one or the new one.
/// Errors: io (the path and the reason).
Status write_private_file(const std::filesystem::path& path, ByteView bytes);

}  // namespace themis
