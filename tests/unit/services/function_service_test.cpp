#include "tests/unit/services/function_service_fixture.hpp"

namespace themis {
namespace {

using testing::ask;
using testing::deployment;
using testing::FunctionServiceTest;
using testing::MeshNode;
using testing::order;

TEST_F(FunctionServiceTest, PlacesOnOtherNodesAndRunsThere) {
  start(3);
  const auto deployed = deploy("f", "hello");
  ASSERT_TRUE(deployed) << deployed.error().text();
  EXPECT_EQ(deployed->id, crypto::blake2b(as_bytes("hello")));
  EXPECT_EQ(deployed->version, 1u);
  EXPECT_EQ(counts(0).hosted, 0u) << "not on the node that took it";
  EXPECT_EQ(counts(1).hosted, 1u);
  EXPECT_EQ(counts(2).hosted, 1u);
  EXPECT_EQ(counts(1).fetched, 1u);
  EXPECT_EQ(answer(0, 1, "f"), "hello GET http://h/ ");
  EXPECT_EQ(answer(1, 2, "f"), "hello GET http://h/ ");
  EXPECT_EQ(answer(1, 0, "f"), "not_found: \"f\" does not run here");
  const auto seen = describe("f", 2);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->instances.size(), 2u);
  EXPECT_EQ(seen->version, 1u);
}

TEST_F(FunctionServiceTest, AloneItHostsItself) {
  start(1);
  ASSERT_TRUE(deploy("f", "hello"));
  EXPECT_EQ(answer(0, 0, "f"), "hello GET http://h/ ");
}

TEST_F(FunctionServiceTest, WithoutAnyWorkerNobodyHosts) {
  start(1, false);
  const auto deployed = deploy("f", "hello");
  ASSERT_FALSE(deployed);
  EXPECT_EQ(deployed.error().code, Code::unavailable);
  EXPECT_EQ(counts(0).deployed, 0u);
  EXPECT_EQ(describe("f").error().code, Code::not_found);
}

TEST_F(FunctionServiceTest, ASyntaxErrorReachesTheDeployerAndLeavesTheOldVersion) {
  start(2);
  ASSERT_TRUE(deploy("f", "one"));
  const auto broken = deploy("f", "syntax");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, Code::syntax);
  EXPECT_EQ(broken.error().detail, "function:3:7: Unexpected token '}'");
  EXPECT_EQ(answer(0, 1, "f"), "one GET http://h/ ");
  EXPECT_EQ(describe("f")->version, 1u);
}

/// It was looked after by nobody: the version that one node had taken counted as somebody else's.
TEST_F(FunctionServiceTest, RegressADeploymentThatOneNodeRefusedLeavesTheOldVersion) {
  start(3);
  ASSERT_TRUE(deploy("f", "one"));
  caf::anon_send(nodes_[2]->workers, caf::add_atom::value);
  const auto refused = deploy("f", "picky");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::syntax);
  // Looks go on until the node that took the refused version is back at the old one.
  for (int i = 0; i < 200 && answer(0, 1, "f") != "one GET http://h/ "; ++i)
    order(system_, nodes_[0]->functions, EnsureFunction{"f"});
  EXPECT_EQ(answer(0, 1, "f"), "one GET http://h/ ");
  EXPECT_EQ(answer(0, 2, "f"), "one GET http://h/ ");
  EXPECT_EQ(counts(0).deployed, 1u);
  const auto next = deploy("f", "two");
  ASSERT_TRUE(next);
  EXPECT_EQ(next->version, 3u) << "a number is never used twice";
  EXPECT_TRUE(order(system_, nodes_[0]->functions, RemoveFunction{"f"}));
}

TEST_F(FunctionServiceTest, ANewVersionReplacesTheOldOnEveryInstance) {
  start(3);
  ASSERT_TRUE(deploy("f", "one"));
  const auto second = deploy("f", "two");
  ASSERT_TRUE(second);
  EXPECT_EQ(second->version, 2u);
  EXPECT_EQ(answer(0, 1, "f"), "two GET http://h/ ");
  EXPECT_EQ(answer(0, 2, "f"), "two GET http://h/ ");
}

TEST_F(FunctionServiceTest, RemoveStopsEveryInstance) {
  start(3);
  ASSERT_TRUE(deploy("f", "one"));
  ASSERT_TRUE(order(system_, nodes_[0]->functions, RemoveFunction{"f"}));
  EXPECT_EQ(order(system_, nodes_[0]->functions, RemoveFunction{"f"}).error().code,
            Code::not_found);
  for (size_t at : {1u, 2u}) {
    // Unhost is on its way; it comes before anything else that is asked on the same session.
    const auto gone = invoke(0, at, "f");
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().code, Code::not_found);
  }
  EXPECT_TRUE(ask<FunctionList>(system_, nodes_[0]->functions, ListFunctions{})->functions.empty());
}

TEST_F(FunctionServiceTest, RefusesWhatIsNoDeployment) {
  start(1);
  const auto code_of = [&](const DeployFunction& wrong) {
    return ask<DeployedFunction>(system_, nodes_[0]->functions, wrong).error().code;
  };
  EXPECT_EQ(code_of(deployment("Not A Name", "x")), Code::invalid);
  EXPECT_EQ(code_of(deployment("f", "")), Code::invalid);
  EXPECT_EQ(code_of(deployment("f", "x", 0)), Code::invalid);
  EXPECT_EQ(code_of(deployment("f", "x", kInstancesMax + 1)), Code::invalid);
  EXPECT_EQ(code_of(deployment("f", std::string(kSourceBytesMax + 1, 'x'))), Code::too_large);
}

TEST_F(FunctionServiceTest, PlacesAnewWhenAnInstanceIsLost) {
  start(4);
  ASSERT_TRUE(deploy("f", "one"));
  size_t victim = 1;
  while (!is_hosted_on("f", victim)) ++victim;
  nodes_[victim]->crash();
  // The ring may still repair itself; each look places what is missing then.
  Status looked = fail(Code::unavailable, "");
  size_t alive = 0;
  for (int look = 0; look < 50 && alive < 2; ++look) {
    looked = order(system_, nodes_[0]->functions, EnsureFunction{"f"});
    alive = 0;
    for (size_t at = 0; at < 4; ++at)
      if (at != victim && invoke(at, at, "f")) ++alive;
  }
  EXPECT_TRUE(looked);
  EXPECT_EQ(alive, 2u);
}

TEST_F(FunctionServiceTest, ItsOwnInstanceGoesWhenOthersCanTakeIt) {
  start(1);
  ASSERT_TRUE(deploy("f", "one", 1));
  EXPECT_EQ(counts(0).hosted, 1u);
  MeshNode::Options options;
  options.bootstrap.push_back(nodes_[0]->address());
  nodes_.push_back(std::make_unique<MeshNode>(system_, options));
  ASSERT_TRUE(nodes_[1]->wait_joined(2));
  ASSERT_TRUE(nodes_[0]->wait_joined(2));
  // The ring may still be settling; each look moves what it can.
  for (int look = 0; look < 50 && counts(0).hosted > 0; ++look)
    EXPECT_TRUE(order(system_, nodes_[0]->functions, EnsureFunction{"f"}));
  EXPECT_EQ(answer(0, 1, "f"), "one GET http://h/ ");
  EXPECT_EQ(counts(0).hosted, 0u);
}

TEST_F(FunctionServiceTest, HostedAndDeployedFunctionsAreBackAfterARestart) {
  storage::TemporaryDirectory data;
  MeshNode::Options options;
  options.data = data.path();
  nodes_.push_back(std::make_unique<MeshNode>(system_, options));
  ASSERT_TRUE(nodes_[0]->wait_joined(1));
  ASSERT_TRUE(deploy("f", "one", 1));
  nodes_.clear();
  nodes_.push_back(std::make_unique<MeshNode>(system_, options));
  ASSERT_TRUE(nodes_[0]->wait_joined(1));
  ASSERT_TRUE(order(system_, nodes_[0]->functions, EnsureFunction{"f"}));
  EXPECT_EQ(answer(0, 0, "f"), "one GET http://h/ ");
  EXPECT_EQ(counts(0).deployed, 1u);
  EXPECT_EQ(describe("f")->version, 1u);
}

TEST_F(FunctionServiceTest, TheNewestDeploymentLooksAfterAFunction) {
  start(3);
  ASSERT_TRUE(deploy("f", "one"));
  const auto second = ask<DeployedFunction>(system_, nodes_[1]->functions, deployment("f", "two"));
  ASSERT_TRUE(second);
  EXPECT_EQ(second->version, 2u);
  const Status old = order(system_, nodes_[0]->functions, EnsureFunction{"f"});
  ASSERT_FALSE(old);
  EXPECT_EQ(old.error().code, Code::not_found);
  EXPECT_EQ(counts(0).deployed, 0u);
  EXPECT_EQ(counts(1).deployed, 1u);
}

TEST_F(FunctionServiceTest, AdversaryPeerCannotMakeItHostAForgedCode) {
  start(2);
  auto proxy =
      ask<caf::actor>(system_, nodes_[1]->node(),
                      ReachActor{nodes_[0]->contact(), Exports::target_of(kFunctionsActorName)});
  ASSERT_TRUE(proxy);
  // Nobody has this code, the asker included.
  const HostedRow row{"evil", {1, crypto::blake2b(as_bytes("nowhere"))}};
  const auto refused = ask<AckMsg>(system_, *proxy, encode_host(row, TimePoint::max()));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::unavailable);
  EXPECT_EQ(counts(0).hosted, 0u);
}

TEST_F(FunctionServiceTest, AdversaryMalformedMessagesAreRefused) {
  start(2);
  auto proxy =
      ask<caf::actor>(system_, nodes_[1]->node(),
                      ReachActor{nodes_[0]->contact(), Exports::target_of(kFunctionsActorName)});
  ASSERT_TRUE(proxy);
  wire::Builder<schema::FetchCode> fetch;
  EXPECT_EQ(ask<CodeBlobMsg>(system_, *proxy, fetch.finish()).error().code, Code::malformed);
  wire::Builder<schema::Invoke> invoke;
  invoke->setFunction("no/such");
  EXPECT_EQ(ask<OutcomeMsg>(system_, *proxy, invoke.finish()).error().code, Code::malformed);
  const FetchCodeMsg unknown = encode_fetch(crypto::blake2b(as_bytes("?")), TimePoint::max());
  EXPECT_EQ(ask<CodeBlobMsg>(system_, *proxy, unknown).error().code, Code::not_found);
}

}  // namespace
}  // namespace themis
