// Bodies that functions send bit by bit: from a real function in its process through the hub and
// the fetcher to a server on loopback, and what a host that was taken over may try with them.
#include "actors/fetch/fetcher.hpp"
#include "actors/flows/flow_hub.hpp"
#include "tests/unit/fetch/loopback_peer.hpp"
#include "tests/unit/worker/pool_fixture.hpp"

namespace themis {
namespace {

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class Uploads : public PoolTest {
 protected:
  void start_here() {
    hub_ = spawn_pinned<FlowHub>(world_.reactor());
    fetcher_ = spawn_pinned<Fetcher>(
        world_.reactor(),
        FetcherOptions{.flows = hub_, .private_addresses = {server_.address()}, .rng = &rng_});
    WorkerPoolOptions options = pool_options(1);
    options.flows = hub_;
    options.fetcher = fetcher_;
    options.fetch = all_;
    pool_ = spawn_worker_pool(options);
  }
  void TearDown() override {
    PoolTest::TearDown();
    for (const caf::actor& each : {fetcher_, hub_})
      if (each) world_.stop(each);
  }
  /// A function that may fetch from the server; `body` may use URL and `post(stream)`.
  void begin(const std::string& body) {
    const std::string source =
        "const URL_ = '" + server_.url() +
        "'; const post = (body, init) => fetch(URL_, { method: 'POST', body, duplex: 'half',"
        "...init }); const wait = (ms) => new Promise((r) => setTimeout(r, ms));" +
        handler(body);
    InstallFunction function{
        "f", id_of(source), std::make_shared<const Bytes>(to_bytes(source)), {.cpu_ms = 20'000}};
    bundle::Settings settings;
    settings.fetch = *all_;
    function.settings = std::make_shared<const bundle::Settings>(settings);
    ASSERT_TRUE(world_.ask<caf::unit_t>(pool_, function));
    answer_ = std::async(std::launch::async, [this, id = function.id] {
      return text_of(
          world_.ask<wire::Msg<schema::Outcome>>(pool_, CallFunction{id, invoke("body")}));
    });
  }
  FetchCounts counts() { return *world_.ask<FetchCounts>(fetcher_, CountFetches{}); }
  size_t open_flows() { return world_.ask<FlowCounts>(hub_, CountFlows{})->open; }
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
  caf::actor hub_, fetcher_;
  std::future<std::string> answer_;
};

TEST_F(Uploads, GoFromAFunctionToItsServer) {
  start_here();
  begin(
      "const e = new TextEncoder(); const { readable, writable } = new TransformStream();"
      "const w = writable.getWriter(); const sent = post(readable);"
      "await w.write(e.encode('one')); await w.write(e.encode('two')); await w.close();"
      "return new Response((await sent).status + ' ' + await (await sent).text());");
  LoopbackPeer peer = server_.accept();
  const std::string all = peer.until("0\r\n\r\n");
  EXPECT_NE(all.find("\r\nTransfer-Encoding: chunked\r\n"), std::string::npos) << all;
  EXPECT_NE(all.find("one"), std::string::npos) << all;
  peer.write(kOk);
  EXPECT_EQ(answer_.get(), "200 ok");
  EXPECT_EQ(open_flows(), 0u);
}

/// 64 MB: what is made and not taken is the kernel's buffers and four parts, whatever the server
/// does.
TEST_F(Uploads, AdversaryAServerThatReadsSlowlyStopsTheFunction) {
  start_here();
  begin(
      "let made = 0; const { readable, writable } = new FixedLengthStream(1024 * 65536);"
      "const body = new ReadableStream({ pull(c) { if (made++ === 1024) return c.close();"
      "  console.log('made ' + made); c.enqueue(new Uint8Array(65536)); } });"
      "body.pipeTo(writable); return new Response((await post(readable)).status);");
  LoopbackPeer peer = server_.accept();
  const std::string head = peer.until("\r\n\r\n");
  EXPECT_NE(head.find("\r\nContent-Length: 67108864\r\n"), std::string::npos) << head;
  size_t got = head.size() - head.find("\r\n\r\n") - 4, ahead_most = 0, held_most = 0;
  while (got < size_t{64} << 20) {
    // Until it stands still: the same count, ten questions later.
    int made = -1;
    for (int same = 0; same < 10; ++same) {
      held_most = std::max(held_most, counts().held_bytes);
      if (const int now = lines_with("made"); now != made) {
        made = now;
        same = 0;
      }
    }
    ahead_most = std::max(ahead_most, static_cast<size_t>(made) * 65536 - got);
    for (size_t taken = 0; taken < size_t{8} << 20 && got < size_t{64} << 20;) {
      const std::string more = peer.read(1 << 20);
      ASSERT_FALSE(more.empty()) << got;
      taken += more.size();
      got += more.size();
    }
  }
  peer.write(kOk);
  EXPECT_EQ(answer_.get(), "200");
  EXPECT_LE(ahead_most, size_t{16} << 20);
  EXPECT_LE(held_most, Fetcher::kPartMax);
  EXPECT_EQ(counts().sending, 0u);
}

TEST_F(Uploads, EndWithTheirCall) {
  start_here();
  begin(
      "post(new ReadableStream({ async pull(c) { await wait(1); c.enqueue(new Uint8Array(9)); }"
      "})).catch(() => {}); await wait(50); return new Response('over');");
  LoopbackPeer peer = server_.accept();
  EXPECT_EQ(answer_.get(), "over");
  while (!peer.read().empty()) {
  }
  wait_until("the node forgets it", [&] { return counts().open == 0 && open_flows() == 0; });
}

TEST_F(Uploads, AServerThatEndsThemCancelsTheStream) {
  start_here();
  begin(
      "let why; const r = await post(new ReadableStream({ async pull(c) { await wait(1);"
      "  c.enqueue(new Uint8Array(9)); }, cancel(e) { why = e; } }));"
      "const end = Date.now() + 5000; while (!why && Date.now() < end) await wait(1);"
      "return new Response(r.status + ' ' + why?.name);");
  LoopbackPeer peer = server_.accept();
  peer.until("\r\n\r\n");
  peer.write("HTTP/1.1 413 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(answer_.get(), "413 TypeError");
  wait_until("the node forgets it", [&] { return counts().open == 0 && open_flows() == 0; });
}

TEST_F(Uploads, AnAbortEndsTheConnection) {
  start_here();
  begin(
      "const c = new AbortController(); const sent = post(new ReadableStream({ async pull(s) {"
      "  await wait(1); s.enqueue(new Uint8Array(9)); } }), { signal: c.signal });"
      "await wait(50); c.abort(new RangeError('enough'));"
      "try { await sent; } catch (e) { return new Response(e.name); }");
  LoopbackPeer peer = server_.accept();
  EXPECT_EQ(answer_.get(), "RangeError");
  while (!peer.read().empty()) {
  }
  wait_until("the node forgets it", [&] { return counts().open == 0 && open_flows() == 0; });
}

/// Only the hub is asked of; the rest is the host's word.
class HostileUploads : public PoolTest {
 protected:
  void start_hostile() {
    WorkerPoolOptions options = pool_options(1);
    options.programs.node = THEMIS_HOSTILE_HOST;
    options.flows = hub_ = spawn_pinned<FlowHub>(world_.reactor());
    options.functions = gate_ = world_.caf().spawn([this](caf::event_based_actor*) {
      return caf::behavior{[this](const CallByFunction& ask) -> caf::result<OutcomeMsg> {
        body_ = ask.body;
        return to_caf({Code::not_found, "no such function"});
      }};
    });
    options.services = options.queues = gate_;
    pool_ = spawn_worker_pool(options);
    InstallFunction mine{
        "mine", id_of("mine"), std::make_shared<const Bytes>(to_bytes("mine")), {}};
    bundle::Settings settings;
    settings.functions["OTHER"] = "other";
    settings.queues["JOBS"] = "jobs";
    mine.settings = std::make_shared<const bundle::Settings>(settings);
    ASSERT_TRUE(world_.ask<caf::unit_t>(pool_, mine));
  }
  void TearDown() override {
    PoolTest::TearDown();
    for (const caf::actor& each : {hub_, gate_}) world_.stop(each);
  }
  using OutcomeMsg = wire::Msg<schema::Outcome>;
  caf::actor hub_, gate_;
  std::atomic<FlowId> body_ = 0;
};

TEST_F(HostileUploads, AdversaryAHostSendsBodiesToFunctionsOnly) {
  start_hostile();
  EXPECT_EQ(text("mine", "fn/other%"), "not_found: no such function");
  EXPECT_NE(body_, 0u);
  EXPECT_NE(body_, 5u) << "a number of this node's own, not the host's";
  for (const char* whom : {"queue/jobs%", "actor/mine%", "greeter/%"})
    EXPECT_EQ(text("mine", whom), "malformed: the body of such a request travels whole") << whom;
  EXPECT_EQ(world_.ask<FlowCounts>(hub_, CountFlows{})->open, 0u) << "that call failed";
}

/// A call that failed before it ran kept its body's place in the process: after 1,024 of them no
/// call with a body was taken.
TEST_F(Uploads, RegressTheBodyOfACallThatFailedIsLeft) {
  start_here();
  const std::string source = handler("return new Response('');");
  ASSERT_TRUE(install(source));
  std::promise<FlowId> left;
  const caf::actor source_of_body = world_.caf().spawn([&left](caf::event_based_actor*) {
    return caf::behavior{[&left](const DropPart& drop) { left.set_value(drop.flow); }};
  });
  caf::anon_send(hub_, OfferFlow{1234, source_of_body, {}});
  wire::Builder<schema::Invoke> message(64);
  message->setMethod("no method");
  message->setUrl("http://f/");
  message->setFlow(1234);
  const auto failed =
      world_.ask<wire::Msg<schema::Outcome>>(pool_, CallFunction{id_of(source), message.finish()});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::malformed);
  auto gone = left.get_future();
  ASSERT_EQ(gone.wait_for(kDeadline), std::future_status::ready);
  EXPECT_EQ(gone.get(), 1234u);
  world_.stop(source_of_body);
}

}  // namespace
}  // namespace themis
