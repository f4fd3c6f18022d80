#include "actors/fetch/fetch_connection.hpp"

#include <array>
#include <charconv>

namespace themis {
namespace {

constexpr http::ParserLimits kLimits{.start_line_bytes_max = 8 * 1024,
                                     .head_bytes_max = 64 * 1024,
                                     .header_count_max = 256,
                                     .body_bytes_max = size_t{1} << 30};

}  // namespace

FetchConnection::FetchConnection(net::Loop& loop, Request request, const crypto::TlsTrust* trust,
                                 Changed changed)
    : loop_(loop),
      request_(std::move(request)),
      changed_(std::move(changed)),
      parser_(http::Parser::Role::response, kLimits),
      moved_(loop.now()) {
  if (trust != nullptr) tls_.emplace(*trust, request_.host);
  if (request_.head_only) parser_.set_no_body();
}

FetchConnection::~FetchConnection() = default;

Status FetchConnection::connect(const net::Address& to) {
  THEMIS_TRY(stream_, loop_.connect(to, *this));
  return {};
}

void FetchConnection::start(Request request, Changed changed) {
  THEMIS_ASSERT(is_reusable(), "the answer before is over");
  request_ = std::move(request);
  changed_ = std::move(changed);
  parser_ = http::Parser(http::Parser::Role::response, kLimits);
  if (request_.head_only) parser_.set_no_body();
  over_ = head_seen_ = sent_ = body_ended_ = false;
  body_bytes_ = 0;
  moved_ = loop_.now();
  send_request();
  flush();
}

void FetchConnection::on_connected() {
  connected_ = true;
  moved_ = loop_.now();
  if (!tls_) {
    send_request();
  } else if (const Status begun = receive({}); !begun) {
    end(begun.error());
  }
  flush();
  tell();
}

void FetchConnection::on_data(std::span<std::byte> data) {
  moved_ = loop_.now();
  if (over_) return take_unasked(data);
  if (const Status received = receive(data); !received) {
    end(received.error());
  } else {
    flush();
    if (stream_) stream_->set_reading(waits());
  }
  tell();
}

/// Between two requests only TLS has something to say.
void FetchConnection::take_unasked(ByteView data) {
  std::string plain;
  if (tls_ && tls_->feed(data, plain) && plain.empty() && !tls_->closed()) return;
  stream_.reset();
  tell();
}

Status FetchConnection::receive(ByteView data) {
  if (!tls_) return parse(as_text(data));
  std::string plain;
  THEMIS_CHECK(tls_->feed(data, plain));
  if (tls_->established()) send_request();
  return parse(plain);
}

void FetchConnection::send_request() {
  if (std::exchange(sent_, true)) return;
  send(request_.head_and_body);
  request_.head_and_body = {};
}

void FetchConnection::send(std::string_view plain) {
  if (tls_) {
    tls_->write(plain);
  } else {
    out_ += plain;
  }
}

void FetchConnection::flush() {
  if (tls_) out_ += tls_->take_output();
  if (!stream_ || out_.empty()) return;
  const size_t written = stream_->write(as_bytes(out_));
  out_.erase(0, written);
  if (written > 0) moved_ = loop_.now();
}

void FetchConnection::on_writable() {
  flush();
  if (request_.streams) tell();
}

Status FetchConnection::write_body(std::string_view bits) {
  THEMIS_ASSERT(wants_body() && !bits.empty(), "bits of a body are asked for, one after the other");
  body_bytes_ += bits.size();
  if (request_.length && body_bytes_ > *request_.length)
    return fail(Code::malformed, "the body of the request is longer than its content-length, " +
                                     std::to_string(*request_.length));
  if (request_.length) {
    send(bits);
  } else {
    std::array<char, 16> size{};
    const auto end = std::to_chars(size.begin(), size.end(), bits.size(), 16).ptr;
    send(std::string(size.begin(), end).append("\r\n").append(bits).append("\r\n"));
  }
  flush();
  return {};
}

Status FetchConnection::end_body() {
  if (request_.length && body_bytes_ < *request_.length)
    return fail(Code::malformed, "the body of the request has " + std::to_string(body_bytes_) +
                                     " bytes, its content-length is " +
                                     std::to_string(*request_.length));
  body_ended_ = true;
  if (!request_.length) send("0\r\n\r\n");
  flush();
  return {};
}

Status FetchConnection::parse(std::string_view plain) {
  while (!plain.empty() && !over_) {
    const auto used = parser_.feed(plain);
    if (!used)
      return fail(used.error().status == 413 ? Code::too_large : Code::malformed,
                  "the server's answer: " + used.error().detail);
    plain.remove_prefix(*used);
    if (!head_seen_ && parser_.complete()) {
      http::Response response = parser_.take_response();
      if (response.status / 100 == 1) {  // an interim one: the answer follows
        if (request_.head_only) parser_.set_no_body();
        continue;
      }
      arrived_ = std::move(response.body);
      response.body.clear();
      head_ = std::move(response);
      end_whole();
    } else if (!head_seen_ && parser_.in_body()) {
      head_seen_ = true;
      head_ = parser_.take_response_head();
    }
    if (!head_seen_) continue;
    arrived_ += parser_.take_body();
    if (parser_.complete()) end_whole();
  }
  if (over_ && !plain.empty()) stream_.reset();  // no border between this answer and the next
  return {};
}

/// All of the answer is here, and of the request there, but for a body that still goes out: a
/// server that keeps the connection takes the rest of it.
void FetchConnection::end_whole() {
  over_ = true;
  const bool is_cut = !out_.empty() && !request_.streams;
  if (!request_.keeps() || !parser_.keep_alive() || is_cut) stream_.reset();
}

void FetchConnection::on_closed(const Error& why) {
  if (over_) {
    stream_.reset();
    return tell();
  }
  // Without TLS's own last word, whoever is on the way could have cut the body.
  const bool is_whole = !tls_ || tls_->closed();
  if (is_whole && parser_.finish()) {
    end(std::nullopt);
  } else {
    end(Error{Code::unavailable, "the server ended the connection early: " + why.detail});
  }
  tell();
}

void FetchConnection::end(std::optional<Error> error) {
  over_ = true;
  error_ = std::move(error);
  stream_.reset();
}

std::optional<http::Response> FetchConnection::take_head() { return std::exchange(head_, {}); }

std::string FetchConnection::take_body() {
  std::string body = std::exchange(arrived_, {});
  if (stream_) stream_->set_reading(true);  // also while it rests: then to hear that it ended
  return body;
}

}  // namespace themis
