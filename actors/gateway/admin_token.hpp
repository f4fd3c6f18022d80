#pragma once
// The secret that lets its holder manage a node: made at the first start, kept in a file of mode
// 0600.

#include <filesystem>
#include <string_view>

#include "actors/system/secret_file.hpp"
#include "runtime/http/message.hpp"

namespace themis {

/// 32 random bytes, in the file and in requests as 64 hexadecimal digits. One thread.
class AdminToken {
 public:
  static constexpr size_t kBytes = kSecretFileBytes;

  /// Errors: load_or_create_secret's.
  static Result<AdminToken> load_or_create(const std::filesystem::path& path, Rng& rng);

  /// Whether the request has "Authorization: Bearer TOKEN". The time does not depend on the token.
  bool is_in(const http::Headers& headers) const;

 private:
  explicit AdminToken(FileSecret token) : token_(std::move(token)) {}

  FileSecret token_;
};

}  // namespace themis
