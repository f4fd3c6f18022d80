#include "runtime/http/connection.hpp"

#include <fmt/format.h>

#include "runtime/base/log.hpp"

namespace themis::http {
Connection::Connection(Server& server, uint64_t id, net::Address peer)
    : server_(server), id_(id), peer_(std::move(peer)), parser_(Parser::Role::request, [&server] {
        ParserLimits limits = server.limits_.parser;
        limits.stream_bytes_max = server.limits_.stream_bytes_max;
        return limits;
      }()) {}

Connection::~Connection() { close(); }

void Connection::start(std::unique_ptr<net::Stream> stream) {
  stream_ = std::move(stream);
  phase_start_ = server_.loop_.now();
  update_timer();
}

void Connection::start_refused(std::unique_ptr<net::Stream> stream) {
  stream_ = std::move(stream);
  refuse(503, "this node has as many connections as it can hold");
  flush();
}

void Connection::drain() {
  if (!exchanges_.empty() || unsent() > 0) return flush();
  if (parser_.idle()) close();
}

void Connection::on_data(std::span<std::byte> data) {
  server_.counters_.bytes_in += data.size();
  if (closing_) return throw_away(data.size());
  if (!unread_.empty()) {
    unread_.append(as_text(data));
  } else {
    parse(as_text(data));
  }
  flush();
}

void Connection::throw_away(size_t bytes) {
  thrown_away_bytes_ += bytes;
  if (thrown_away_bytes_ > server_.limits_.thrown_away_bytes_max) close();
}

void Connection::parse(std::string_view input) {
  if (raw_) return take_raw(input);
  parsing_ = true;
  while (!input.empty() && !closing_ && has_room()) {
    const bool was_idle = parser_.idle();
    const bool was_in_body = parser_.in_body();
    const auto used = parser_.feed(input);
    if (!used) {
      refuse(used.error().status, used.error().detail);
      break;
    }
    input.remove_prefix(*used);
    if (was_idle) phase_start_ = server_.loop_.now();
    const bool head_ended = !was_in_body && (parser_.in_body() || parser_.complete());
    if (head_ended && !on_head()) break;
    if (upload_ != nullptr) {
      take_upload();
    } else if (parser_.complete()) {
      dispatch();
    }
  }
  if (!closing_ && streams_ && upload_ == nullptr && parser_.in_body()) dispatch_upload();
  if (!closing_) unread_.assign(input);
  parsing_ = false;
}

bool Connection::on_head() {
  streams_ = false;
  if (parser_.complete()) return true;
  const ServerLimits& limits = server_.limits_;
  const uint64_t length = parser_.content_length();
  streams_ = (parser_.chunked() || length > limits.whole_bytes_max) &&
             server_.handler_.takes_stream(parser_.request());
  const size_t most = limits.parser.body_bytes_max;
  if (!streams_ && length > most) {
    refuse(413, fmt::format("a body of {} bytes; at most {} are taken", length, most));
    return false;
  }
  if (!streams_) parser_.limit_body(most);
  const size_t bytes = streams_            ? limits.upload_bytes_max
                       : parser_.chunked() ? most
                                           : static_cast<size_t>(length);
  if (server_.bodies_bytes_ + bytes > limits.bodies_bytes_max) {
    refuse(503, "this node holds as many request bodies as it can");
    return false;
  }
  reading_bytes_ = bytes;
  in_flight_bytes_ += bytes;
  server_.bodies_bytes_ += bytes;
  phase_start_ = server_.loop_.now();
  owes_continue_ = parser_.expects_continue();
  return true;
}

Exchange& Connection::add_exchange() {
  Exchange& exchange = exchanges_.emplace_back();
  exchange.connection = this;
  exchange.close = !parser_.keep_alive();
  exchange.http10 = parser_.is_http10();
  exchange.http10_keep = parser_.is_http10() && parser_.keep_alive();
  exchange.reserved_bytes = std::exchange(reading_bytes_, 0);
  phase_start_ = server_.loop_.now();
  ++request_count_;
  ++server_.counters_.requests;
  return exchange;
}

void Connection::dispatch() {
  Exchange& exchange = add_exchange();
  owes_continue_ = false;
  Request request = parser_.take_request();
  request.peer = peer_;
  exchange.head_only = request.method == "HEAD";
  closing_ = exchange.close;
  server_.handler_.on_request(std::move(request), Responder(exchange));
}

/// The handler begins while the body still comes.
void Connection::dispatch_upload() {
  Exchange& exchange = add_exchange();
  exchange.whole = false;
  upload_ = &exchange;
  exchange.arrived = parser_.take_body();
  Request request = parser_.take_head();
  request.peer = peer_;
  request.streams = true;
  exchange.head_only = request.method == "HEAD";
  server_.handler_.on_request(std::move(request), Responder(exchange));
}

void Connection::take_upload() {
  upload_->arrived += parser_.take_body();
  phase_start_ = server_.loop_.now();
  Exchange& exchange = *upload_;
  if (parser_.complete()) {
    closing_ |= exchange.close;
    owes_continue_ = false;
    parser_.start_over();
    end_upload();
  }
  give(exchange);
}

/// What came after the head of an upgraded request.
void Connection::take_raw(std::string_view input) {
  if (upload_ == nullptr) return;
  upload_->arrived += input;
  give(*upload_);
}

void Connection::end_upload() {
  if (upload_ != nullptr) upload_->whole = true;
  upload_ = nullptr;
  streams_ = false;
}

/// To the handler, if it waits, what has come.
void Connection::give(Exchange& exchange) {
  if (!exchange.reader || (exchange.arrived.empty() && !exchange.whole)) return;
  const Responder::OnBody reader = std::exchange(exchange.reader, nullptr);
  BodyBit bit{std::exchange(exchange.arrived, {}), exchange.whole};
  reader(std::move(bit));
}

void Connection::read(Exchange& exchange, Responder::OnBody done) {
  exchange.reader = std::move(done);
  give(exchange);
  if (!parsing_) flush();  // there is room again
}

/// Answers what is no request, after the answers before it, and ends the connection.
void Connection::refuse(int status, std::string_view detail) {
  const std::string trace = fmt::format("c{}-{}", id_, request_count_);
  log::debug("http", "{} from {}: {} ({})", status, peer_.text(), detail, trace);
  ++server_.counters_.refused;
  closing_ = linger_ = true;
  owes_continue_ = false;
  Response response = problem(status, reason_phrase(status), detail, trace);
  if (upload_ != nullptr) return refuse_upload(std::move(response));
  Exchange& exchange = exchanges_.emplace_back();
  exchange.connection = this;
  exchange.close = true;
  exchange.reserved_bytes = std::exchange(reading_bytes_, 0);
  keep(exchange, std::move(response));
}

/// A whole answer, until it is its turn.
void Connection::keep(Exchange& exchange, Response response) {
  exchange.response = std::move(response);
  exchange.answered = true;
  exchange.left = exchange.response.body.size();
  answered_bytes_ += exchange.response.body.size();
  account();
}

/// The body of a request that its handler has already is none: the client is told, if it can still
/// be, and the handler that nobody waits for its answer.
void Connection::refuse_upload(Response problem) {
  Exchange& exchange = *upload_;
  end_upload();
  const Responder::OnBody reader = std::exchange(exchange.reader, nullptr);
  std::function<void()> gone;
  if (exchange.responder != nullptr) gone = std::exchange(exchange.responder, nullptr)->detach();
  const bool begun = exchange.answered;
  if (!begun) {
    exchange.close = true;
    keep(exchange, std::move(problem));
  }
  if (reader) reader(fail(Code::malformed, "the rest of the body cannot be read"));
  if (gone) gone();
  if (begun) close();
}

bool Connection::has_room() const {
  const ServerLimits& limits = server_.limits_;
  // With nothing outstanding there is no later event that would look again: then it is room.
  const bool server_has_room = server_.responses_bytes_ < limits.responses_bytes_max ||
                               (exchanges_.empty() && unsent() == 0);
  return server_has_room && exchanges_.size() < limits.pipeline_max &&
         waiting_bytes() < limits.output_bytes_max &&
         (upload_ == nullptr || upload_->arrived.size() < limits.upload_bytes_max) &&
         (parser_.in_body() || in_flight_bytes_ <= limits.parser.body_bytes_max);
}

void Connection::account() {
  const size_t waiting = stream_ == nullptr ? 0 : waiting_bytes();
  server_.responses_bytes_ -= std::exchange(accounted_bytes_, waiting);
  server_.responses_bytes_ += waiting;
}

/// The answers to pipelined requests often come in one turn: they leave in one write.
void Connection::flush_soon() {
  if (flush_timer_ != 0) return;
  flush_timer_ = server_.loop_.after(0s, [this] {
    flush_timer_ = 0;
    flush();
  });
}

void Connection::flush() {
  if (stream_ == nullptr || parsing_) return;
  while (true) {
    while (can_serialize()) {
      if (!serialize(exchanges_.front())) break;
      exchanges_.pop_front();
    }
    const bool may_continue = exchanges_.empty() || &exchanges_.front() == upload_;
    if (may_continue && std::exchange(owes_continue_, false))
      output_ += "HTTP/1.1 100 Continue\r\n\r\n";
    if (unsent() > 0) write_output();
    if (stream_ == nullptr) return;
    account();
    if (can_serialize()) continue;
    if (unread_.empty() || closing_ || !has_room()) break;
    // Answers made room for what has arrived already.
    parse(std::exchange(unread_, {}));
    if (stream_ == nullptr) return;
  }
  after_write();
  if (stream_ != nullptr) ask_for_more();
}

void Connection::write_output() {
  const std::string_view rest = std::string_view(output_).substr(output_sent_);
  const size_t sent = stream_->write(as_bytes(rest));
  ++server_.counters_.writes;
  server_.counters_.bytes_out += sent;
  if (stream_ == nullptr) return;
  if (sent > 0 || !write_blocked_) write_progress_ = server_.loop_.now();
  output_sent_ += sent;
  write_blocked_ = unsent() > 0;
  if (write_blocked_) {
    // Moves at most as many bytes as have left since the last time.
    if (output_sent_ >= unsent()) output_.erase(0, std::exchange(output_sent_, 0));
    return;
  }
  output_sent_ = 0;
  output_.clear();
  // One large answer must not stay allocated for the life of an idle connection.
  if (output_.capacity() > server_.limits_.output_bytes_max) std::string().swap(output_);
}

void Connection::after_write() {
  if (cut_ && unsent() == 0) return close();
  if (closing_ && exchanges_.empty() && unsent() == 0) {
    if (!linger_) return close();
    if (!std::exchange(lingering_, true)) {
      phase_start_ = server_.loop_.now();
      stream_->finish_writing();  // a client that waits for the end has it, and ends its side
    }
  }
  update_reading();
  update_timer();
}

void Connection::update_reading() {
  // A closing connection is read on, to learn that the client left.
  const bool wanted = closing_ || (has_room() && unread_.empty());
  if (wanted == reading_) return;
  reading_ = wanted;
  if (wanted) phase_start_ = server_.loop_.now();
  stream_->set_reading(wanted);
}

void Connection::on_writable() {
  if (unsent() > 0) flush();
}

void Connection::on_closed(const Error&) { close(); }

/// When the current wait ends; TimePoint::max() while it is the handler that the client waits for.
TimePoint Connection::deadline() const {
  const ServerLimits& limits = server_.limits_;
  if (unsent() > 0) return write_progress_ + limits.write_timeout;
  if (lingering_) return phase_start_ + limits.linger_timeout;
  if (!exchanges_.empty() && (closing_ || !reading_)) return TimePoint::max();
  if (parser_.in_body()) return phase_start_ + limits.body_timeout;
  if (!parser_.idle()) return phase_start_ + limits.header_timeout;
  return exchanges_.empty() ? phase_start_ + limits.idle_timeout : TimePoint::max();
}

/// Keeps an earlier timer, which looks again when it fires: a busy connection sets no timer per
/// request.
void Connection::update_timer() {
  const TimePoint wanted = deadline();
  if (wanted == TimePoint::max() || (timer_ != 0 && timer_at_ <= wanted)) return;
  server_.loop_.cancel(timer_);
  timer_at_ = wanted;
  timer_ = server_.loop_.after(wanted - server_.loop_.now(), [this] { on_timer(); });
}

void Connection::on_timer() {
  timer_ = 0;
  if (server_.loop_.now() < deadline()) return update_timer();
  if (!lingering_) ++server_.counters_.timed_out;
  const bool mid_request = unsent() == 0 && !lingering_ && !parser_.idle();
  if (!mid_request) return close();
  refuse(408, parser_.in_body() ? "the body did not arrive in time"
                                : "the head of the request did not arrive in time");
  flush();
}

void Connection::close() {
  if (stream_ == nullptr) return;
  stream_.reset();
  server_.loop_.cancel(std::exchange(timer_, 0));
  server_.loop_.cancel(std::exchange(flush_timer_, 0));
  server_.bodies_bytes_ -= std::exchange(in_flight_bytes_, 0);
  account();
  std::vector<std::function<void()>> callbacks;
  for (Exchange& exchange : exchanges_) {
    if (!exchange.answered) ++server_.counters_.abandoned;
    if (exchange.responder != nullptr) callbacks.push_back(exchange.responder->detach());
    if (exchange.reader)
      callbacks.push_back([reader = std::move(exchange.reader)] {
        reader(fail(Code::unavailable, "the client left"));
      });
  }
  upload_ = nullptr;
  exchanges_.clear();
  // Only now: a callback may drop other responders of this connection.
  for (const auto& callback : callbacks)
    if (callback) callback();
  server_.retire(id_);
}

}  // namespace themis::http
