#pragma once
// One outward HTTP request on a connection of its own, its answer bit by bit.

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
    std::string host;           ///< For TLS.
  };

  /// `trust`: null for plain HTTP. `changed` is called, never from inside of a call of this object,
  /// whenever one of the members below may answer something else.
  FetchConnection(net::Loop& loop, Request request, const crypto::TlsTrust* trust,
                  std::function<void()> changed);
  ~FetchConnection() override;

  /// Once. Errors: io.
  Status connect(const net::Address& to);

  /// Once, when it is there.
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
  Status parse(std::string_view plain);
  void send_request();
  void flush();
  void end(std::optional<Error> error);
  void tell() { changed_(); }

  net::Loop& loop_;
  Request request_;
  std::function<void()> changed_;
  std::optional<crypto::TlsClient> tls_;
  http::Parser parser_;
  std::unique_ptr<net::Stream> stream_;
  std::string out_;
  std::string arrived_;
  std::optional<http::Response> head_;
  bool head_seen_ = false;
  bool connected_ = false;
  bool sent_ = false;
  bool over_ = false;
  std::optional<Error> error_;
  TimePoint moved_{};
};

}  // namespace themis
