#pragma once
// A server on a manual loop with a handler whose answers the test gives, now or later.

#include <gtest/gtest.h>

#include "runtime/http/server.hpp"
#include "tests/unit/http/manual_loop.hpp"

namespace themis::test {

/// Keeps what it is asked until the test answers.
class HeldHandler final : public http::Handler {
 public:
  struct Held {
    http::Request request;
    http::Responder responder;
  };
  bool takes_stream(const http::Request&) const override { return streams; }
  void on_request(http::Request&& request, http::Responder responder) override {
    if (echo) {
      responder.respond(http::Response::text(200, request.target + request.body));
    } else {
      held.push_back({std::move(request), std::move(responder)});
    }
  }
  void answer(size_t index, std::string body) {
    held.at(index).responder.respond(http::Response::text(200, std::move(body)));
  }

  bool echo = false;
  bool streams = false;  ///< Takes bodies bit by bit.
  std::vector<Held> held;
};

struct Served {
  explicit Served(http::ServerLimits limits = {}) : server(loop, handler, limits) {
    EXPECT_TRUE(server.listen({"127.0.0.1", 80}));
  }
  ManualLoop loop;
  HeldHandler handler;
  http::Server server;
};

inline std::string get(const std::string& target, const std::string& headers = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n";
}
inline std::string post(const std::string& target, const std::string& body) {
  return "POST " + target +
         " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}
/// The status codes of the answers in `text`, in order: "200 408".
inline std::string statuses(std::string_view text) {
  std::string found;
  for (size_t at = text.find("HTTP/1.1 "); at != std::string_view::npos;
       at = text.find("HTTP/1.1 ", at + 1))
    found += (found.empty() ? "" : " ") + std::string(text.substr(at + 9, 3));
  return found;
}
inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace themis::test
