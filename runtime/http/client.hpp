#pragma once
// A small blocking HTTP/1.1 client over a plain socket: for the command line, tests and benches,
// never on a loop's thread.

#include "runtime/base/clock.hpp"
#include "runtime/http/message.hpp"
#include "runtime/http/parser.hpp"
#include "runtime/net/socket.hpp"

namespace themis::http {

struct ClientLimits {
  /// An answer may be larger than a request: lists, logs, stored code.
  ParserLimits parser{.body_bytes_max = 64 * 1024 * 1024};
  Duration connect_timeout = 3s;
  /// From the first byte sent to the last byte received; over the wall limit of a function.
  Duration request_timeout = 40s;
};

/// One server, one connection at a time, kept open between requests when the server allows. One
/// thread.
class Client {
 public:
  explicit Client(net::Address server, ClientLimits limits = {});

  /// Sends `request` with Host and Content-Length added, and returns the answer, whatever its
  /// status. An idempotent request whose kept connection turns out to be closed is sent once more
  /// on a new one. Errors: unavailable (refused, reset, closed), timeout, malformed or too_large
  /// (the answer), invalid (the request).
  Result<Response> send(const Request& request);

 private:
  Status connect(TimePoint deadline);
  Status write_all(std::string_view text, TimePoint deadline);
  Result<Response> read_response(bool head_only, TimePoint deadline);
  Status wait(short events, TimePoint deadline);
  void disconnect() { socket_ = net::Descriptor{}; }

  net::Address server_;
  ClientLimits limits_;
  net::Descriptor socket_;
  bool got_bytes_ = false;  // of the answer to the request at hand
};

}  // namespace themis::http
