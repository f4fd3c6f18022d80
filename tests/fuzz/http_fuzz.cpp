// Any bytes into the HTTP parser: whole and in pieces it reads the same messages, within its
// limits.

#include "runtime/http/parser.hpp"
#include "tests/fuzz/input.hpp"

namespace themis::fuzz {
namespace {

constexpr http::ParserLimits kLimits{.start_line_bytes_max = 512,
                                     .head_bytes_max = 2048,
                                     .header_count_max = 20,
                                     .body_bytes_max = 4096};

struct Outcome {
  std::vector<std::string> messages;
  int refused = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

std::string take(http::Parser& parser, http::Parser::Role role) {
  std::string text;
  const auto note = [&text](const http::Headers& headers, const std::string& body) {
    promise(headers.size() <= kLimits.header_count_max, "headers keep to the limit");
    promise(body.size() <= kLimits.body_bytes_max, "a body keeps to the limit");
    for (const auto& [name, value] : headers) {
      promise(name.find_first_of("\r\n: ") == std::string::npos, "a name is a token");
      promise(value.find_first_of("\r\n") == std::string::npos, "a value is one line");
      text += name + "=" + value + ";";
    }
    text += body;
  };
  if (role == http::Parser::Role::request) {
    const http::Request request = parser.take_request();
    text = request.method + " " + request.target + "|";
    note(request.headers, request.body);
  } else {
    const http::Response response = parser.take_response();
    text = std::to_string(response.status) + "|";
    note(response.headers, response.body);
  }
  return text;
}

Outcome parse(std::string_view stream, http::Parser::Role role, size_t piece) {
  http::Parser parser(role, kLimits);
  Outcome outcome;
  while (!stream.empty()) {
    std::string_view left = stream.substr(0, piece);
    stream.remove_prefix(left.size());
    while (!left.empty()) {
      const auto used = parser.feed(left);
      if (!used) {
        outcome.refused = used.error().status;
        return outcome;
      }
      promise(*used <= left.size(), "no more is used than there is");
      left.remove_prefix(*used);
      if (parser.complete())
        outcome.messages.push_back(take(parser, role));
      else if (*used == 0)
        break;
    }
    if (!left.empty()) return outcome;  // it waits for something that is no message
  }
  if (role == http::Parser::Role::response && parser.finish() && parser.complete())
    outcome.messages.push_back(take(parser, role));
  return outcome;
}

}  // namespace
}  // namespace themis::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace themis;
  fuzz::Input input(data, size);
  const uint8_t how = input.byte();
  const auto role = how % 2 == 0 ? http::Parser::Role::request : http::Parser::Role::response;
  const std::string_view stream = as_text(input.rest());
  fuzz::promise(fuzz::parse(stream, role, SIZE_MAX) == fuzz::parse(stream, role, 1 + how / 2),
                "the pieces of a stream do not matter");
  return 0;
}
