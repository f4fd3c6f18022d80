// The public C++ API over real loopback: services, coroutines, and every way in which a call can
// end.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <themis/node.hpp>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <semaphore>
#include <set>
#include <thread>

#include "calls.capnp.h"
#include "runtime/net/socket.hpp"

namespace themis {
namespace {

/// The slow method waits here until a test lets it go.
std::binary_semaphore& blocked() {
  static std::binary_semaphore semaphore{0};
  return semaphore;
}
std::binary_semaphore& release() {
  static std::binary_semaphore semaphore{0};
  return semaphore;
}

class Greeter : public Service {
 public:
  Reply<calls::Told> hello(In<calls::Ask> in) {
    Out<calls::Told> out;
    out->setText(kj::str("Hello, ", in.view()->getText(), "!"));
    out->setCount(++count_);
    if (in.frame()->peer() != nullptr) out->setPeer(wire::to_data(in.frame()->peer()->view()));
    co_return out;
  }

 private:
  uint64_t count_ = 0;
};

class Faulty : public Service {
 public:
  Reply<calls::Told> run(In<calls::Ask> in) {
    const auto ask = in.view();
    const std::string_view how = wire::text_of(ask->getText());
    if (how == "throw") throw std::runtime_error("the cup is empty");
    if (how == "odd") throw 42;
    if (how == "error") co_return Error{Code::denied, "not for you"};
    if (how == "malformed") {
      const ByteView bytes = wire::bytes_of(ask->getFrame());
      wire::FramePtr frame = wire::Frame::make(bytes.size() / 8);
      std::memcpy(frame.writable()->data(), bytes.data(), frame->size());
      co_return Error{
          Code::internal,
          "it was read: " + std::to_string(In<calls::Ask>(frame).view()->getText().size())};
    }
    Out<calls::Told> out;
    out->setText("fine");
    co_return out;
  }
  Reply<calls::Told> block(In<calls::Block>) {
    blocked().release();
    release().acquire();
    co_return Out<calls::Told>();
  }
};

class Relayer : public Service {
 public:
  Reply<calls::Relayed> relay(In<calls::Relay> in) {
    Out<calls::Ask> ask;
    ask->setText("relay");
    const auto answer = co_await call<calls::Told>(in.view()->getService().cStr(), ask);
    Out<calls::Relayed> out;
    if (!answer) co_return answer.error();
    out->setText(answer->view()->getText());
    co_return out;
  }
  Reply<calls::Relayed> wait_for_block(In<calls::Block>) {
    Out<calls::Block> block;
    const auto answer = co_await call<calls::Told>("faulty", block);
    if (!answer) co_return answer.error();
    co_return Out<calls::Relayed>();
  }
  /// Gives up early, and says what it was told.
  Reply<calls::Relayed> ask_blocked(In<calls::Ask>) {
    Out<calls::Block> block;
    const auto answer =
        co_await call<calls::Told>("faulty", block, std::chrono::steady_clock::now() + 50ms);
    Out<calls::Relayed> out;
    out->setText(answer ? "answered" : std::string(name(answer.error().code)));
    co_return out;
  }
};

/// Busy until the test lets it go, then calls somebody.
class Lingering : public Service {
 public:
  Reply<calls::Told> run(In<calls::Block>) {
    blocked().release();
    release().acquire();
    Out<calls::Ask> ask;
    co_await call<calls::Told>("greeter", ask);
    co_return Out<calls::Told>();
  }
};

/// A port that was free a moment ago.
uint16_t free_port() {
  const net::Descriptor fd = net::open_listener({"127.0.0.1", 0}).value();
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&storage), &length);
  return net::from_socket_address(storage).port;
}

/// Two nodes of one mesh: the first serves, the second joins through it.
class Services : public testing::Test {
 protected:
  void SetUp() override {
    const std::string first = "127.0.0.1:" + std::to_string(free_port());
    server_ = std::make_unique<Node>(NodeSettings{.network = "api", .join = "", .listen = first});
    client_ = std::make_unique<Node>(NodeSettings{.network = "api", .join = first});
    ASSERT_TRUE((server_->serve<Greeter, &Greeter::hello>("greeter")));
    ASSERT_TRUE((server_->serve<Faulty, &Faulty::run, &Faulty::block>("faulty")));
    ASSERT_TRUE((client_->serve<Relayer, &Relayer::relay, &Relayer::wait_for_block>("relayer")));
  }
  Result<In<calls::Told>> ask(Node& node, const std::string& service, const std::string& text,
                              ByteView frame = {}) {
    Out<calls::Ask> ask;
    ask->setText(text);
    ask->setFrame(wire::to_data(frame));
    return node.call<calls::Told>(service, ask);
  }
  Result<In<calls::Relayed>> relay(Node& node, const std::string& to) {
    Out<calls::Relay> relay;
    relay->setService(to);
    return node.call<calls::Relayed>("relayer", relay);
  }
  std::unique_ptr<Node> server_, client_;
};

TEST_F(Services, AnswerAnotherNodeAndTheirOwn) {
  for (uint64_t i = 1; i <= 20; ++i) {
    const auto remote = ask(*client_, "greeter", "mesh");
    ASSERT_TRUE(remote) << remote.error().text();
    EXPECT_STREQ(remote->view()->getText().cStr(), "Hello, mesh!");
    EXPECT_EQ(remote->view()->getCount(), i) << "one instance, one after the other";
    EXPECT_EQ(remote->view()->getPeer().size(), 32u);
  }
  const auto own = ask(*server_, "greeter", "home");
  ASSERT_TRUE(own) << own.error().text();
  EXPECT_EQ(own->view()->getPeer().size(), 0u) << "asked from the same process";
}

TEST_F(Services, TurnEveryFaultOfAHandlerIntoAnError) {
  for (Node* node : {server_.get(), client_.get()}) {
    EXPECT_EQ(ask(*node, "faulty", "throw").error(), (Error{Code::threw, "the cup is empty"}));
    EXPECT_EQ(ask(*node, "faulty", "odd").error().code, Code::threw);
    EXPECT_EQ(ask(*node, "faulty", "error").error(), (Error{Code::denied, "not for you"}));
    Bytes garbage(64, std::byte{0xa5});
    EXPECT_EQ(ask(*node, "faulty", "malformed", garbage).error().code, Code::malformed);
    const auto after = ask(*node, "faulty", "");
    ASSERT_TRUE(after) << "the service lives on: " << after.error().text();
  }
}

TEST_F(Services, RefuseAMethodTheyDoNotHaveAndAnAnswerOfAnotherType) {
  Out<calls::Relay> relay;
  relay->setService("x");
  EXPECT_EQ(client_->call<calls::Told>("greeter", relay).error().code, Code::invalid);
  Out<calls::Ask> ask;
  EXPECT_EQ(client_->call<calls::Relayed>("greeter", ask).error().code, Code::malformed);
}

TEST_F(Services, SayThatNobodyServesAName) {
  EXPECT_EQ(ask(*client_, "nobody", "").error().code, Code::not_found);
  EXPECT_EQ(relay(*server_, "nobody").error().code, Code::not_found);
}

TEST_F(Services, CallEachOtherAcrossNodes) {
  const auto answer = relay(*server_, "greeter");  // server -> client's relayer -> server's greeter
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_STREQ(answer->view()->getText().cStr(), "Hello, relay!");
}

TEST_F(Services, AnswerManyCallersAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> answered{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i)
        answered += ask(t % 2 == 0 ? *client_ : *server_, "greeter", "x").has_value();
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answered.load(), 200);
}

TEST_F(Services, EndACallAtItsDeadline) {
  Out<calls::Block> block;
  const auto answer = client_->call<calls::Told>("faulty", block, 200ms);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::timeout);
  blocked().acquire();
  release().release();
  EXPECT_TRUE(ask(*client_, "faulty", ""));
}

/// A coroutine that waits holds promises, and those hold its actor: a cycle that leaked both when
/// the service ended.
TEST_F(Services, RegressANodeMayEndWhileAServiceWaits) {
  std::thread caller([this] {
    Out<calls::Block> block;
    EXPECT_FALSE(server_->call<calls::Relayed>("relayer", block, 5s));
  });
  blocked().acquire();  // the relayer of the client waits for the service of the server
  client_.reset();
  release().release();
  caller.join();
}

/// A service that was busy for over two seconds called through a node whose thread was gone; and a
/// node that one thread had used never ended in another.
TEST_F(Services, RegressABusyServiceDoesNotOutliveItsNode) {
  ASSERT_TRUE((server_->serve<Lingering, &Lingering::run>("lingering")));
  std::thread caller([this] {
    Out<calls::Block> block;
    const auto answer = client_->call<calls::Told>("lingering", block, 30s);
    EXPECT_FALSE(answer) << "the node left under it";
  });
  blocked().acquire();
  std::thread leaver([this] { server_.reset(); });
  caller.join();  // the node is gone, its service is still busy
  release().release();
  leaver.join();
}

/// Only a session keeps a deadline: a service of the same process that never answered was waited
/// for without end.
TEST_F(Services, RegressACallOfALocalServiceEndsAtItsDeadline) {
  ASSERT_TRUE((server_->serve<Relayer, &Relayer::ask_blocked>("impatient")));
  Out<calls::Ask> ask_it;
  const auto answer = server_->call<calls::Relayed>("impatient", ask_it);
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_STREQ(answer->view()->getText().cStr(), "timeout");
  blocked().acquire();
  release().release();
}

TEST_F(Services, OfANodeThatLeftAreNotFound) {
  ASSERT_TRUE(relay(*server_, "greeter"));
  client_.reset();
  const auto answer = relay(*server_, "greeter");
  ASSERT_FALSE(answer);
  EXPECT_TRUE(answer.error().code == Code::not_found || answer.error().code == Code::unavailable)
      << answer.error().text();
}

/// The next call of any instance in this process waits for its test.
std::atomic<bool>& stalls() {
  static std::atomic<bool> value{false};
  return value;
}

/// Tells which one answered.
template <uint64_t kNumber>
class Numbered : public Service {
 public:
  Reply<calls::Told> hello(In<calls::Ask>) {
    if (stalls().exchange(false)) {
      blocked().release();
      release().acquire();
    }
    Out<calls::Told> out;
    out->setCount(kNumber);
    co_return out;
  }
};

/// A mesh whose members read a mesh.toml of routes and rules.
class RoutedServices : public testing::Test {
 protected:
  void start(const std::string& toml) {
    config_ = std::filesystem::temp_directory_path() /
              ("themis-routes-" + std::to_string(getpid()) + ".toml");
    std::ofstream(config_) << toml;
    first_ = "127.0.0.1:" + std::to_string(free_port());
    NodeSettings seed{.network = "api", .join = "", .listen = first_};
    client_ = join(seed);
  }
  void TearDown() override { std::filesystem::remove(config_); }
  std::unique_ptr<Node> join(NodeSettings settings) {
    settings.network = "api";
    settings.config = config_.string();
    return std::make_unique<Node>(settings);
  }
  template <uint64_t kNumber = 1>
  std::unique_ptr<Node> instance(uint16_t weight = 100) {
    auto node = join({.join = first_, .weight = weight});
    const Status served =
        node->template serve<Numbered<kNumber>, &Numbered<kNumber>::hello>("numbered");
    EXPECT_TRUE(served) << served.error().text();
    return node;
  }
  /// Until `node` has been answered by each of these: the ring knows them all then.
  void wait_for(std::set<uint64_t> numbers, Node& node) {
    for (const TimePoint end = std::chrono::steady_clock::now() + 20s;
         !numbers.empty() && std::chrono::steady_clock::now() < end;)
      if (const auto answer = ask_from(node)) numbers.erase(answer->view()->getCount());
    EXPECT_TRUE(numbers.empty()) << "not within 20 s";
  }
  Result<In<calls::Told>> ask_from(Node& node, Idempotent idempotent = Idempotent::no) {
    Out<calls::Ask> params;
    return node.call<calls::Told>("numbered", params, 10s, idempotent);
  }
  Result<In<calls::Told>> ask(Idempotent idempotent = Idempotent::no) {
    return ask_from(*client_, idempotent);
  }
  std::filesystem::path config_;
  std::string first_;
  std::unique_ptr<Node> client_;
};

TEST_F(RoutedServices, AreClosedToWhoIsNotAllowed) {
  start("[[allow]]\nservice = \"numbered\"\nmethods = [\"Relay\"]\n");
  const auto server = instance();
  EXPECT_EQ(ask().error().code, Code::denied);
}

TEST_F(RoutedServices, AreOpenToAnAllowedMethod) {
  start("[[allow]]\nservice = \"numbered\"\nmethods = [\"Ask\"]\n");
  const auto server = instance();
  const auto answer = ask();
  EXPECT_TRUE(answer) << answer.error().text();
}

TEST_F(RoutedServices, LimitTheRateOfACaller) {
  start("[[route]]\nname = \"numbered\"\nrate = {per_s = 1, burst = 2}\n");
  const auto server = instance();
  EXPECT_TRUE(ask());
  EXPECT_TRUE(ask());
  int limited = 0;
  for (int i = 0; i < 50; ++i) {
    const auto answer = ask();
    if (answer) continue;  // a second has passed
    EXPECT_EQ(answer.error().code, Code::rate_limited);
    ++limited;
  }
  EXPECT_GT(limited, 0);
}

TEST_F(RoutedServices, OfWeightZeroTakeNothing) {
  start("");
  const auto spare = instance<2>(0);
  ASSERT_EQ(ask()->view()->getCount(), 2u) << "nobody else is there";
  const auto used = instance<1>();
  const auto other = join({.join = first_});  // it knows no route yet
  wait_for({1}, *other);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(ask_from(*other)->view()->getCount(), 1u);
}

TEST_F(RoutedServices, AreAskedTwiceWhenTheFirstIsLate) {
  start("[[route]]\nname = \"numbered\"\nhedge = true\nidempotent = true\n");
  const auto one = instance<1>(), two = instance<2>();
  wait_for({1, 2}, *client_);
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(ask());
  stalls() = true;
  const auto answer = ask();  // the pool has two threads: the other instance is not held up
  EXPECT_TRUE(answer) << answer.error().text();
  EXPECT_TRUE(blocked().try_acquire()) << "one of them stalls";
  release().release();
}

TEST_F(RoutedServices, OfALostNodeAreRetriedWhenThatIsSafe) {
  start("");
  auto one = instance<1>();
  const auto two = instance<2>();
  wait_for({1, 2}, *client_);
  one.reset();
  for (int i = 0; i < 40; ++i) {
    const auto answer = ask(Idempotent::yes);
    EXPECT_TRUE(answer) << answer.error().text();
  }
}

TEST(NodeDeathTest, SaysThatItsConfigOrLabelIsWrong) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(Node(NodeSettings{.join = "", .config = "no-such-file.toml"}),
              testing::ExitedWithCode(1), "themis: no-such-file.toml: No such file");
  EXPECT_EXIT(Node(NodeSettings{.join = "", .labels = {"=none"}}), testing::ExitedWithCode(1),
              "themis: a label is \"key=value\"");
}

TEST(NodeDeathTest, SaysThatItsPortIsTaken) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const std::string listen = "127.0.0.1:" + std::to_string(free_port());
  const net::Descriptor taken = net::open_listener(net::Address::parse(listen).value()).value();
  EXPECT_EXIT(Node(NodeSettings{.network = "api", .join = "", .listen = listen}),
              testing::ExitedWithCode(1), "themis: 127.0.0.1:[0-9]+: address already in use");
}

}  // namespace
}  // namespace themis
