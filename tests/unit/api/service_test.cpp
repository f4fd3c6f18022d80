// The public C++ API over real loopback: services, coroutines, and every way in which a call can
// end.
#include "tests/unit/api/api_fixture.hpp"

namespace themis {
namespace {

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

/// Computes until nobody waits for the answer.
class Stubborn : public Service {
 public:
  Reply<calls::Told> run(In<calls::Block> in) {
    blocked().release();
    while (!in.frame()->cancelled()) std::this_thread::yield();
    release().release();
    co_return Error{Code::cancelled, "nobody waits"};
  }
  Reply<calls::Left> how_long(In<calls::HowLong> in) {
    const Duration left = in.frame()->deadline() - std::chrono::steady_clock::now();
    Out<calls::Left> out;
    out->setMs(to_ms(left));
    co_return out;
  }
};

class Relayer : public Service {
 public:
  /// Without a deadline of its own.
  Reply<calls::Left> how_long(In<calls::HowLong>) {
    Out<calls::HowLong> question;
    const auto answer = co_await call<calls::Left>("stubborn", question);
    if (!answer) co_return answer.error();
    Out<calls::Left> out;
    out->setMs(answer->view()->getMs());
    co_return out;
  }
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
    const auto answer = co_await call<calls::Told>(service_, block);
    ended_ = answer ? Code{} : answer.error().code;
    if (!answer) co_return answer.error();
    co_return Out<calls::Relayed>();
  }
  static inline std::string service_ = "faulty";
  static inline std::atomic<Code> ended_{};
};

/// Two nodes of one mesh: the first serves, the second joins through it.
class Services : public testing::Test {
 protected:
  void SetUp() override {
    const std::string first = "127.0.0.1:" + std::to_string(free_port());
    server_ = std::make_unique<Node>(NodeSettings{.network = "api", .join = "", .listen = first});
    client_ = std::make_unique<Node>(NodeSettings{.network = "api", .join = first});
    ASSERT_TRUE((server_->serve<Greeter, &Greeter::hello>("greeter")));
    ASSERT_TRUE((server_->serve<Faulty, &Faulty::run, &Faulty::block>("faulty")));
    ASSERT_TRUE((server_->serve<Stubborn, &Stubborn::run, &Stubborn::how_long>("stubborn")));
    ASSERT_TRUE(
        (client_->serve<Relayer, &Relayer::relay, &Relayer::wait_for_block, &Relayer::how_long>(
            "relayer")));
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

TEST_F(Services, AskOthersWithTheDeadlineOfWhatTheyServe) {
  Out<calls::HowLong> question;
  const auto answer = server_->call<calls::Left>("relayer", question, 5s);
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_GT(answer->view()->getMs(), 0);
  EXPECT_LE(answer->view()->getMs(), 5000) << "two hops away";
}

TEST_F(Services, AreToldThatNobodyWaits) {
  Out<calls::Block> block;
  EXPECT_EQ(client_->call<calls::Told>("stubborn", block, 200ms).error().code, Code::timeout);
  blocked().acquire();
  release().acquire();  // it has ended, while it was computing
}

/// The caller gives up, the relayer is told while it waits, and so is whom it asked.
TEST_F(Services, GiveUpWhatTheyAskedForOneWhoGaveUp) {
  Relayer::service_ = "stubborn";
  Out<calls::Block> block;
  EXPECT_EQ(server_->call<calls::Relayed>("relayer", block, 300ms).error().code, Code::timeout);
  blocked().acquire();
  release().acquire();
  Relayer::service_ = "faulty";
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

TEST_F(Services, OfANodeThatLeftAreNotFound) {
  ASSERT_TRUE(relay(*server_, "greeter"));
  client_.reset();
  const auto answer = relay(*server_, "greeter");
  ASSERT_FALSE(answer);
  EXPECT_TRUE(answer.error().code == Code::not_found || answer.error().code == Code::unavailable)
      << answer.error().text();
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
