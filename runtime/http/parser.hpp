#pragma once
// One HTTP/1.1 message after another out of a byte stream: incremental, strict, bounded. No I/O, no
// clock.

#include <string>
#include <string_view>
#include <utility>

#include "runtime/http/body.hpp"
#include "runtime/http/message.hpp"

namespace themis::http {

struct ParserLimits {
  /// RFC 9112 section 3 asks for at least 8,000 octets. More is 414.
  size_t start_line_bytes_max = 8 * 1024;
  /// Start line and fields together: what an unauthenticated peer may make us hold. More is 431.
  size_t head_bytes_max = 16 * 1024;
  size_t header_count_max = 100;
  /// More is 413.
  size_t body_bytes_max = 1024 * 1024;
  /// Of a body that is taken bit by bit; when it is more, whoever does not do that with a body has
  /// to bound it by limit_body().
  size_t stream_bytes_max = 0;
  /// RFC 9112 section 3.2. False: whoever takes the requests looks for the Host header.
  bool needs_host = true;
};

/// Why a message was refused: the status to answer with, and a sentence for the one who sent it.
struct Refusal {
  int status = 400;
  std::string detail;
};

/// Reads requests (a server) or responses (a client). Stricter than the RFCs allow where leniency
/// lets two parsers disagree: a bare LF, a folded line, a repeated or listed Content-Length,
/// Content-Length beside Transfer-Encoding and any Transfer-Encoding but "chunked" are refused. One
/// thread at a time. Source: RFC 9112.
class Parser {
 public:
  enum class Role { request, response };

  Parser(Role role, ParserLimits limits) : role_(role), limits_(limits) {}

  /// Reads on, at most to the end of the head or of the message, and returns how many bytes it
  /// used. Call it again with the rest while it used any. After a refusal the stream has no message
  /// border any more and must be closed.
  tl::expected<size_t, Refusal> feed(std::string_view input);
  /// The peer closed the stream: completes a response that lasts until then. False: it was cut
  /// short.
  bool finish();

  /// No byte of a message has been read.
  bool idle() const { return state_ == State::start; }
  /// The head has been read and the body has not ended.
  bool in_body() const { return state_ == State::body; }
  bool complete() const { return state_ == State::complete; }

  /// From the end of the head on: what the sender announced; 0 for a chunked body.
  uint64_t content_length() const { return body_.length(); }
  bool chunked() const { return body_.framing() == Framing::chunked; }
  bool keep_alive() const { return keep_alive_; }
  /// HTTP/1.0 closes unless told otherwise, so keeping it open must be said.
  bool is_http10() const { return version_ == 10; }
  bool expects_continue() const { return expects_continue_; }
  /// Tells a response parser that the request was a HEAD: no body follows.
  void set_no_body() { no_body_ = true; }

  /// While in_body(): the head, and the body without what was taken.
  const Request& request() const { return request_; }
  /// Bounds the body, right after the head.
  void limit_body(size_t bytes_max) { body_.limit(bytes_max); }
  /// While in_body() or complete(): what there is of the body by now.
  std::string take_body() { return std::exchange(request_.body, {}); }

  /// The complete message; the parser starts over. Only when complete(), and in the matching role.
  Request take_request();
  /// Of a message that is in_body(): its head; the body follows by take_body().
  Request take_head();
  Response take_response_head();
  /// After complete() of such a one.
  void start_over() { reset(); }
  Response take_response();

 private:
  enum class State { start, head, body, complete };

  tl::expected<size_t, Refusal> feed_head(std::string_view input);
  tl::expected<void, Refusal> check_sizes();
  tl::expected<void, Refusal> parse_head(std::string_view head);
  tl::expected<void, Refusal> check_request();
  tl::expected<void, Refusal> choose_framing();
  void reset();

  Role role_;
  ParserLimits limits_;
  State state_ = State::start;
  std::string head_;       // the part of the head that earlier calls brought
  size_t head_bytes_ = 0;  // of the current message, this call included
  size_t line_bytes_ = 0;  // of the current line, its CR included
  size_t lines_ = 0;
  Request request_;  // a response uses its headers and body too
  int status_ = 0;
  int version_ = 0;
  bool keep_alive_ = false;
  bool expects_continue_ = false;
  bool no_body_ = false;
  bool skipped_line_ = false;
  BodyReader body_;
};

}  // namespace themis::http
