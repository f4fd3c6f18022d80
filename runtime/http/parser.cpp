#include "runtime/http/parser.hpp"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <charconv>

namespace themis::http {
namespace {

namespace beast = boost::beast::http;
using boost::beast::error_code;
using boost::beast::string_view;

std::string to_string(string_view text) { return {text.data(), text.size()}; }

/// Beast's parser for the head only, which it is always given whole.
template <bool kIsRequest>
class HeadParser final : public beast::basic_parser<kIsRequest> {
 public:
  HeadParser(Request& out, int& status, int& version)
      : out_(out), status_(status), version_(version) {
    // Content-Length is checked here, against our own limit and rules.
    this->body_limit(std::numeric_limits<uint64_t>::max());
    this->header_limit(std::numeric_limits<uint32_t>::max());
  }

 private:
  void on_request_impl(beast::verb, string_view method, string_view target, int version,
                       error_code&) override {
    out_.method = to_string(method);
    out_.target = to_string(target);
    version_ = version;
  }
  void on_response_impl(int status, string_view, int version, error_code&) override {
    status_ = status;
    version_ = version;
  }
  void on_field_impl(beast::field, string_view name, string_view value, error_code&) override {
    out_.headers.add(to_string(name), to_string(value));
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(boost::optional<std::uint64_t> const&, error_code&) override {}
  std::size_t on_body_impl(string_view body, error_code&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code&) override {
    return body.size();
  }
  void on_finish_impl(error_code&) override {}

  Request& out_;
  int& status_;
  int& version_;
};

tl::unexpected<Refusal> refuse(int status, std::string detail) {
  return tl::unexpected<Refusal>(Refusal{status, std::move(detail)});
}

/// True for "GET / HTTP/2.0": well formed, but of a version that this server does not speak.
bool names_other_version(std::string_view head) {
  const std::string_view line = head.substr(0, head.find('\r'));
  const size_t at = line.rfind(" HTTP/");
  if (at == std::string_view::npos) return false;
  const std::string_view version = line.substr(at + 6);
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return version.size() == 3 && digit(version[0]) && version[1] == '.' && digit(version[2]) &&
         version != "1.0" && version != "1.1";
}

Refusal explain(const error_code& error, std::string_view head) {
  if (error == beast::error::bad_version && names_other_version(head))
    return {505, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
  if (error == beast::error::bad_content_length || error == beast::error::bad_transfer_encoding)
    return {400, "Content-Length and Transfer-Encoding that conflict or make no sense"};
  return {400, "the message's head is not HTTP: " + error.message()};
}

template <bool kIsRequest>
tl::expected<bool, Refusal> run_beast(std::string_view head, Request& out, int& status,
                                      int& version) {
  HeadParser<kIsRequest> parser(out, status, version);
  error_code error;
  parser.put(boost::asio::const_buffer(head.data(), head.size()), error);
  if (error) return tl::unexpected<Refusal>(explain(error, head));
  return parser.keep_alive();
}

}  // namespace

tl::expected<size_t, Refusal> Parser::feed(std::string_view input) {
  if (state_ == State::start && !input.empty()) state_ = State::head;
  if (state_ == State::head) return feed_head(input);
  if (state_ != State::body) return 0;
  const auto used = body_.feed(input, request_.body);
  if (!used) return refuse(status_of(used.error().code), used.error().detail);
  if (body_.done()) state_ = State::complete;
  return *used;
}

tl::expected<size_t, Refusal> Parser::feed_head(std::string_view input) {
  size_t at = 0;
  bool last = false;
  while (!last) {
    const bool starts_line = line_bytes_ == 0 && lines_ > 0 && at < input.size();
    if (starts_line && (input[at] == ' ' || input[at] == '\t'))
      return refuse(400, "a folded header line");
    const size_t newline = input.find('\n', at);
    const size_t stop = newline == std::string_view::npos ? input.size() : newline + 1;
    line_bytes_ += stop - at;
    head_bytes_ += stop - at;
    if (auto checked = check_sizes(); !checked) return tl::unexpected<Refusal>(checked.error());
    if (newline == std::string_view::npos) {
      head_.append(input);
      return input.size();
    }
    const bool has_cr = newline > 0 ? input[newline - 1] == '\r' : head_.ends_with('\r');
    if (!has_cr) return refuse(400, "a line of the head ends without a CR");
    // RFC 9112 section 2.2: an empty line left over from the message before is skipped, once.
    if (role_ == Role::request && lines_ == 0 && line_bytes_ == 2 && !skipped_line_) {
      reset();
      skipped_line_ = true;
      return stop;
    }
    last = line_bytes_ == 2;
    line_bytes_ = 0;
    ++lines_;
    at = stop;
  }
  if (!head_.empty()) head_.append(input.substr(0, at));
  const auto parsed = parse_head(head_.empty() ? input.substr(0, at) : std::string_view(head_));
  if (!parsed) return tl::unexpected<Refusal>(parsed.error());
  state_ = body_.done() ? State::complete : State::body;
  return at;
}

tl::expected<void, Refusal> Parser::check_sizes() {
  if (lines_ == 0 && line_bytes_ > limits_.start_line_bytes_max)
    return refuse(
        414, "the request line is over " + std::to_string(limits_.start_line_bytes_max) + " bytes");
  if (head_bytes_ > limits_.head_bytes_max)
    return refuse(431, "the head is over " + std::to_string(limits_.head_bytes_max) + " bytes");
  // Line 0 is the start line; the empty line that ends the head is 2 bytes.
  if (lines_ > limits_.header_count_max && line_bytes_ > 2)
    return refuse(431, "more than " + std::to_string(limits_.header_count_max) + " header fields");
  return {};
}

tl::expected<void, Refusal> Parser::parse_head(std::string_view head) {
  const auto parsed = role_ == Role::request ? run_beast<true>(head, request_, status_, version_)
                                             : run_beast<false>(head, request_, status_, version_);
  if (!parsed) return tl::unexpected<Refusal>(parsed.error());
  keep_alive_ = *parsed;
  if (role_ == Role::request)
    if (auto checked = check_request(); !checked) return checked;
  return choose_framing();
}

tl::expected<void, Refusal> Parser::check_request() {
  std::string& target = request_.target;
  // RFC 9112 section 3.2.2: a server accepts the absolute form too.
  constexpr std::string_view kScheme = "http://";
  if (equal_ignoring_case(std::string_view(target).substr(0, kScheme.size()), kScheme)) {
    const size_t path = target.find_first_of("/?", kScheme.size());
    target = path == std::string::npos ? "/" : target.substr(path);
    if (target.front() == '?') target.insert(0, "/");
  }
  if (target.front() != '/' && !(target == "*" && request_.method == "OPTIONS"))
    return refuse(400, "a request target that is no path");
  const bool ascii = std::all_of(target.begin(), target.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x7f && c != '#';
  });
  if (!ascii) return refuse(400, "a request target with a character that must be escaped");
  // RFC 9112 section 3.2.
  const size_t hosts = request_.headers.count("Host");
  if (hosts > 1 || (hosts == 0 && version_ == 11 && limits_.needs_host))
    return refuse(400, hosts == 0 ? "no Host header" : "two Host headers");
  const std::string* expect = request_.headers.find("Expect");
  if (expect == nullptr) return {};
  if (!equal_ignoring_case(*expect, "100-continue"))
    return refuse(417, "only 100-continue can be expected");
  expects_continue_ = version_ == 11;
  return {};
}

tl::expected<void, Refusal> Parser::choose_framing() {
  const Headers& headers = request_.headers;
  const std::string* encoding = headers.find("Transfer-Encoding");
  const std::string* length = headers.find("Content-Length");
  if (encoding != nullptr && length != nullptr)
    return refuse(400, "both Content-Length and Transfer-Encoding");
  if (headers.count("Content-Length") > 1 || headers.count("Transfer-Encoding") > 1)
    return refuse(400, "a repeated Content-Length or Transfer-Encoding");
  uint64_t bytes = 0;
  if (length != nullptr) {
    const char* const end = length->data() + length->size();
    const auto [stop, error] = std::from_chars(length->data(), end, bytes);
    if (error == std::errc::result_out_of_range)
      return refuse(413, "a Content-Length of more than 64 bits");
    if (error != std::errc{} || stop != end)
      return refuse(400, "a Content-Length that is no number");
  }
  const bool bodiless = role_ == Role::response &&
                        (no_body_ || status_ / 100 == 1 || status_ == 204 || status_ == 304);
  Framing framing = Framing::none;
  if (encoding != nullptr) {
    if (version_ == 10 || !equal_ignoring_case(*encoding, "chunked"))
      return refuse(400, "a Transfer-Encoding that is not \"chunked\" alone");
    framing = Framing::chunked;
  } else if (length != nullptr) {
    framing = Framing::length;
  } else if (role_ == Role::response) {
    framing = Framing::until_close;
  }
  if (bodiless) framing = Framing::none;
  const size_t most = std::max(limits_.body_bytes_max, limits_.stream_bytes_max);
  if (framing == Framing::length && bytes > most)
    return refuse(413, "a body of " + std::to_string(bytes) + " bytes; at most " +
                           std::to_string(most) + " are taken");
  body_ = BodyReader(framing, bytes, most);
  return {};
}

bool Parser::finish() {
  if (state_ != State::body || body_.framing() != Framing::until_close) return false;
  state_ = State::complete;
  return true;
}

Request Parser::take_request() {
  THEMIS_ASSERT(complete() && role_ == Role::request, "a request is taken when it is complete");
  Request request = std::move(request_);
  reset();
  return request;
}

Request Parser::take_head() {
  THEMIS_ASSERT(in_body() && role_ == Role::request, "a head is taken when its body follows");
  std::string body = take_body();
  Request head = std::move(request_);
  request_ = {};
  request_.body = std::move(body);
  return head;
}

Response Parser::take_response_head() {
  THEMIS_ASSERT(in_body() && role_ == Role::response, "a head is taken when its body follows");
  return {status_, std::exchange(request_.headers, {}), {}};
}

Response Parser::take_response() {
  THEMIS_ASSERT(complete() && role_ == Role::response, "a response is taken when it is complete");
  Response response{status_, std::move(request_.headers), std::move(request_.body)};
  reset();
  return response;
}

void Parser::reset() { *this = Parser(role_, limits_); }

}  // namespace themis::http
