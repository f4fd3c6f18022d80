#include "actors/gateway/paths.hpp"

#include <array>

#include "actors/services/function_types.hpp"

namespace themis {
namespace {

struct Fixed {
  std::string_view path;
  Path meaning;
  std::string_view allow;
};
constexpr std::array kFixed = {
    Fixed{"/api/serverless", Path::serverless, "POST"},
    Fixed{"/v1/functions", Path::functions, "GET"},
    Fixed{"/v1/status", Path::status, "GET"},
    Fixed{"/v1/top", Path::top, "GET"},
    Fixed{"/v1/ring", Path::ring, "GET"},
    Fixed{"/v1/nodes", Path::nodes, "GET"},
    Fixed{"/v1/store", Path::store, "POST"},
    Fixed{"/metrics", Path::metrics, "GET"},
    Fixed{"/healthz", Path::health, "GET"},
    Fixed{"/readyz", Path::ready, "GET"},
};
constexpr std::string_view kCallPrefix = "/f/";
constexpr std::string_view kFunctionPrefix = "/v1/functions/";
constexpr std::string_view kFindPrefix = "/v1/find/";
constexpr std::string_view kStatePrefix = "/v1/state/";

/// What follows a function's name.
constexpr std::array kOfFunction = {
    Fixed{"", Path::function, "GET, PUT, DELETE"}, Fixed{"/versions", Path::versions, "GET"},
    Fixed{"/rollback", Path::rollback, "POST"},    Fixed{"/logs", Path::logs, "GET"},
    Fixed{"/promote", Path::promote, "POST"},      Fixed{"/abort", Path::abort, "POST"},
};

Result<Destination> function_of(std::string_view path) {
  const size_t end = std::min(path.find('/'), path.size());
  for (const Fixed& fixed : kOfFunction) {
    if (fixed.path != path.substr(end)) continue;
    Destination to{fixed.meaning, {}, {}, fixed.allow};
    THEMIS_TRY(to.name, percent_decoded(path.substr(0, end)));
    THEMIS_CHECK(check_function_name(to.name));
    return to;
  }
  return fail(Code::not_found, "this gateway has no such path");
}

Result<Destination> call_of(std::string_view target) {
  target.remove_prefix(kCallPrefix.size());
  const size_t end = std::min(target.find_first_of("/?"), target.size());
  Destination to{.path = Path::call, .name = {}, .rest = {}, .allow = {}};
  THEMIS_TRY(to.name, percent_decoded(target.substr(0, end)));
  THEMIS_CHECK(check_function_name(to.name));
  const std::string_view rest = target.substr(end);
  if (!rest.starts_with('/')) to.rest.push_back('/');
  to.rest.append(rest);
  return to;
}

}  // namespace

Result<Destination> find_destination(const http::Request& request) {
  const std::string_view path = request.path();
  if (path.starts_with(kCallPrefix)) return call_of(request.target);
  for (const Fixed& fixed : kFixed)
    if (fixed.path == path) return Destination{fixed.meaning, {}, {}, fixed.allow};
  if (path.starts_with(kFunctionPrefix)) return function_of(path.substr(kFunctionPrefix.size()));
  if (path.starts_with(kFindPrefix)) {
    Destination to{Path::find, {}, {}, "GET"};
    THEMIS_TRY(to.name, percent_decoded(path.substr(kFindPrefix.size())));
    if (to.name.empty()) return fail(Code::invalid, "a name is needed: /v1/find/NAME");
    return to;
  }
  if (path.starts_with(kStatePrefix)) {
    Destination to{Path::state, {}, {}, "POST"};
    THEMIS_TRY(to.name, percent_decoded(path.substr(kStatePrefix.size())));
    return to;
  }
  return fail(Code::not_found, "this gateway has no such path");
}

bool is_allowed(std::string_view allow, std::string_view method) {
  if (allow.empty()) return true;
  if (method == "HEAD") method = "GET";
  for (size_t at = allow.find(method); at != std::string_view::npos;
       at = allow.find(method, at + 1)) {
    const size_t end = at + method.size();
    const bool starts = at == 0 || allow[at - 1] == ' ';
    if (starts && (end == allow.size() || allow[end] == ',')) return true;
  }
  return false;
}

bool needs_token(Path path) {
  switch (path) {
    case Path::call:
    case Path::serverless:
    case Path::metrics:
    case Path::health:
    case Path::ready:
      return false;
    case Path::functions:
    case Path::function:
    case Path::versions:
    case Path::rollback:
    case Path::logs:
    case Path::promote:
    case Path::abort:
    case Path::status:
    case Path::top:
    case Path::ring:
    case Path::nodes:
    case Path::find:
    case Path::store:
    case Path::state:
      return true;
  }
  return true;
}

Result<std::string> percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    const auto byte = from_hex(text.substr(i + 1, 2));
    if (!byte || byte->size() != 1)
      return fail(Code::malformed, "\"%\" is followed by two hexadecimal digits");
    const char c = static_cast<char>(byte->front());
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      return fail(Code::malformed, "a control character in the path");
    out.push_back(c);
    i += 2;
  }
  return out;
}

std::string_view query_value(std::string_view query, std::string_view key) {
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    if (pair.size() > key.size() && pair.starts_with(key) && pair[key.size()] == '=')
      return pair.substr(key.size() + 1);
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return {};
}

}  // namespace themis
