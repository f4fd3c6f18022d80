#include "runtime/http/url.hpp"

#include <algorithm>
#include <charconv>

namespace themis::http {
namespace {

constexpr size_t kHostBytesMax = 253;

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

bool is_name(std::string_view host) {
  return !host.empty() && host.size() <= kHostBytesMax && host.front() != '.' &&
         host.find("..") == std::string_view::npos && std::ranges::all_of(host, is_host_character);
}

bool is_bracketed(std::string_view host) {
  if (host.size() < 4 || host.front() != '[' || host.back() != ']') return false;
  const std::string_view inside = host.substr(1, host.size() - 2);
  return inside.find_first_not_of("0123456789abcdef:.") == std::string_view::npos;
}

/// Takes ":PORT" off the end. Errors: malformed.
Result<uint16_t> take_port(std::string_view& host, uint16_t otherwise) {
  const size_t mark = host.rfind(':');
  const size_t bracket = host.rfind(']');
  const bool is_inside = bracket != std::string_view::npos && mark < bracket;
  if (mark == std::string_view::npos || is_inside) return otherwise;
  uint16_t port = 0;
  const char* const end = host.data() + host.size();
  const auto [stop, error] = std::from_chars(host.data() + mark + 1, end, port);
  if (error != std::errc{} || stop != end || port == 0)
    return fail(Code::malformed, "a port that is none");
  host = host.substr(0, mark);
  return port;
}

}  // namespace

std::string Url::authority() const {
  const bool is_six = host.find(':') != std::string::npos;
  std::string text = is_six ? "[" + host + "]" : host;
  if (!has_default_port()) text += ":" + std::to_string(port);
  return text;
}

Result<Url> parse_url(std::string_view text) {
  if (text.size() > kUrlBytesMax) return fail(Code::malformed, "a URL of over 16 KB");
  Url url;
  url.secure = text.starts_with("https://");
  if (!url.secure && !text.starts_with("http://"))
    return fail(Code::malformed, "only http and https can be fetched");
  text.remove_prefix(url.secure ? 8 : 7);
  text = text.substr(0, text.find('#'));
  const size_t path = std::min(text.find_first_of("/?"), text.size());
  std::string_view host = text.substr(0, path);
  url.target = text.substr(path);
  if (url.target.empty() || url.target.front() != '/') url.target.insert(0, "/");
  const bool is_visible =
      std::ranges::all_of(url.target, [](char c) { return c > 0x20 && c < 0x7f; });
  if (!is_visible) return fail(Code::malformed, "a URL with a character that must be escaped");
  THEMIS_TRY(url.port, take_port(host, url.secure ? 443 : 80));
  if (!is_name(host) && !is_bracketed(host))
    return fail(Code::malformed, "a URL whose host is none");
  if (host.front() == '[') host = host.substr(1, host.size() - 2);
  url.host = host;
  return url;
}

bool is_allowed_host(std::span<const std::string> patterns, const Url& url) {
  return std::ranges::any_of(patterns, [&url](std::string_view pattern) {
    if (pattern == "*") return url.has_default_port();
    const Result<uint16_t> port = take_port(pattern, url.secure ? 443 : 80);
    if (!port || *port != url.port) return false;
    if (pattern.starts_with("*.")) {
      pattern.remove_prefix(1);  // ".example.org"
      return url.host.size() > pattern.size() && url.host.ends_with(pattern);
    }
    if (is_bracketed(pattern)) pattern = pattern.substr(1, pattern.size() - 2);
    return url.host == pattern;
  });
}

}  // namespace themis::http
