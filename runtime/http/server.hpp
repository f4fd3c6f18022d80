#pragma once
// An HTTP/1.1 server on one event loop: keep-alive, pipelining, limits and drain. Everything runs
// on the loop's thread.

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "runtime/http/message.hpp"
#include "runtime/http/parser.hpp"
#include "runtime/net/loop.hpp"

namespace themis::http {

class Connection;
struct Exchange;

/// Every bound of the server, with the reason for it.
struct ServerLimits {
  ParserLimits parser;
  /// One connection holds at most a head, a read buffer and its requests; the next ones are
  /// answered 503.
  size_t connections_max = 1024;
  /// Requests of one connection that wait for their answer. More stay in the client's socket.
  size_t pipeline_max = 32;
  /// A body that comes bit by bit, when its handler takes it so.
  size_t stream_bytes_max = size_t{1} << 30;
  /// Announced bodies up to this size are waited for all the same: one piece costs less.
  size_t whole_bytes_max = 256 * 1024;
  /// Bytes of such a body that wait for its handler; then the client does.
  size_t upload_bytes_max = 128 * 1024;
  /// Request bodies held for all connections together, announced bytes included; past it: 503.
  size_t bodies_bytes_max = 256 * 1024 * 1024;
  /// Unsent bytes of one connection above which nothing more is read from it.
  size_t output_bytes_max = 256 * 1024;
  /// Unsent answers held for all connections together. Past it a connection is read only while
  /// nothing of its own waits, so that clients which read slowly stop themselves and nobody else.
  size_t responses_bytes_max = 256 * 1024 * 1024;
  /// A kept connection without a request is closed.
  Duration idle_timeout = 60s;
  /// From the first byte of a request to the end of its head: bounds slowloris. 408.
  Duration header_timeout = 10s;
  /// From the end of the head to the end of the body: 1 MB at 35 KB/s. 408.
  Duration body_timeout = 30s;
  /// Without one byte accepted by the client's socket.
  Duration write_timeout = 30s;
  /// How long a refused client may go on sending before the close, which would otherwise reset the
  /// answer away.
  Duration linger_timeout = 1s;
  /// What still arrives on a connection that takes no more requests is thrown away up to here, then
  /// the connection ends: enough for a client that looks for its answer when its body is out.
  size_t thrown_away_bytes_max = 16 << 20;
  /// drain() closes what still runs after this; a node has 2 s to leave.
  Duration drain_timeout = 1500ms;
};

struct ServerCounters {
  uint64_t connections = 0;       ///< Accepted since the start.
  uint64_t open_connections = 0;  ///< Now.
  uint64_t requests = 0;          ///< Given to the handler.
  uint64_t responses = 0;         ///< Written, refusals included.
  uint64_t refused = 0;           ///< Answered here with 4xx or 5xx, before the handler.
  uint64_t timed_out = 0;         ///< Connections closed by one of the timeouts.
  uint64_t abandoned = 0;         ///< Requests whose client left before the answer.
  uint64_t writes = 0;            ///< Calls of Stream::write.
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
};

/// A bit of a request's body.
struct BodyBit {
  std::string bytes;  ///< Not empty, unless it is the last one.
  bool last = false;
};

/// The duty to answer one request. Movable; loop thread only.
class Responder {
 public:
  Responder() = default;
  explicit Responder(Exchange& exchange);
  Responder(Responder&& other) noexcept;
  Responder& operator=(Responder&& other) noexcept;
  /// Answers 500 when nobody has responded.
  ~Responder();

  /// Answers, now or in a later turn; a second call and a call after the client left do nothing. A
  /// response that cannot be sent (a status outside 200..599, a header with a control character)
  /// becomes a 500.
  void respond(Response response);
  /// Begins an answer whose body goes on with write(); `head.body` is what there is of it. It
  /// leaves in chunks, or as long as its Content-Length says.
  void begin(Response head);
  void write(std::string_view bytes);
  /// Whether write() should be called now; if not, `on_room` is called when it should, again and
  /// again.
  bool has_room() const;
  void on_room(std::function<void()> callback) { on_room_ = std::move(callback); }
  /// The body is whole.
  void finish();
  /// It will never be: ends the connection, so that the client notices; before begin(): answers
  /// 502.
  void abort(std::string_view why);

  /// Answers 101 with the headers of `head`: from now on read() gives the bytes that the client
  /// sends and write() sends bytes, both as they are, until finish() or the end of the connection.
  /// False: other requests wait behind this one, or the client left.
  bool upgrade(Response head);

  using OnBody = std::function<void(Result<BodyBit>)>;
  /// The next bit of the body of a Request that `streams`: calls `done` now or later, once. Errors:
  /// malformed, too_large, timeout; unavailable (the client left, or the answer is over).
  void read(OnBody done);
  /// True when there is nobody to answer: the client left, or the answer was given.
  bool gone() const { return exchange_ == nullptr; }
  /// Calls `callback` once if the client leaves before the end of the answer; it may destroy this
  /// responder.
  void on_gone(std::function<void()> callback) { on_gone_ = std::move(callback); }

 private:
  friend class Connection;
  /// Forgets the exchange; returns what is to be called about it.
  std::function<void()> detach();

  Exchange* exchange_ = nullptr;
  std::function<void()> on_gone_;
  std::function<void()> on_room_;
};

/// What the server serves.
class Handler {
 public:
  virtual ~Handler() = default;
  /// Whether it takes the body of this request bit by bit, when it is long or of unknown length.
  virtual bool takes_stream(const Request&) const { return false; }
  /// One request, complete unless it `streams`. Must not destroy the server.
  virtual void on_request(Request&& request, Responder responder) = 0;
};

/// Answers of one connection leave in the order of its requests, each head and body in one write,
/// and answers that are ready together in one write.
class Server final : private net::Acceptor {
 public:
  Server(net::Loop& loop, Handler& handler, ServerLimits limits = {});
  /// Closes everything; responders that are still held become gone.
  ~Server() override;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Errors: io (the address is in use or not ours).
  Status listen(const net::Address& address);
  /// The bound address; listen() has succeeded.
  net::Address address() const;
  /// Stops accepting, closes idle connections, answers what runs with "Connection: close", then
  /// calls `done` in a turn of its own: when the last connection is closed, at the latest after
  /// drain_timeout.
  void drain(std::function<void()> done);

  const ServerCounters& counters() const { return counters_; }

 private:
  friend class Connection;

  net::StreamHandler* on_accept(const net::Address& from) override;
  void accepted(net::StreamHandler* handler, std::unique_ptr<net::Stream> stream) override;
  /// Ends a connection; it is destroyed in the next turn, because it may be the caller.
  void retire(uint64_t id);
  void close_all();
  void finish_drain();
  /// The Date header's value, made once a second.
  const std::string& date();

  net::Loop& loop_;
  Handler& handler_;
  ServerLimits limits_;
  ServerCounters counters_;
  std::unique_ptr<net::Listener> listener_;
  std::unordered_map<uint64_t, std::unique_ptr<Connection>> connections_;
  std::vector<std::unique_ptr<Connection>> retired_;
  uint64_t next_id_ = 1;
  size_t bodies_bytes_ = 0;
  size_t responses_bytes_ = 0;  // answers that wait for their clients' sockets
  net::TimerId reap_timer_ = 0;
  net::TimerId drain_timer_ = 0;
  bool draining_ = false;
  std::function<void()> drained_;
  int64_t date_second_ = -1;
  std::string date_;
};

}  // namespace themis::http
