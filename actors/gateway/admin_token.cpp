#include "actors/gateway/admin_token.hpp"

namespace themis {

Result<AdminToken> AdminToken::load_or_create(const std::filesystem::path& path, Rng& rng) {
  THEMIS_TRY(FileSecret token, load_or_create_secret(path, "token", rng));
  return AdminToken(std::move(token));
}

bool AdminToken::is_in(const http::Headers& headers) const {
  constexpr std::string_view kScheme = "Bearer ";
  const std::string* value = headers.find("Authorization");
  if (value == nullptr || value->size() != kScheme.size() + 2 * kBytes) return false;
  const std::string_view text = *value;
  if (!http::equal_ignoring_case(text.substr(0, kScheme.size()), kScheme)) return false;
  FileSecret given;
  if (!crypto::secret_from_hex(text.substr(kScheme.size()), given.span())) return false;
  return given == token_;
}

}  // namespace themis
