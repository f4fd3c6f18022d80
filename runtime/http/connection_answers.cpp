// The answers of a connection: given whole or bit by bit, written in order.

#include <fmt/format.h>

#include <charconv>

#include "runtime/base/log.hpp"
#include "runtime/http/connection.hpp"

namespace themis::http {
namespace {

/// What the server says itself; a handler's own value would contradict the bytes that are sent.
bool is_servers_own(std::string_view name) {
  static constexpr std::string_view kOwn[] = {
      "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Date", "Upgrade",
      "Trailer"};
  for (const std::string_view own : kOwn)
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

void Connection::answer(Exchange& exchange, Response response) {
  if (!can_be_sent(response)) {
    log::warn("http", "a response with status {} or its headers cannot be sent", response.status);
    response = problem(500, "Internal Server Error", "the response cannot be sent as HTTP", {});
  }
  keep(exchange, std::move(response));
  // The rest of the body has nobody to read it.
  if (&exchange == upload_) exchange.close = true;
  if (parsing_ || &exchange != &exchanges_.front()) return;
  if (exchanges_.size() > 1) return flush_soon();
  flush();
}

void Connection::begin(Exchange& exchange, Response head) {
  if (!can_be_sent(head)) return abort(exchange, "a response that cannot be sent as HTTP");
  exchange.response = std::move(head);
  exchange.answered = exchange.streaming = true;
  choose_framing(exchange);
  answered_bytes_ += exchange.response.body.size();
  account();
  if (!parsing_ && &exchange == &exchanges_.front()) flush();
}

void Connection::choose_framing(Exchange& exchange) {
  exchange.framing = exchange.http10 ? Framing::until_close : Framing::chunked;
  exchange.close |= exchange.http10;
  const std::string* length = exchange.response.headers.find("Content-Length");
  if (length == nullptr) return;
  const auto [stop, error] =
      std::from_chars(length->data(), length->data() + length->size(), exchange.left);
  if (error == std::errc{} && stop == length->data() + length->size())
    exchange.framing = Framing::length;
}

void Connection::write(Exchange& exchange, std::string_view bytes) {
  exchange.response.body += bytes;
  answered_bytes_ += bytes.size();
  account();
  if (!parsing_ && &exchange == &exchanges_.front()) flush();
}

bool Connection::has_room_for(const Exchange& exchange) const {
  return exchange.response.body.size() + unsent() < server_.limits_.output_bytes_max / 2;
}

void Connection::finish(Exchange& exchange) {
  exchange.finished = true;
  if (!parsing_ && &exchange == &exchanges_.front()) flush();
}

void Connection::abort(Exchange& exchange, std::string_view why) {
  if (!exchange.answered) return answer(exchange, problem(502, reason_phrase(502), why, {}));
  close();
}

bool Connection::upgrade(Exchange& exchange, Response head) {
  if (exchanges_.size() > 1 || upload_ != nullptr || !parser_.idle() || closing_) return false;
  exchange.response = std::move(head);
  exchange.answered = exchange.streaming = true;
  exchange.framing = Framing::until_close;
  exchange.whole = false;
  upload_ = &exchange;
  raw_ = true;
  take_raw(std::exchange(unread_, {}));
  flush();
  return true;
}

/// Last in its caller.
void Connection::ask_for_more() {
  if (exchanges_.empty()) return;
  const Exchange& front = exchanges_.front();
  if (!front.streaming || front.responder == nullptr || !has_room_for(front)) return;
  if (const std::function<void()> callback = front.responder->on_room_) callback();
}

/// Answers past output_bytes_max wait as they are, each in one copy.
bool Connection::can_serialize() const {
  if (exchanges_.empty() || cut_) return false;
  const Exchange& front = exchanges_.front();
  const bool has_some =
      !front.streaming || !front.head_written || front.finished || !front.response.body.empty();
  return front.answered && has_some && unsent() < server_.limits_.output_bytes_max;
}

bool Connection::serialize(Exchange& exchange) {
  if (!exchange.head_written) write_head(exchange);
  write_body(exchange);
  if (exchange.streaming && !exchange.finished) return false;
  if (exchange.framing == Framing::chunked && !exchange.head_only) output_ += "0\r\n\r\n";
  // There is no border of messages any more.
  if (exchange.framing == Framing::length && exchange.left > 0 && !exchange.head_only) cut_ = true;
  if (&exchange == upload_) {
    exchange.close = true;
    linger_ = true;
    end_upload();
  }
  closing_ |= exchange.close;
  if (const Responder::OnBody reader = std::exchange(exchange.reader, nullptr))
    reader(fail(Code::unavailable, "the request was answered"));
  in_flight_bytes_ -= exchange.reserved_bytes;
  server_.bodies_bytes_ -= exchange.reserved_bytes;
  ++server_.counters_.responses;
  return true;
}

void Connection::write_head(Exchange& exchange) {
  exchange.head_written = true;
  if (server_.draining_ && exchanges_.size() == 1 && parser_.idle()) exchange.close = true;
  const Response& response = exchange.response;
  output_.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  output_.append(reason_phrase(response.status));
  output_.append("\r\nDate: ").append(server_.date()).append("\r\n");
  for (const Header& header : response.headers)
    if (raw_ || !is_servers_own(header.name))
      output_.append(header.name).append(": ").append(header.value).append("\r\n");
  if (response.status == 204 || response.status == 304) exchange.framing = Framing::none;
  if (exchange.framing == Framing::length)
    output_.append("Content-Length: ").append(std::to_string(exchange.left)).append("\r\n");
  if (exchange.framing == Framing::chunked) output_ += "Transfer-Encoding: chunked\r\n";
  if (exchange.close && !raw_) output_ += "Connection: close\r\n";
  if (exchange.http10_keep && !exchange.close) output_ += "Connection: keep-alive\r\n";
  output_ += "\r\n";
}

/// What there is of it.
void Connection::write_body(Exchange& exchange) {
  std::string& body = exchange.response.body;
  answered_bytes_ -= body.size();
  std::string_view bytes = body;
  if (exchange.head_only || exchange.framing == Framing::none) bytes = {};
  if (exchange.framing == Framing::length) {
    cut_ |= bytes.size() > exchange.left;  // more than it said
    bytes = bytes.substr(0, static_cast<size_t>(std::min<uint64_t>(bytes.size(), exchange.left)));
    exchange.left -= bytes.size();
  }
  const bool chunked = exchange.framing == Framing::chunked && !bytes.empty();
  if (chunked) fmt::format_to(std::back_inserter(output_), "{:x}\r\n", bytes.size());
  output_ += bytes;
  if (chunked) output_ += "\r\n";
  body.clear();
}

}  // namespace themis::http
