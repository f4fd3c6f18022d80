#pragma once
// By what a canary knows a caller again: a header or a cookie that the operator has named.

#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/error.hpp"

namespace themis::mesh {

/// "header:NAME" or "cookie:NAME", a label's value on the ring.
struct Sticky {
  static constexpr size_t kTextBytesMax = 64;

  bool is_cookie = false;
  std::string name;  ///< A token of RFC 9110; headers without regard to case.

  std::string text() const { return (is_cookie ? "cookie:" : "header:") + name; }
  /// Errors: invalid, with what one looks like.
  static Result<Sticky> parse(std::string_view text);
  friend bool operator==(const Sticky&, const Sticky&) = default;
};

/// The value of a cookie in a Cookie header (RFC 6265 section 5.4); nothing: it is not in it.
std::optional<std::string_view> cookie_value(std::string_view header, std::string_view name);

/// Where a caller stands in a canary, 0 to 9,999: below 100 times its percent the canary takes the
/// call. BLAKE2b-256("themis/canary/v1", framed route, framed version, framed value), its first
/// eight bytes: the same at every gateway, and anew for each canary.
uint32_t canary_draw(std::string_view route, std::string_view version, std::string_view value);
inline constexpr uint32_t kDrawsPerPercent = 100;

}  // namespace themis::mesh
