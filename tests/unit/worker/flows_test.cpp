// What a function host may read and fetch, whoever runs in it; and the messages of both.
#include "actors/fetch/fetch_api.hpp"
#include "actors/flows/flow_api.hpp"
#include "tests/unit/worker/pool_fixture.hpp"

namespace themis {
namespace {

/// A hub that has every flow, and notes what it is asked for.
caf::behavior hub(caf::event_based_actor*) {
  return {[](const ReadFlow&) { return encode_part(js::Part::Kind::bytes, as_bytes("secret")); },
          [](const LeaveFlow&) {}, [](const OfferFlow&) {}, [](const EndFlow&) {}};
}
/// A fetcher that answers with the hosts it was allowed.
caf::behavior fetcher(caf::event_based_actor*) {
  return {[](const FetchOutward& ask) {
            std::string hosts = "allowed:";
            for (const auto& list : ask.allowed)
              if (list != nullptr)
                for (const std::string& host : *list) hosts += " " + host;
            wire::Builder<schema::Outcome> outcome(64);
            outcome->setStatus(200);
            outcome->setBody(wire::to_data(as_bytes(hosts)));
            return outcome.finish();
          },
          [](const CancelRequest&) {}};
}

/// A gate whose functions begin to answer, with flow 77.
caf::behavior gate(caf::event_based_actor*) {
  return {[](const CallByFunction&) {
    wire::Builder<schema::Outcome> outcome(64);
    outcome->setStatus(200);
    outcome->setBody(wire::to_data(as_bytes("begun")));
    outcome->setFlow(77);
    return outcome.finish();
  }};
}

class FunctionFlows : public PoolTest {
 protected:
  void start_hostile() {
    WorkerPoolOptions options = pool_options(1);
    options.programs.node = THEMIS_HOSTILE_HOST;
    options.flows = hub_ = world_.caf().spawn(hub);
    options.fetcher = fetcher_ = world_.caf().spawn(fetcher);
    options.functions = gate_ = world_.caf().spawn(gate);
    options.fetch = std::make_shared<const FetchHosts>(FetchHosts{"all.example"});
    pool_ = spawn_worker_pool(options);
  }
  /// "mine", whose manifest names a host.
  void install_that_fetches() {
    InstallFunction mine{
        "mine", id_of("mine"), std::make_shared<const Bytes>(to_bytes("mine")), {}};
    bundle::Settings settings;
    settings.fetch = {"mine.example"};
    mine.settings = std::make_shared<const bundle::Settings>(settings);
    ASSERT_TRUE(world_.ask<caf::unit_t>(pool_, mine));
  }
  void TearDown() override {
    PoolTest::TearDown();
    for (const caf::actor& each : {hub_, fetcher_, gate_}) world_.stop(each);
  }
  caf::actor hub_, fetcher_, gate_;
};

TEST_F(FunctionFlows, AdversaryAHostReadsTheBodiesOfItsCallsOnly) {
  start_hostile();
  ASSERT_TRUE(install("mine", {}, "mine"));
  EXPECT_EQ(text("mine", "pull 1234"), "not_found: no such body, or it is over");
  wire::Builder<schema::Invoke> with_body(64);
  with_body->setMethod("POST");
  with_body->setUrl("http://f/");
  with_body->setBody(wire::to_data(as_bytes("pull 1234")));
  with_body->setFlow(1234);
  const auto own = world_.ask<wire::Msg<schema::Outcome>>(
      pool_, CallFunction{id_of("mine"), with_body.finish()});
  EXPECT_EQ(text_of(own), "secret");
}

TEST_F(FunctionFlows, AdversaryAHostFetchesWhatItsFunctionsMayOnly) {
  start_hostile();
  install_that_fetches();
  EXPECT_EQ(text("mine", "fetch " + to_hex(id_of("mine"))), "allowed: all.example mine.example");
  EXPECT_EQ(text("mine", "fetch " + to_hex(id_of("other"))),
            "denied: functions of this node fetch nothing");
  EXPECT_EQ(text("mine", "fetch 00"), "malformed: a code id has 32 bytes");
}

/// What had left its process was asked for its hosts: a call that outlived it was refused.
TEST_F(FunctionFlows, RegressACallFetchesOnWhenItsFunctionWasUnloaded) {
  start_hostile();
  install_that_fetches();
  const std::string fetch = "fetch " + to_hex(id_of("mine"));
  EXPECT_EQ(text("mine", fetch), "allowed: all.example mine.example");
  ASSERT_TRUE(install("yours", {}, "yours"));
  caf::anon_send(pool_, UninstallFunction{id_of("mine")});
  EXPECT_EQ(text("yours", fetch), "allowed: all.example mine.example") << "one process";
}

TEST_F(FunctionFlows, AHostReadsOnWhatFunctionsThatItCalledAnswer) {
  start_hostile();
  InstallFunction mine{"mine", id_of("mine"), std::make_shared<const Bytes>(to_bytes("mine")), {}};
  bundle::Settings settings;
  settings.functions["OTHER"] = "other";
  mine.settings = std::make_shared<const bundle::Settings>(settings);
  ASSERT_TRUE(world_.ask<caf::unit_t>(pool_, mine));
  EXPECT_EQ(text("mine", "pull 77"), "not_found: no such body, or it is over");
  EXPECT_EQ(text("mine", "fn/other"), "begun");
  EXPECT_EQ(text("mine", "pull 77"), "secret");
}

/// Real processes, and a hub that tells what it was offered first and that this ended.
class OfferedFlows : public PoolTest {
 protected:
  void start_with(const std::function<void(WorkerPoolOptions&)>& change) {
    WorkerPoolOptions options = pool_options(1);
    options.flows = hub_ = world_.caf().spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](const OfferFlow& offer) { offered_.set_value(offer); },
              [this](const EndFlow& over) { ended_.set_value(over.flow); },
              [](const LeaveFlow&) {}};
    });
    change(options);
    pool_ = spawn_worker_pool(options);
  }
  void TearDown() override {
    PoolTest::TearDown();
    world_.stop(hub_);
  }
  std::string text_for(const std::string& owner, const std::string& source) {
    const CodeId id = id_of(owner + source);
    const auto installed = world_.ask<caf::unit_t>(
        pool_,
        InstallFunction{owner, id, std::make_shared<const Bytes>(to_bytes(source)), {}, owner});
    if (!installed) return installed.error().text();
    return text_of(world_.ask<wire::Msg<schema::Outcome>>(pool_, CallFunction{id, invoke()}));
  }
  OfferFlow offered() {
    auto offered = offered_.get_future();
    EXPECT_EQ(offered.wait_for(kDeadline), std::future_status::ready);
    return offered.get();
  }
  const std::string endless_ = handler(
      "return new Response(new ReadableStream({ async pull(c) {"
      "await new Promise((done) => setTimeout(done, 1)); c.enqueue(new Uint8Array(10)); } }));");
  std::promise<OfferFlow> offered_;
  std::promise<FlowId> ended_;
  caf::actor hub_;
};

/// Whoever reads may be gone without a word: its place was kept until the process ended.
TEST_F(OfferedFlows, RegressABodyThatNobodyReadsAnyMoreIsEnded) {
  start_with([](WorkerPoolOptions& options) { options.unread_max = 50ms; });
  text_for("ada", endless_);
  auto ended = ended_.get_future();
  ASSERT_EQ(ended.wait_for(kDeadline), std::future_status::ready);
  const OfferFlow offer = offered();
  EXPECT_EQ(ended.get(), offer.flow);
  EXPECT_FALSE(world_.ask<BodyPartMsg>(offer.source, TakePart{offer.flow}));
}

/// Its last call was the oldest, so it was ended in the middle of its answer.
TEST_F(OfferedFlows, RegressAProcessThatStreamsIsTheLastOneToBeStartedAnew) {
  start_with([](WorkerPoolOptions& options) { options.spare = 1; });
  worker(1);
  text_for("ada", endless_);
  const OfferFlow offer = offered();
  for (const char* owner : {"bob", "carl", "dora"})
    EXPECT_EQ(text_for(owner, handler("return new Response('here');")), "here");
  const auto part = world_.ask<BodyPartMsg>(offer.source, TakePart{offer.flow});
  ASSERT_TRUE(part) << part.error().text();
  EXPECT_EQ(decode_part(*part)->kind, js::Part::Kind::bytes);
}

TEST(FlowCodec, AdversaryPartsAreBoundedAndKnown) {
  const auto part = decode_part(encode_part(js::Part::Kind::close, as_bytes("why"), 1000));
  ASSERT_TRUE(part);
  EXPECT_EQ(part->code, 1000);
  EXPECT_EQ(as_text(part->data), "why");
  EXPECT_EQ(decode_part(encode_part(static_cast<js::Part::Kind>(5), {})).error().code,
            Code::malformed);
  EXPECT_EQ(decode_part(encode_part(js::Part::Kind::bytes, Bytes(kPartBytesMax + 1))).error().code,
            Code::too_large);
  EXPECT_EQ(*decode_pull(encode_pull(7, TimePoint::max())), 7u);
  EXPECT_EQ(*decode_drop_flow(encode_drop_flow(7)), 7u);
}

}  // namespace
}  // namespace themis
