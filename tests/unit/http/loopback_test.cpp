// The server on a real epoll loop and the blocking client, over loopback.

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <future>
#include <thread>

#include "runtime/http/client.hpp"
#include "runtime/http/server.hpp"
#include "runtime/net/epoll_loop.hpp"

namespace themis::http {
namespace {

/// Echoes the body, in a later turn for "/later".
class EchoHandler final : public Handler {
 public:
  explicit EchoHandler(net::Loop& loop) : loop_(loop) {}
  void on_request(Request&& request, Responder responder) override {
    if (request.path() != "/later") return responder.respond(answer_to(request));
    waiting_.push_back({std::move(request), std::move(responder)});
    loop_.post([this] {
      auto [later, to] = std::move(waiting_.front());
      waiting_.erase(waiting_.begin());
      to.respond(answer_to(later));
    });
  }

 private:
  static Response answer_to(const Request& request) {
    return Response::text(200, request.method + " " + request.target + " " + request.body);
  }
  net::Loop& loop_;
  std::vector<std::pair<Request, Responder>> waiting_;
};

/// A served loop on its own thread.
class Loopback : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server_->listen({"127.0.0.1", 0}));
    address_ = server_->address();
    thread_ = std::thread([this] { loop_.run(); });
  }
  void TearDown() override {
    std::promise<ServerCounters> drained;
    loop_.post([&] {
      server_->drain([&] {
        drained.set_value(server_->counters());
        server_.reset();
        loop_.stop();
      });
    });
    counters_ = drained.get_future().get();
    thread_.join();
    EXPECT_EQ(counters_.open_connections, 0u);
  }

  net::EpollLoop loop_;
  EchoHandler handler_{loop_};
  std::unique_ptr<Server> server_ = std::make_unique<Server>(loop_, handler_);
  net::Address address_;
  std::thread thread_;
  ServerCounters counters_;
};

TEST_F(Loopback, KeepsTheConnectionForManyRequests) {
  Client client(address_);
  for (int i = 0; i < 200; ++i) {
    const std::string target = (i % 2 == 0 ? "/now?" : "/later?") + std::to_string(i);
    const auto response = client.send({.method = "GET", .target = target});
    ASSERT_TRUE(response) << response.error().text();
    EXPECT_EQ(response->body, "GET " + target + " ");
  }
}

TEST_F(Loopback, CarriesALargeBodyBothWays) {
  Client client(address_);
  const std::string body(1024 * 1024, 'x');
  const auto response = client.send({.method = "POST", .target = "/later", .body = body});
  ASSERT_TRUE(response) << response.error().text();
  EXPECT_EQ(response->body, "POST /later " + body);
}

TEST_F(Loopback, DeliversTheRefusalOfABodyThatIsStillBeingSent) {
  Client client(address_);
  const std::string body(8 * 1024 * 1024, 'x');
  const auto response = client.send({.method = "PUT", .target = "/", .body = body});
  ASSERT_TRUE(response) << response.error().text();
  EXPECT_EQ(response->status, 413);
  const auto again = client.send({.method = "GET", .target = "/"});
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->status, 200);
}

/// Lingers for longer than any test waits.
class LingeringLoopback : public Loopback {
 protected:
  LingeringLoopback() {
    server_ = std::make_unique<Server>(loop_, handler_, ServerLimits{.linger_timeout = 1h});
  }
};

TEST_F(LingeringLoopback, RegressARefusedClientHearsTheEndWithoutWaiting) {
  const net::Descriptor client(socket(AF_INET, SOCK_STREAM, 0));
  const timeval patience{.tv_sec = 20, .tv_usec = 0};
  setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const auto to = net::to_socket_address(address_);
  ASSERT_TRUE(to);
  ASSERT_EQ(connect(client.get(), to->get(), to->length), 0);
  const std::string_view wrong = "NO HTTP\r\n\r\n";
  ASSERT_EQ(send(client.get(), wrong.data(), wrong.size(), 0), static_cast<ssize_t>(wrong.size()));
  std::string answer;
  std::array<char, 4096> part{};
  ssize_t count = 0;
  while ((count = recv(client.get(), part.data(), part.size(), 0)) > 0)
    answer.append(part.data(), static_cast<size_t>(count));
  EXPECT_EQ(count, 0) << "no end, but: " << std::strerror(errno);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
}

TEST_F(Loopback, ServesManyClientsAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      Client client(address_);
      for (int i = 0; i < 50; ++i) {
        const std::string body = std::to_string(t * 1000 + i);
        const auto response = client.send({.method = "POST", .target = "/later", .body = body});
        if (response && response->body == "POST /later " + body) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 400);
}

TEST_F(Loopback, AnswersHeadWithoutABody) {
  Client client(address_);
  const auto response = client.send({.method = "HEAD", .target = "/"});
  ASSERT_TRUE(response) << response.error().text();
  EXPECT_EQ(response->body, "");
  EXPECT_EQ(*response->headers.find("Content-Length"), "7");
}

TEST(HttpClient, SaysThatNobodyListens) {
  // A bound socket that does not listen keeps its port closed for everyone.
  const net::Descriptor bound(socket(AF_INET, SOCK_STREAM, 0));
  const auto any = net::to_socket_address({"127.0.0.1", 0});
  ASSERT_TRUE(any);
  ASSERT_EQ(bind(bound.get(), any->get(), any->length), 0);
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  getsockname(bound.get(), reinterpret_cast<sockaddr*>(&storage), &length);
  Client client(net::from_socket_address(storage));
  const auto response = client.send({.method = "GET", .target = "/"});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::unavailable);
}

TEST(HttpClient, RefusesARequestThatWouldSplit) {
  Client client({"127.0.0.1", 1});
  Request request{.method = "GET", .target = "/ HTTP/1.1\r\nX: y"};
  EXPECT_EQ(client.send(request).error().code, Code::invalid);
  request.target = "/";
  request.headers.add("X", "a\r\nb");
  EXPECT_EQ(client.send(request).error().code, Code::invalid);
}

}  // namespace
}  // namespace themis::http
