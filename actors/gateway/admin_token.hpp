#pragma once
// The secret that lets its holder manage a node: made at the first start, kept in a file of mode
// 0600.

#include <filesystem>
#include <string_view>

#include "runtime/base/error.hpp"
#include "runtime/crypto/secret_bytes.hpp"
#include "runtime/http/message.hpp"

namespace themis {

/// 32 random bytes, in the file and in requests as 64 hexadecimal digits. One thread.
class AdminToken {
 public:
  static constexpr size_t kBytes = 32;

  /// Reads the file, or makes it when there is none. Errors: io (the path and the reason); denied
  /// (others can read it); malformed (not a token).
  static Result<AdminToken> load_or_create(const std::filesystem::path& path, Rng& rng);

  /// Whether the request has "Authorization: Bearer TOKEN". The time does not depend on the token.
  bool is_in(const http::Headers& headers) const;

 private:
  explicit AdminToken(crypto::SecretBytes<kBytes> token) : token_(std::move(token)) {}

  crypto::SecretBytes<kBytes> token_;
};

}  // namespace themis
