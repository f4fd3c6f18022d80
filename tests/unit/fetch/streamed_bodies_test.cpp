// Outward requests whose bodies come bit by bit: the real fetcher and hub, a real connection, and a
// function and a server that the test plays.
#include "actors/fetch/fetcher.hpp"
#include "actors/flows/flow_hub.hpp"
#include "tests/unit/fetch/loopback_peer.hpp"
#include "tests/unit/worker/reactor_thread.hpp"

namespace themis {
namespace {

constexpr FlowId kBody = 4711;

/// The function's side of a body: gives what the test gave it, when it is asked. What it was asked
/// and that it was left is seen by the test's thread.
struct Source {
  std::atomic<size_t> asked = 0;
  std::atomic<bool> left = false;
};
class SourceActor : public caf::event_based_actor {
 public:
  SourceActor(caf::actor_config& config, Source* seen)
      : caf::event_based_actor(config), seen_(seen) {}

 private:
  using Answer = std::variant<BodyPartMsg, caf::error>;

  caf::behavior make_behavior() override {
    return {[this](const TakePart&) -> caf::result<BodyPartMsg> {
              ++seen_->asked;
              taker_ = make_response_promise<BodyPartMsg>();
              give();
              return caf::delegated<BodyPartMsg>{};
            },
            [this](const DropPart&) { seen_->left = true; },
            [this](const BodyPartMsg& part) {
              answers_.emplace_back(part);
              give();
            },
            // The stream of the function fails.
            [this](const EndFlow&) {
              answers_.emplace_back(to_caf({Code::threw, "broken"}));
              give();
            }};
  }
  void give() {
    if (!taker_ || answers_.empty()) return;
    const Answer answer = std::move(answers_.front());
    answers_.pop_front();
    auto taker = *std::exchange(taker_, {});
    if (const auto* part = std::get_if<BodyPartMsg>(&answer)) {
      taker.deliver(*part);
    } else {
      taker.deliver(std::get<caf::error>(answer));
    }
  }

  Source* const seen_;
  std::deque<Answer> answers_;
  std::optional<caf::typed_response_promise<BodyPartMsg>> taker_;
};

class StreamedBodies : public testing::Test {
 protected:
  StreamedBodies() {
    hub_ = spawn_pinned<FlowHub>(world_.reactor());
    fetcher_ = spawn_pinned<Fetcher>(
        world_.reactor(),
        FetcherOptions{.flows = hub_, .private_addresses = {server_.address()}, .rng = &rng_});
    source_ = world_.caf().spawn<SourceActor>(&seen_);
  }
  void TearDown() override {
    for (const caf::actor& each : {fetcher_, hub_, source_}) world_.stop(each);
  }

  static wire::Msg<schema::Invoke> message(const std::string& method, const std::string& url,
                                           const std::string& length = "",
                                           TimePoint deadline = TimePoint::max()) {
    wire::Builder<schema::Invoke> invoke(64);
    invoke->setMethod(method);
    invoke->setUrl(url);
    if (!length.empty()) {
      auto headers = invoke->initHeaders(1);
      headers[0].setName("content-length");
      headers[0].setValue(length);
    }
    return invoke.finish(deadline);
  }
  /// Sends a request whose body is the source's; its answer comes to `answer_`.
  void begin(const wire::Msg<schema::Invoke>& invoke, FlowId body = kBody) {
    if (body != 0) caf::anon_send(hub_, OfferFlow{body, source_, {}});
    answer_ = std::async(std::launch::async, [this, invoke, body] {
      return world_.ask<wire::Msg<schema::Outcome>>(fetcher_,
                                                    FetchOutward{invoke, {all_, all_}, body});
    });
  }
  void begin_post(const std::string& length = "") { begin(message("POST", server_.url(), length)); }
  Result<wire::Msg<schema::Outcome>> answer() { return answer_.get(); }
  std::string text() {
    const auto got = answer();
    if (!got) return got.error().text();
    return std::to_string(got->view()->getStatus()) + " " +
           std::string(as_text(wire::bytes_of(got->view()->getBody())));
  }
  void give(std::string_view bits) {
    caf::anon_send(source_, encode_part(js::Part::Kind::bytes, as_bytes(bits)));
  }
  void give_end() { caf::anon_send(source_, encode_part(js::Part::Kind::end, {})); }
  FetchCounts counts() { return *world_.ask<FetchCounts>(fetcher_, CountFetches{}); }
  /// Asks until it is so; each question is answered by the reactor.
  template <class Is>
  void wait_until(const char* what, Is is) {
    const auto end = std::chrono::steady_clock::now() + kDeadline;
    while (!is() && std::chrono::steady_clock::now() < end) counts();
    EXPECT_TRUE(is()) << what;
  }

  SystemRng rng_;
  LoopbackServer server_;
  const std::shared_ptr<const FetchHosts> all_ =
      std::make_shared<const FetchHosts>(FetchHosts{server_.address().text()});
  Source seen_;
  ReactorThread world_;
  caf::actor hub_, fetcher_, source_;
  std::future<Result<wire::Msg<schema::Outcome>>> answer_;
};

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST_F(StreamedBodies, GoOutInChunksAsTheyCome) {
  begin_post();
  LoopbackPeer peer = server_.accept();
  const std::string head = peer.until("\r\n\r\n");
  EXPECT_NE(head.find("\r\nTransfer-Encoding: chunked\r\n"), std::string::npos) << head;
  EXPECT_EQ(head.find("Content-Length"), std::string::npos) << head;
  give("first");
  EXPECT_EQ(peer.until("first\r\n"), "5\r\nfirst\r\n");
  give("");  // the function lives
  give("and second");
  EXPECT_EQ(peer.until("second\r\n"), "a\r\nand second\r\n");
  give_end();
  EXPECT_EQ(peer.until("0\r\n\r\n"), "0\r\n\r\n");
  peer.write(kOk);
  EXPECT_EQ(text(), "200 ok");
  EXPECT_FALSE(seen_.left) << "it was read to its end";
}

TEST_F(StreamedBodies, OfAKnownLengthHaveIt) {
  begin_post("10");
  LoopbackPeer peer = server_.accept();
  const std::string head = peer.until("\r\n\r\n");
  EXPECT_NE(head.find("\r\nContent-Length: 10\r\n"), std::string::npos) << head;
  EXPECT_EQ(head.find("chunked"), std::string::npos) << head;
  give("12345");
  give("67890");
  give_end();
  EXPECT_EQ(peer.until("0"), "1234567890");
  peer.write(kOk);
  EXPECT_EQ(text(), "200 ok");
}

TEST_F(StreamedBodies, AdversaryALengthThatIsNotKeptIsNotSent) {
  begin_post("10");
  LoopbackPeer more = server_.accept();
  give("12345678");
  give("901");
  EXPECT_EQ(text(), "malformed: the body of the request is longer than its content-length, 10");
  EXPECT_TRUE(more.until("8").ends_with("\r\n\r\n12345678"));
  EXPECT_EQ(more.read(), "") << "closed, without the rest";
  begin(message("POST", server_.url(), "10"), kBody + 1);
  LoopbackPeer fewer = server_.accept();
  give("123456789");
  give_end();
  EXPECT_EQ(text(), "malformed: the body of the request has 9 bytes, its content-length is 10");
  for (const char* bad : {"-1", "1x", "", " 1", "0x1"}) {
    begin(message("POST", server_.url(), bad[0] == '\0' ? "," : bad), kBody + 2);
    EXPECT_EQ(text(), "malformed: a content-length that is none") << bad;
  }
  begin(message("POST", server_.url(), "1073741825"), kBody + 3);
  EXPECT_EQ(text(), "too_large: a body of 1073741825 bytes; 1 GiB is the limit");
}

TEST_F(StreamedBodies, NothingIsAskedForBeforeThereIsAServer) {
  begin_post();
  LoopbackPeer peer = server_.accept();
  peer.until("\r\n\r\n");
  wait_until("the first part is asked for", [&] { return seen_.asked == 1; });
  for (int i = 0; i < 100; ++i) counts();
  EXPECT_EQ(seen_.asked, 1u) << "one at a time";
  give_end();
  peer.write(kOk);
  EXPECT_EQ(text(), "200 ok");
  begin(message("GET", server_.url()), kBody + 1);
  EXPECT_EQ(text(), "malformed: a body that follows where there is none, or another one");
}

/// 64 MB through a server that reads when it likes: what is here is two parts at most.
TEST_F(StreamedBodies, AdversaryASlowServerIsNotSentMoreThanItTakes) {
  constexpr size_t kParts = 1024;
  const std::string part(Fetcher::kPartMax, 'x');
  begin_post(std::to_string(kParts * part.size()));
  LoopbackPeer peer = server_.accept();
  EXPECT_TRUE(peer.until("\r\n\r\n").ends_with("\r\n\r\n")) << "no part was given yet";
  size_t given = 0, got = 0, held_most = 0, idle_most = 0;
  // The kernel's two buffers are what the connection may hold besides.
  while (got < kParts * part.size()) {
    // Give as fast as it is asked, until it is not asked any more.
    size_t asked = seen_.asked;
    for (size_t idle = 0; idle < 20; ++idle) {
      while (given < asked && given < kParts) {
        give(part);
        ++given;
        idle = 0;
      }
      held_most = std::max(held_most, counts().held_bytes);
      asked = seen_.asked;
    }
    idle_most = std::max(idle_most, given * part.size() - got);
    while (got < given * part.size()) {
      const std::string more = peer.read(1 << 20);
      ASSERT_FALSE(more.empty()) << got;
      got += more.size();
    }
  }
  give_end();
  peer.write(kOk);
  EXPECT_EQ(text(), "200 ok");
  EXPECT_GT(held_most, 0u) << "the server was slower than the function";
  EXPECT_LE(held_most, part.size());
  EXPECT_LE(idle_most, size_t{16} << 20) << "the kernel's buffers, and what is here";
  EXPECT_EQ(counts().sent_bytes > kParts * part.size(), true);
  EXPECT_EQ(counts().sending, 0u);
}

TEST_F(StreamedBodies, GoOnAfterAnEarlyAnswer) {
  begin_post();
  LoopbackPeer peer = server_.accept();
  peer.until("\r\n\r\n");
  peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n");
  const auto head = answer();
  ASSERT_TRUE(head) << head.error().text();
  const FlowId flow = head->view()->getFlow();
  ASSERT_NE(flow, 0u);
  give("late");
  EXPECT_EQ(peer.until("late\r\n"), "4\r\nlate\r\n");
  give_end();
  peer.until("0\r\n\r\n");
  peer.write("3\r\nend\r\n0\r\n\r\n");
  std::string all(as_text(wire::bytes_of(head->view()->getBody())));
  while (true) {
    const auto part = world_.ask<BodyPartMsg>(hub_, ReadFlow{{}, flow});
    ASSERT_TRUE(part) << part.error().text();
    const auto bits = decode_part(*part);
    if (bits->is_last()) break;
    all += as_text(bits->data);
  }
  EXPECT_EQ(all, "earlyend");
}

TEST_F(StreamedBodies, GoOnAfterAWholeAnswerThatKeepsTheConnection) {
  begin_post();
  LoopbackPeer peer = server_.accept();
  peer.until("\r\n\r\n");
  peer.write(kOk);
  EXPECT_EQ(text(), "200 ok");
  give("all the same");
  EXPECT_EQ(peer.until("same\r\n"), "c\r\nall the same\r\n");
  EXPECT_EQ(counts().sending, 1u);
  give_end();
  EXPECT_EQ(peer.until("0\r\n\r\n"), "0\r\n\r\n");
  wait_until("it is over", [&] { return counts().open == 0; });
  begin(message("GET", server_.url("/next")), 0);
  EXPECT_TRUE(peer.until("\r\n\r\n").starts_with("GET /next ")) << "on the same connection";
  peer.write(kOk);
  EXPECT_EQ(text(), "200 ok");
}

TEST_F(StreamedBodies, EndWithAnAnswerThatEndsTheConnection) {
  begin_post();
  LoopbackPeer peer = server_.accept();
  peer.until("\r\n\r\n");
  peer.write("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_EQ(text(), "413 no");
  wait_until("the function is told", [&] { return seen_.left.load(); });
  EXPECT_EQ(peer.read(), "");
  wait_until("it is over", [&] { return counts().open == 0; });
}

TEST_F(StreamedBodies, AServerThatLeavesEndsThem) {
  begin_post();
  LoopbackPeer peer = server_.accept();
  peer.until("\r\n\r\n");
  give("some");
  peer.until("some");
  peer.close();
  EXPECT_TRUE(text().starts_with("unavailable: the server ended the connection early"));
  wait_until("the function is told", [&] { return seen_.left.load(); });
  EXPECT_FALSE(server_.has_caller()) << "a stream is not sent a second time";
  EXPECT_EQ(counts().open, 0u);
}

TEST_F(StreamedBodies, AStreamThatFailsEndsTheRequest) {
  begin_post();
  LoopbackPeer peer = server_.accept();
  peer.until("\r\n\r\n");
  give("some");
  peer.until("some\r\n");
  caf::anon_send(source_, EndFlow{});
  EXPECT_EQ(text(), "threw: broken");
  EXPECT_EQ(peer.read(), "") << "closed, without the end of the body";
  EXPECT_EQ(counts().failed, 1u);
}

TEST_F(StreamedBodies, AStreamThatFailsAfterTheAnswerEndsThatToo) {
  begin_post();
  LoopbackPeer peer = server_.accept();
  peer.until("\r\n\r\n");
  peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  const auto head = answer();
  ASSERT_TRUE(head) << head.error().text();
  caf::anon_send(source_, EndFlow{});
  const auto part = world_.ask<BodyPartMsg>(hub_, ReadFlow{{}, head->view()->getFlow()});
  EXPECT_FALSE(part);
  EXPECT_EQ(peer.read(), "");
}

TEST_F(StreamedBodies, WhoGivesUpLeavesThem) {
  const auto invoke = message("POST", server_.url());
  begin(invoke);
  LoopbackPeer peer = server_.accept();
  peer.until("\r\n\r\n");
  give("some");
  peer.until("some\r\n");
  caf::anon_send(fetcher_, CancelRequest{invoke.frame()});
  EXPECT_EQ(text(), "cancelled: the function gave up");
  EXPECT_EQ(peer.read(), "");
  wait_until("the function is told", [&] { return seen_.left.load(); });
}

TEST_F(StreamedBodies, TheDeadlineOfTheCallEndsThem) {
  begin(message("POST", server_.url(), "",
                world_.reactor().loop().now() + std::chrono::milliseconds(200)));
  LoopbackPeer peer = server_.accept();
  peer.until("\r\n\r\n");
  give("some");
  EXPECT_EQ(text(), "timeout: 127.0.0.1 did not answer in time");
  peer.until("some\r\n");
  EXPECT_EQ(peer.read(), "");
  wait_until("the function is told", [&] { return seen_.left.load(); });
}

TEST_F(StreamedBodies, AdversaryPartsThatFunctionsDoNotMakeEndTheRequest) {
  begin_post();
  LoopbackPeer peer = server_.accept();
  give(std::string(Fetcher::kPartMax + 1, 'x'));
  EXPECT_EQ(text(), "malformed: a part of the request's body that is none");
  wait_until("the function is told", [&] { return seen_.left.load(); });
  begin(message("POST", server_.url()), kBody + 1);
  LoopbackPeer second = server_.accept();
  caf::anon_send(source_, encode_part(js::Part::Kind::text, as_bytes(std::string_view("x"))));
  EXPECT_EQ(text(), "malformed: a part of the request's body that is none");
}

TEST_F(StreamedBodies, AreNotSentOnAConnectionThatWasUsed) {
  begin(message("GET", server_.url("/first")), 0);
  LoopbackPeer first = server_.accept();
  first.until("\r\n\r\n");
  first.write(kOk);
  EXPECT_EQ(text(), "200 ok");
  begin_post();
  LoopbackPeer second = server_.accept();
  second.until("\r\n\r\n");
  give_end();
  second.until("0\r\n\r\n");
  second.write(kOk);
  EXPECT_EQ(text(), "200 ok");
  begin(message("GET", server_.url("/last")), 0);
  EXPECT_TRUE(first.until("\r\n\r\n").starts_with("GET /last ")) << "which waited";
  first.write(kOk);
  EXPECT_EQ(text(), "200 ok");
}

}  // namespace
}  // namespace themis
