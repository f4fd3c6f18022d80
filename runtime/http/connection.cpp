#include "runtime/http/connection.hpp"

#include <fmt/format.h>

#include "runtime/base/log.hpp"

namespace themis::http {
namespace {

/// What the server says itself; a handler's own value would contradict the bytes that are sent.
bool is_servers_own(std::string_view name) {
  for (std::string_view own : {"Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive",
                               "Date", "Upgrade", "Trailer"})
    if (equal_ignoring_case(name, own)) return true;
  return false;
}

bool can_be_sent(const Response& response) {
  if (response.status < 200 || response.status > 599) return false;
  for (const Header& header : response.headers)
    if (!is_token(header.name) || !is_field_value(header.value)) return false;
  return true;
}

}  // namespace

Connection::Connection(Server& server, uint64_t id, net::Address peer)
    : server_(server),
      id_(id),
      peer_(std::move(peer)),
      parser_(Parser::Role::request, server.limits_.parser) {}

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
  if (closing_) return;
  if (!unread_.empty()) {
    unread_.append(as_text(data));
  } else {
    parse(as_text(data));
  }
  flush();
}

void Connection::parse(std::string_view input) {
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
    if (parser_.complete()) dispatch();
  }
  if (!closing_) unread_.assign(input);
  parsing_ = false;
}

bool Connection::on_head() {
  if (parser_.complete()) return true;
  const size_t bytes = parser_.chunked() ? server_.limits_.parser.body_bytes_max
                                         : static_cast<size_t>(parser_.content_length());
  if (server_.bodies_bytes_ + bytes > server_.limits_.bodies_bytes_max) {
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

void Connection::dispatch() {
  Exchange& exchange = exchanges_.emplace_back();
  exchange.connection = this;
  exchange.close = !parser_.keep_alive();
  exchange.http10_keep = parser_.is_http10() && parser_.keep_alive();
  exchange.reserved_bytes = std::exchange(reading_bytes_, 0);
  owes_continue_ = false;
  Request request = parser_.take_request();
  request.peer = peer_;
  exchange.head_only = request.method == "HEAD";
  closing_ = exchange.close;
  phase_start_ = server_.loop_.now();
  ++request_count_;
  ++server_.counters_.requests;
  server_.handler_.on_request(std::move(request), Responder(exchange));
}

/// Answers what is no request, after the answers before it, and ends the connection.
void Connection::refuse(int status, std::string_view detail) {
  const std::string trace = fmt::format("c{}-{}", id_, request_count_);
  log::debug("http", "{} from {}: {} ({})", status, peer_.text(), detail, trace);
  ++server_.counters_.refused;
  closing_ = linger_ = true;
  owes_continue_ = false;
  Exchange& exchange = exchanges_.emplace_back();
  exchange.connection = this;
  exchange.answered = exchange.close = true;
  exchange.reserved_bytes = std::exchange(reading_bytes_, 0);
  exchange.response = problem(status, reason_phrase(status), detail, trace);
  answered_bytes_ += exchange.response.body.size();
  account();
}

void Connection::answer(Exchange& exchange, Response response) {
  if (!can_be_sent(response)) {
    log::warn("http", "a response with status {} or its headers cannot be sent", response.status);
    response = problem(500, "Internal Server Error", "the response cannot be sent as HTTP", {});
  }
  exchange.response = std::move(response);
  exchange.answered = true;
  answered_bytes_ += exchange.response.body.size();
  account();
  if (parsing_ || &exchange != &exchanges_.front()) return;
  if (exchanges_.size() > 1) return flush_soon();
  flush();
}

bool Connection::has_room() const {
  const ServerLimits& limits = server_.limits_;
  // With nothing outstanding there is no later event that would look again: then it is room.
  const bool server_has_room = server_.responses_bytes_ < limits.responses_bytes_max ||
                               (exchanges_.empty() && unsent() == 0);
  return server_has_room && exchanges_.size() < limits.pipeline_max &&
         waiting_bytes() < limits.output_bytes_max &&
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
      serialize(exchanges_.front());
      exchanges_.pop_front();
    }
    if (exchanges_.empty() && std::exchange(owes_continue_, false))
      output_ += "HTTP/1.1 100 Continue\r\n\r\n";
    if (unsent() > 0) write_output();
    if (stream_ == nullptr) return;
    account();
    if (can_serialize()) continue;
    if (unread_.empty() || closing_ || !has_room()) break;
    // Answers made room for what has arrived already.
    parse(std::exchange(unread_, {}));
  }
  after_write();
}

/// Answers past output_bytes_max wait as they are, each in one copy.
bool Connection::can_serialize() const {
  return !exchanges_.empty() && exchanges_.front().answered &&
         unsent() < server_.limits_.output_bytes_max;
}

void Connection::serialize(Exchange& exchange) {
  if (server_.draining_ && exchanges_.size() == 1 && parser_.idle()) exchange.close = true;
  closing_ |= exchange.close;
  const Response& response = exchange.response;
  auto out = std::back_inserter(output_);
  fmt::format_to(out, "HTTP/1.1 {} {}\r\nDate: {}\r\n", response.status,
                 reason_phrase(response.status), server_.date());
  for (const Header& header : response.headers)
    if (!is_servers_own(header.name))
      output_.append(header.name).append(": ").append(header.value).append("\r\n");
  const bool bodiless = response.status == 204 || response.status == 304;
  if (!bodiless) fmt::format_to(out, "Content-Length: {}\r\n", response.body.size());
  if (exchange.close) output_ += "Connection: close\r\n";
  if (exchange.http10_keep && !exchange.close) output_ += "Connection: keep-alive\r\n";
  output_ += "\r\n";
  if (!bodiless && !exchange.head_only) output_ += response.body;
  answered_bytes_ -= response.body.size();
  in_flight_bytes_ -= exchange.reserved_bytes;
  server_.bodies_bytes_ -= exchange.reserved_bytes;
  ++server_.counters_.responses;
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
  if (closing_ && exchanges_.empty() && unsent() == 0) {
    if (!linger_) return close();
    if (!std::exchange(lingering_, true)) phase_start_ = server_.loop_.now();
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
  for (const Exchange& exchange : exchanges_) {
    if (!exchange.answered) ++server_.counters_.abandoned;
    if (exchange.responder != nullptr) callbacks.push_back(exchange.responder->detach());
  }
  exchanges_.clear();
  // Only now: a callback may drop other responders of this connection.
  for (const auto& callback : callbacks)
    if (callback) callback();
  server_.retire(id_);
}

}  // namespace themis::http
