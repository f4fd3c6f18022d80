#include "runtime/http/message.hpp"

#include <algorithm>
#include <array>

#include "runtime/http/json.hpp"

namespace themis::http {
namespace {

/// A request of a browser has some twelve, an answer fewer: one allocation, not four that grow.
constexpr size_t kUsualHeaders = 8;

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

struct Phrase {
  int status;
  std::string_view text;
};

constexpr std::array kPhrases = {
    Phrase{100, "Continue"},
    Phrase{101, "Switching Protocols"},
    Phrase{200, "OK"},
    Phrase{201, "Created"},
    Phrase{202, "Accepted"},
    Phrase{204, "No Content"},
    Phrase{206, "Partial Content"},
    Phrase{301, "Moved Permanently"},
    Phrase{302, "Found"},
    Phrase{303, "See Other"},
    Phrase{304, "Not Modified"},
    Phrase{307, "Temporary Redirect"},
    Phrase{308, "Permanent Redirect"},
    Phrase{400, "Bad Request"},
    Phrase{401, "Unauthorized"},
    Phrase{403, "Forbidden"},
    Phrase{404, "Not Found"},
    Phrase{405, "Method Not Allowed"},
    Phrase{406, "Not Acceptable"},
    Phrase{408, "Request Timeout"},
    Phrase{409, "Conflict"},
    Phrase{410, "Gone"},
    Phrase{411, "Length Required"},
    Phrase{412, "Precondition Failed"},
    Phrase{413, "Content Too Large"},
    Phrase{414, "URI Too Long"},
    Phrase{415, "Unsupported Media Type"},
    Phrase{417, "Expectation Failed"},
    Phrase{418, "I'm a teapot"},
    Phrase{422, "Unprocessable Content"},
    Phrase{429, "Too Many Requests"},
    Phrase{431, "Request Header Fields Too Large"},
    Phrase{500, "Internal Server Error"},
    Phrase{501, "Not Implemented"},
    Phrase{502, "Bad Gateway"},
    Phrase{503, "Service Unavailable"},
    Phrase{504, "Gateway Timeout"},
    Phrase{505, "HTTP Version Not Supported"},
    Phrase{507, "Insufficient Storage"},
};

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

bool is_token(std::string_view text) {
  static constexpr std::array<bool, 256> kTokenCharacters = [] {
    std::array<bool, 256> is_one{};
    for (const char c : std::string_view("!#$%&'*+-.^_`|~")) is_one[static_cast<size_t>(c)] = true;
    for (size_t c = '0'; c <= '9'; ++c) is_one[c] = true;
    for (size_t c = 'a'; c <= 'z'; ++c) is_one[c] = is_one[c - 'a' + 'A'] = true;
    return is_one;
  }();
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return kTokenCharacters[static_cast<unsigned char>(c)];
  });
}

bool is_field_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= 0x20 && byte != 0x7f) || c == '\t';
  });
}

void Headers::add(std::string name, std::string value) {
  if (list_.capacity() == 0) list_.reserve(kUsualHeaders);
  list_.push_back({std::move(name), std::move(value)});
}

void Headers::set(std::string_view name, std::string value) {
  remove(name);
  add(std::string(name), std::move(value));
}

void Headers::remove(std::string_view name) {
  std::erase_if(list_, [&](const Header& h) { return equal_ignoring_case(h.name, name); });
}

const std::string* Headers::find(std::string_view name) const {
  for (const Header& header : list_)
    if (equal_ignoring_case(header.name, name)) return &header.value;
  return nullptr;
}

size_t Headers::count(std::string_view name) const {
  return static_cast<size_t>(std::count_if(list_.begin(), list_.end(), [&](const Header& header) {
    return equal_ignoring_case(header.name, name);
  }));
}

std::string_view Request::path() const {
  return std::string_view(target).substr(0, target.find('?'));
}

std::string_view Request::query() const {
  const size_t mark = target.find('?');
  return mark == std::string::npos ? std::string_view{} : std::string_view(target).substr(mark + 1);
}

Response Response::text(int status, std::string body) {
  Response response{status, {}, std::move(body)};
  response.headers.add("Content-Type", "text/plain; charset=utf-8");
  return response;
}

Response Response::json(int status, std::string body) {
  Response response{status, {}, std::move(body)};
  response.headers.add("Content-Type", "application/json");
  return response;
}

bool is_for_one_hop(std::string_view name) {
  static constexpr std::array<std::string_view, 10> kNames = {
      "Connection", "Keep-Alive", "Proxy-Connection",  "Proxy-Authenticate", "Proxy-Authorization",
      "TE",         "Trailer",    "Transfer-Encoding", "Upgrade",            "Expect"};
  return std::ranges::any_of(
      kNames, [name](std::string_view own) { return equal_ignoring_case(own, name); });
}

std::string_view reason_phrase(int status) {
  const auto* found = std::lower_bound(kPhrases.begin(), kPhrases.end(), status,
                                       [](const Phrase& p, int s) { return p.status < s; });
  return found != kPhrases.end() && found->status == status ? found->text : "Unknown";
}

int status_of(Code code) {
  switch (code) {
    case Code::malformed:
    case Code::invalid:
    case Code::syntax:
      return 400;
    case Code::unauthenticated:
      return 401;
    case Code::denied:
      return 403;
    case Code::not_found:
      return 404;
    case Code::exists:
      return 409;
    case Code::too_large:
      return 413;
    case Code::rate_limited:
      return 429;
    case Code::threw:
    case Code::io:
    case Code::internal:
      return 500;
    // A peer that cannot be reached and a peer whose answer does not verify are the same to the
    // caller.
    case Code::unavailable:
    case Code::forged:
    case Code::replayed:
    case Code::wrong_peer:
      return 502;
    case Code::overloaded:
    case Code::cancelled:
    case Code::not_hosted:
      return 503;
    case Code::timeout:
    case Code::cpu_exceeded:
      return 504;
    case Code::memory_exceeded:
      return 507;
  }
  return 500;
}

Response problem(int status, std::string_view title, std::string_view detail,
                 std::string_view trace) {
  Json body = {{"type", "about:blank"}, {"title", title}, {"status", status}, {"detail", detail}};
  if (!trace.empty()) body["trace"] = trace;
  Response response{status, {}, to_text(body)};
  response.headers.add("Content-Type", "application/problem+json");
  if (status == 401) response.headers.add("WWW-Authenticate", "Bearer");
  if (status == 429 || status == 503) response.headers.add("Retry-After", "1");
  return response;
}

Response problem(const Error& error, std::string_view trace) {
  const int status = status_of(error.code);
  return problem(status, reason_phrase(status), error.detail, trace);
}

}  // namespace themis::http
