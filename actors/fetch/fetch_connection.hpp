#pragma once
// Outward HTTP requests on one connection, one after the other; bodies of requests and answers bit
// by bit.

#include <memory>
#include <optional>

#include "runtime/crypto/tls_client.hpp"
#include "runtime/http/parser.hpp"
#include "runtime/net/loop.hpp"

namespace themis {

/// Loop thread only. Nothing is called back but `changed`, which may destroy this.
class FetchConnection final : private net::StreamHandler {
 public:
  /// Bytes of the answer's body that wait; then the server does.
  static constexpr size_t kWindowBytes = 128 * 1024;

  struct Request {
    std::string head_and_body;  ///< As it is sent.
    bool head_only = false;     ///< A HEAD: its answer has no body.
    bool again = false;         ///< It may run twice, so it may use a connection that was used.
    std::string host;           ///< For TLS.
    bool streams = false;       ///< The body follows, by write_body().
    std::optional<uint64_t> length = {};  ///< Of that body; without, it goes out in chunks.
    /// The connection may serve another request afterwards: the head does not say otherwise.
    bool keeps() const { return again || streams; }
  };
  using Changed = std::function<void()>;

  /// `trust`: null for plain HTTP. `changed` is called, never from inside of a call of this object,
  /// whenever one of the members below may answer something else.
  FetchConnection(net::Loop& loop, Request request, const crypto::TlsTrust* trust, Changed changed);
  ~FetchConnection() override;

  /// Once. Errors: io.
  Status connect(const net::Address& to);
  /// After a whole answer: the server keeps the connection for another request to the same host.
  bool is_reusable() const { return over_ && !error_ && stream_ != nullptr && !is_sending(); }
  /// It waits for that request; `ended` is called as `changed` is when it is of no use any more.
  void rest(Changed ended) { changed_ = std::move(ended); }
  /// Begins the next request on a reusable one; as the constructor.
  void start(Request request, Changed changed);

  /// There is room for the next bits of the request's body; nothing of the last ones waits here.
  bool wants_body() const { return is_sending() && sent_ && !body_ended_ && out_.empty(); }
  /// The body of the request is not all sent, and somebody takes it: maybe also after the answer.
  bool is_sending() const {
    return request_.streams && stream_ != nullptr && !error_ && (!body_ended_ || !out_.empty());
  }
  /// The next bits, not none, when it wants_body(). Errors: malformed (longer than its length).
  Status write_body(std::string_view bits);
  /// The last ones were sent. Errors: malformed (shorter than its length).
  Status end_body();
  size_t held_bytes() const { return out_.size(); }  ///< Of the request, not sent yet.

  /// Once for each request, when it is there.
  std::optional<http::Response> take_head();
  /// What there is of the body.
  std::string take_body();
  bool has_body() const { return !arrived_.empty(); }
  /// Nothing more comes.
  bool over() const { return over_ || error_.has_value(); }
  /// Why it ended early: forged, malformed, too_large, unavailable.
  const std::optional<Error>& error() const { return error_; }
  bool connected() const { return connected_; }
  /// Waits for the server, not for whoever reads.
  bool waits() const { return arrived_.size() < kWindowBytes; }
  TimePoint moved() const { return moved_; }  ///< When bytes last came or went.

 private:
  void on_connected() override;
  void on_data(std::span<std::byte> data) override;
  void on_writable() override;
  void on_closed(const Error& why) override;
  const char* name() const override { return "an outward fetch"; }

  Status receive(ByteView data);
  void take_unasked(ByteView data);
  Status parse(std::string_view plain);
  void send_request();
  void send(std::string_view plain);
  void flush();
  void end_whole();
  void end(std::optional<Error> error);
  /// A copy, which outlives what rest() or start() put in its place meanwhile.
  void tell() {
    const Changed call = changed_;
    call();
  }

  net::Loop& loop_;
  Request request_;
  Changed changed_;
  std::optional<crypto::TlsClient> tls_;
  http::Parser parser_;
  std::unique_ptr<net::Stream> stream_;
  std::string out_;
  std::string arrived_;
  std::optional<http::Response> head_;
  bool head_seen_ = false;
  bool connected_ = false;
  bool sent_ = false;        ///< The head.
  bool body_ended_ = false;  ///< Of the request.
  uint64_t body_bytes_ = 0;  ///< The same.
  bool over_ = false;
  std::optional<Error> error_;
  TimePoint moved_{};
};

}  // namespace themis
