#pragma once
// The client's side of TLS over bytes that somebody else moves: no socket in here.

#include <memory>
#include <string>

#include "runtime/base/bytes.hpp"
#include "runtime/base/error.hpp"

namespace themis::crypto {

/// Whom to believe: the system's certificate authorities (OpenSSL's default file and folder, which
/// SSL_CERT_FILE and SSL_CERT_DIR replace). One for a process; any thread.
class TlsTrust {
 public:
  /// Errors: io.
  static Result<TlsTrust> of_system();
  ~TlsTrust();
  TlsTrust(TlsTrust&&) noexcept;
  TlsTrust& operator=(TlsTrust&&) noexcept;

 private:
  friend class TlsClient;
  struct Impl;
  explicit TlsTrust(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// One connection: TLS 1.2 or 1.3, the peer's certificate checked for `host`. One thread.
class TlsClient {
 public:
  /// `host`: a name, or a numeric address.
  TlsClient(const TlsTrust& trust, const std::string& host);
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  /// Begins, and goes on with what the peer sent; plain bytes are appended to `out`. Errors: forged
  /// (the certificate, with the reason), malformed (TLS). After an error the connection is over.
  Status feed(ByteView received, std::string& out);
  /// The handshake is complete: write() may be called.
  bool established() const { return established_; }
  /// The peer said that nothing follows: what came is whole.
  bool closed() const { return closed_; }
  void write(std::string_view plain);
  /// What has to be sent to the peer.
  std::string take_output();

 private:
  struct Impl;
  Status read(std::string& out);
  Error failure() const;

  std::unique_ptr<Impl> impl_;
  bool established_ = false;
  bool closed_ = false;
};

}  // namespace themis::crypto
