#include "actors/mesh/sticky.hpp"

#include <algorithm>

#include "runtime/crypto/hash.hpp"
#include "runtime/http/message.hpp"

namespace themis::mesh {
namespace {

constexpr std::string_view kHeader = "header:";
constexpr std::string_view kCookie = "cookie:";

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

Result<Sticky> Sticky::parse(std::string_view text) {
  Sticky sticky{.is_cookie = text.starts_with(kCookie), .name = {}};
  const bool is_known = sticky.is_cookie || text.starts_with(kHeader);
  if (is_known) sticky.name = text.substr(kHeader.size());
  if (!http::is_token(sticky.name) || text.size() > kTextBytesMax)
    return fail(Code::invalid, "sticky is header:NAME or cookie:NAME, at most 64 characters");
  return sticky;
}

std::optional<std::string_view> cookie_value(std::string_view header, std::string_view name) {
  while (!header.empty()) {
    const std::string_view one = header.substr(0, header.find(';'));
    header.remove_prefix(std::min(one.size() + 1, header.size()));
    const size_t equals = one.find('=');
    if (equals == std::string_view::npos || trimmed(one.substr(0, equals)) != name) continue;
    return trimmed(one.substr(equals + 1));
  }
  return std::nullopt;
}

uint32_t canary_draw(std::string_view route, std::string_view version, std::string_view value) {
  crypto::Hasher hasher("themis/canary/v1");
  const crypto::Digest digest = hasher.add_framed(as_bytes(route))
                                    .add_framed(as_bytes(version))
                                    .add_framed(as_bytes(value))
                                    .finish();
  constexpr uint64_t kDraws = uint64_t{kDrawsPerPercent} * 100;
  return static_cast<uint32_t>(load<uint64_t>(digest.data()) % kDraws);
}

}  // namespace themis::mesh
