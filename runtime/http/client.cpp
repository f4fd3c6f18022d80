#include "runtime/http/client.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace themis::http {
namespace {

/// RFC 9110 section 9.2.2.
bool is_idempotent(std::string_view method) {
  constexpr std::array<std::string_view, 5> kMethods = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"};
  return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
}

Result<std::string> serialize(const Request& request, const net::Address& server) {
  if (!is_token(request.method)) return fail(Code::invalid, "a method that is no HTTP token");
  const bool printable = !request.target.empty() &&
                         std::all_of(request.target.begin(), request.target.end(), [](char c) {
                           return static_cast<unsigned char>(c) > 0x20 && c != 0x7f;
                         });
  if (!printable) return fail(Code::invalid, "a request target with white space");
  std::string text = request.method + ' ' + request.target + " HTTP/1.1\r\n";
  if (request.headers.find("Host") == nullptr) text += "Host: " + server.text() + "\r\n";
  for (const Header& header : request.headers) {
    if (!is_token(header.name) || !is_field_value(header.value))
      return fail(Code::invalid, "a header that cannot be sent: " + header.name);
    text.append(header.name).append(": ").append(header.value).append("\r\n");
  }
  const bool has_body =
      !request.body.empty() || request.method == "POST" || request.method == "PUT";
  if (has_body) text += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  return text + "\r\n" + request.body;
}

}  // namespace

Client::Client(net::Address server, ClientLimits limits)
    : server_(std::move(server)), limits_(limits) {}

Result<Response> Client::send(const Request& request) {
  THEMIS_TRY(const std::string text, serialize(request, server_));
  const TimePoint deadline = SystemClock{}.now() + limits_.request_timeout;
  const bool kept = socket_.valid();
  const auto attempt = [&]() -> Result<Response> {
    got_bytes_ = false;
    if (!socket_.valid()) THEMIS_CHECK(connect(SystemClock{}.now() + limits_.connect_timeout));
    const Status written = write_all(text, deadline);
    // A server that refuses a body may answer and stop reading: its answer counts more than the
    // failed write.
    auto response = read_response(request.method == "HEAD", deadline);
    if (!response && !written) return fail(written.error());
    return response;
  };
  auto response = attempt();
  if (!response) {
    disconnect();
    const bool again = kept && !got_bytes_ && is_idempotent(request.method) &&
                       response.error().code == Code::unavailable;
    if (again) response = attempt();
    if (!response) disconnect();
  }
  return response;
}

Status Client::connect(TimePoint deadline) {
  auto opened = net::open_connection(server_);
  if (!opened) return fail(Code::unavailable, opened.error().detail);
  socket_ = std::move(*opened);
  if (auto ready = wait(POLLOUT, deadline); !ready) {
    disconnect();
    return ready;
  }
  int error_number = 0;
  socklen_t length = sizeof error_number;
  getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error_number, &length);
  if (error_number == 0) return {};
  disconnect();
  return fail(Code::unavailable, server_.text() + ": " + net::system_error_text(error_number));
}

Status Client::wait(short events, TimePoint deadline) {
  while (true) {
    const int64_t left = to_ms(deadline - SystemClock{}.now());
    if (left <= 0) return fail(Code::timeout, "no answer from " + server_.text());
    pollfd entry{socket_.get(), events, 0};
    const int ready = poll(&entry, 1, static_cast<int>(std::min<int64_t>(left, 60'000)));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return fail(Code::io, net::system_error_text(errno));
  }
}

Status Client::write_all(std::string_view text, TimePoint deadline) {
  while (!text.empty()) {
    const ssize_t n = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (n >= 0) {
      text.remove_prefix(static_cast<size_t>(n));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      THEMIS_CHECK(wait(POLLOUT, deadline));
    } else if (errno != EINTR) {
      return fail(Code::unavailable, server_.text() + ": " + net::system_error_text(errno));
    }
  }
  return {};
}

Result<Response> Client::read_response(bool head_only, TimePoint deadline) {
  Parser parser(Parser::Role::response, limits_.parser);
  if (head_only) parser.set_no_body();
  std::array<char, 64 * 1024> buffer;
  while (true) {
    const ssize_t n = recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK)
        return fail(Code::unavailable, server_.text() + ": " + net::system_error_text(errno));
      THEMIS_CHECK(wait(POLLIN, deadline));
      continue;
    }
    if (n == 0) {
      if (!parser.finish())
        return fail(Code::unavailable, server_.text() + " closed before it answered");
      disconnect();
      return parser.take_response();
    }
    got_bytes_ = true;
    std::string_view input(buffer.data(), static_cast<size_t>(n));
    while (!input.empty()) {
      const auto used = parser.feed(input);
      if (!used)
        return fail(used.error().status == 413 ? Code::too_large : Code::malformed,
                    server_.text() + " answered: " + used.error().detail);
      input.remove_prefix(*used);
      if (!parser.complete()) continue;
      const bool keep = parser.keep_alive() && input.empty();
      Response response = parser.take_response();
      if (response.status / 100 == 1) {
        if (head_only) parser.set_no_body();
        continue;
      }
      if (!keep) disconnect();
      return response;
    }
  }
}

}  // namespace themis::http
