#pragma once
// Where an outward request goes, and whether it may. Pure.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "runtime/base/error.hpp"

namespace themis::http {

/// An http or https URL, taken apart.
struct Url {
  bool secure = false;
  std::string host;  ///< In lower case; a numeric IPv6 address without its brackets.
  uint16_t port = 0;
  std::string target;  ///< "/path?query", at least "/".

  bool has_default_port() const { return port == (secure ? 443 : 80); }
  /// As a Host header has it.
  std::string authority() const;
};

/// Longest URL of an outward request.
inline constexpr size_t kUrlBytesMax = 16 * 1024;

/// Strict: an absolute URL in its normal form, as the URL standard serializes one. Errors:
/// malformed (also one with a user name or password).
Result<Url> parse_url(std::string_view text);

/// Whether one of `patterns` names the host: "api.example.org", "*.example.org" (not example.org
/// itself), either with ":PORT". Without it the scheme's own port only. "*" alone is any host.
bool is_allowed_host(std::span<const std::string> patterns, const Url& url);

}  // namespace themis::http
