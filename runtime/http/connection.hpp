#pragma once
// One connection of the server: parses requests, keeps their answers in order, writes, and watches
// the clock.

#include <deque>

#include "runtime/http/server.hpp"

namespace themis::http {

/// One request and its answer, in the connection's queue until the answer is written.
struct Exchange {
  Connection* connection = nullptr;
  Responder* responder = nullptr;  // null once answered
  bool answered = false;           // whole, or begun
  bool close = false;              // the connection ends after this answer
  bool head_only = false;          // the request was a HEAD
  bool http10 = false;             // it knows no chunks
  bool http10_keep = false;        // HTTP/1.0 must be told that the connection stays
  size_t reserved_bytes = 0;       // of the server's bodies_bytes_max
  Response response;

  // An answer that comes bit by bit: what waits to be written is the response's body.
  bool streaming = false;
  bool finished = false;
  bool head_written = false;
  Framing framing = Framing::length;
  uint64_t left = 0;  // of Framing::length

  // A body that is read bit by bit; all of it has come, or failed, when the connection's upload_ is
  // another one.
  std::string arrived;
  bool whole = true;
  Responder::OnBody reader;
};

/// Owned by its server; loop thread only. Its life: reading and answering, then closing (no more
/// requests are read), then, after a refusal, lingering (what still arrives is thrown away), then
/// retired.
class Connection final : public net::StreamHandler {
 public:
  Connection(Server& server, uint64_t id, net::Address peer);
  ~Connection() override;

  void start(std::unique_ptr<net::Stream> stream);
  /// Answers 503 to whatever comes and closes: the server is at its limit.
  void start_refused(std::unique_ptr<net::Stream> stream);
  /// No new requests; closes at once when nothing runs.
  void drain();

  void on_data(std::span<std::byte> data) override;
  void on_writable() override;
  void on_closed(const Error& why) override;

  /// The answer of one exchange is ready.
  void answer(Exchange& exchange, Response response);
  // The same, bit by bit: as the members of Responder.
  void begin(Exchange& exchange, Response head);
  void write(Exchange& exchange, std::string_view bytes);
  bool has_room_for(const Exchange& exchange) const;
  void finish(Exchange& exchange);
  void abort(Exchange& exchange, std::string_view why);
  void read(Exchange& exchange, Responder::OnBody done);
  bool upgrade(Exchange& exchange, Response head);

 private:
  void parse(std::string_view input);
  void throw_away(size_t bytes);
  /// Called at the end of a head. False: the request was refused.
  bool on_head();
  void dispatch();
  Exchange& add_exchange();
  void dispatch_upload();
  void take_upload();
  void take_raw(std::string_view input);
  void end_upload();
  void give(Exchange& exchange);
  void refuse(int status, std::string_view detail);
  void refuse_upload(Response problem);
  void keep(Exchange& exchange, Response response);
  bool has_room() const;

  size_t unsent() const { return output_.size() - output_sent_; }
  /// Answers given and not yet taken by the client's socket, in bytes.
  size_t waiting_bytes() const { return answered_bytes_ + unsent(); }
  /// Tells the server how much waits here now.
  void account();

  void flush_soon();
  void flush();
  bool can_serialize() const;
  /// False: there is more to come of it.
  bool serialize(Exchange& exchange);
  void write_head(Exchange& exchange);
  void write_body(Exchange& exchange);
  void choose_framing(Exchange& exchange);
  void ask_for_more();
  void write_output();
  void after_write();
  void update_reading();

  TimePoint deadline() const;
  void update_timer();
  void on_timer();
  void close();

  Server& server_;
  const uint64_t id_;
  const net::Address peer_;
  std::unique_ptr<net::Stream> stream_;  // null: closed
  Parser parser_;
  std::deque<Exchange> exchanges_;  // oldest first
  Exchange* upload_ = nullptr;      // the one whose body still comes, bit by bit: the last one
  std::string unread_;              // arrived while there was no room
  std::string output_;
  size_t output_sent_ = 0;      // the first bytes of output_ that are sent already
  size_t answered_bytes_ = 0;   // the bodies of answers that are not in output_ yet
  size_t accounted_bytes_ = 0;  // what the server has been told
  size_t in_flight_bytes_ = 0;  // reserved by exchanges and the body being read
  size_t reading_bytes_ = 0;    // reserved by the body being read
  size_t thrown_away_bytes_ = 0;
  uint64_t request_count_ = 0;
  bool reading_ = true;
  bool write_blocked_ = false;  // the client's socket took less than it was given
  bool parsing_ = false;        // inside parse(): answers wait for its end, to leave together
  bool closing_ = false;        // no more requests; close when the answers are out
  bool linger_ = false;         // ... after throwing away what still arrives
  bool lingering_ = false;
  bool raw_ = false;            // upgraded: bytes are only passed on
  bool cut_ = false;            // an answer did not keep to its length: nothing may follow it
  bool streams_ = false;        // the body being read goes to its handler bit by bit
  bool owes_continue_ = false;  // "100 Continue" waits for the answers before it
  TimePoint phase_start_{};     // of the current wait: idle, head, body or linger
  TimePoint write_progress_{};
  net::TimerId timer_ = 0;
  TimePoint timer_at_{};
  net::TimerId flush_timer_ = 0;
};

}  // namespace themis::http
