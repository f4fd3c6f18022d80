// Deployments that are cut short, and operations that follow each other at once.
#include "tests/unit/services/function_service_fixture.hpp"

namespace themis {
namespace {

using testing::ask;
using testing::deployment;
using testing::FunctionServiceTest;
using testing::MeshNode;
using testing::order;

class DeploymentTest : public FunctionServiceTest {
 protected:
  /// Three nodes; what the first one knows outlives it.
  void start_kept() {
    MeshNode::Options options;
    options.data = data_.path();
    nodes_.push_back(std::make_unique<MeshNode>(system_, options));
    options = {};
    options.bootstrap.push_back(nodes_[0]->address());
    for (int i = 0; i < 2; ++i) nodes_.push_back(std::make_unique<MeshNode>(system_, options));
    for (const auto& node : nodes_) ASSERT_TRUE(node->wait_joined(3));
  }
  /// The first node is killed once the second one runs "slow", which the third one holds up; then
  /// it is started again, and the third one is through with it.
  void kill_in_the_middle_of(const std::string& name) {
    caf::anon_send(nodes_[2]->workers, caf::add_atom::value);
    auto pending = std::async(std::launch::async, [&] { return deploy(name, "slow"); });
    ASSERT_TRUE(eventually([&] { return answer(1, 1, name) == "slow GET http://h/ "; }));
    ASSERT_TRUE(eventually([&] {
      return ask<size_t>(system_, nodes_[2]->workers, caf::get_atom::value).value() == 1;
    }));
    // First of all who could still acknowledge it.
    nodes_[0]->end(nodes_[0]->functions);
    nodes_[0]->crash();
    const auto outcome = pending.get();
    ASSERT_FALSE(outcome) << "it was not acknowledged";
    MeshNode::Options options;
    options.data = data_.path();
    options.bootstrap.push_back(nodes_[1]->address());
    nodes_[0] = std::make_unique<MeshNode>(system_, options);
    ASSERT_TRUE(nodes_[0]->wait_joined(2));
    caf::anon_send(nodes_[2]->workers, caf::ok_atom::value);
    ASSERT_TRUE(eventually([&] { return answer(2, 2, name) == "slow GET http://h/ "; }));
  }

  storage::TemporaryDirectory data_;
};

/// The owner took the version that it had begun itself for somebody else's, and let go of the
/// function.
TEST_F(DeploymentTest, RegressAnOwnerKilledInARedeployIsBackWithTheAcknowledgedVersion) {
  start_kept();
  ASSERT_TRUE(deploy("f", "one"));
  kill_in_the_middle_of("f");
  if (HasFatalFailure()) return;
  EXPECT_TRUE(eventually([&] {
    order(system_, nodes_[0]->functions, EnsureFunction{"f"});
    return answer(0, 1, "f") == "one GET http://h/ " && answer(0, 2, "f") == "one GET http://h/ ";
  })) << answer(0, 1, "f")
      << ", " << answer(0, 2, "f");
  ASSERT_EQ(counts(0).deployed, 1u);
  EXPECT_EQ(ask<FunctionList>(system_, nodes_[0]->functions, ListFunctions{})->functions[0].version,
            1u);
  const auto next = deploy("f", "two");
  ASSERT_TRUE(next) << next.error().text();
  EXPECT_EQ(next->version, 3u) << "a number is never used twice";
  EXPECT_EQ(answer(0, 1, "f"), "two GET http://h/ ");
}

/// Its instances went on answering, looked after by nobody.
TEST_F(DeploymentTest, RegressAFirstDeploymentThatWasCutShortIsWithdrawn) {
  start_kept();
  kill_in_the_middle_of("f");
  if (HasFatalFailure()) return;
  EXPECT_TRUE(eventually([&] {
    order(system_, nodes_[0]->functions, EnsureFunction{"f"});
    return counts(1).hosted + counts(2).hosted == 0;
  }));
  EXPECT_EQ(counts(0).deployed, 0u);
  ASSERT_TRUE(deploy("f", "one"));
  EXPECT_EQ(answer(0, 1, "f"), "one GET http://h/ ");
}

/// The instance that was let go took the code along that had just been put again.
TEST_F(DeploymentTest, RegressADeploymentRightAfterARemoveIsNotUndoneByIt) {
  start(1);
  ASSERT_TRUE(deploy("f", "one", 1));
  caf::anon_send(nodes_[0]->functions, RemoveFunction{"f"});
  const auto again = deploy("f", "one", 1);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(answer(0, 0, "f"), "one GET http://h/ ");
  EXPECT_TRUE(order(system_, nodes_[0]->functions, EnsureFunction{"f"}));
  EXPECT_EQ(counts(0).hosted, 1u);
}

TEST_F(DeploymentTest, RollsBackOnEveryNodeAndForward) {
  start(3);
  for (const char* source : {"one", "two", "three"}) ASSERT_TRUE(deploy("f", source));
  const auto roll_back = [&](std::optional<uint32_t> to) {
    return ask<DeployedFunction>(system_, nodes_[0]->functions, RollBack{"f", to});
  };
  const auto runs = [&](const std::string& body) {
    return answer(0, 1, "f") == body && answer(0, 2, "f") == body;
  };
  auto back = roll_back(1);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(back->version, 4u);
  EXPECT_EQ(back->restores, 1u);
  EXPECT_TRUE(runs("one GET http://h/ "));
  back = roll_back({});
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(back->restores, 3u) << "what ran before";
  EXPECT_TRUE(runs("three GET http://h/ "));
  EXPECT_EQ(roll_back({})->restores, 1u) << "of a version that restores another it is that one";
  const auto list = ask<VersionList>(system_, nodes_[0]->functions, ListVersions{"f"});
  ASSERT_TRUE(list);
  EXPECT_EQ(list->versions.size(), 6u);
  EXPECT_EQ(list->versions[0].restores, 1u);
  EXPECT_EQ(roll_back(77).error().code, Code::not_found);
  EXPECT_EQ(ask<VersionList>(system_, nodes_[1]->functions, ListVersions{"f"}).error().code,
            Code::not_found)
      << "not deployed there";
  ASSERT_TRUE(order(system_, nodes_[0]->functions, RemoveFunction{"f"}));
  EXPECT_EQ(roll_back(1).error().code, Code::not_found);
}

/// As after a restart: the ring did not know the other nodes yet.
TEST_F(DeploymentTest, RegressOneThatFoundTooFewNodesIsLookedAtSoonAgain) {
  start(1);
  ASSERT_TRUE(deploy("f", "one", 2));
  EXPECT_EQ(describe("f")->instances.size(), 1u);
  const auto begin = std::chrono::steady_clock::now();
  MeshNode::Options options;
  options.bootstrap.push_back(nodes_[0]->address());
  nodes_.push_back(std::make_unique<MeshNode>(system_, options));
  EXPECT_TRUE(eventually([&] { return is_hosted_on("f", 1); }));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 4s) << "not with the look of all, after 5 s";
}

/// A canary, and its version before.
class CanaryTest : public DeploymentTest {
 protected:
  Result<DeployedFunction> deploy_canary(const std::string& source, uint32_t percent = 10) {
    DeployFunction order = deployment("f", source, 2);
    order.canary.percent = percent;
    return ask<DeployedFunction>(system_, nodes_[0]->functions, order);
  }
  Result<DeployedFunction> end_canary(bool promote) {
    return ask<DeployedFunction>(system_, nodes_[0]->functions, EndCanary{"f", promote});
  }
  /// What the canary on a node answers, or the error's text.
  std::string canary_answer(size_t at) {
    auto door =
        ask<caf::actor>(system_, nodes_[0]->node(),
                        ReachActor{nodes_[at]->contact(), Exports::target_of(kCanariesActorName)});
    if (!door) return door.error().text();
    wire::Builder<schema::Invoke> call;
    call->setFunction("f");
    call->setMethod("GET");
    call->setUrl("http://h/");
    const auto outcome = ask<OutcomeMsg>(system_, *door, call.finish());
    if (!outcome) return outcome.error().text();
    return std::string(as_text(wire::bytes_of(outcome->view()->getBody())));
  }
  /// How many nodes run which version, as they say themselves.
  std::map<std::string, int> running() {
    std::map<std::string, int> all;
    for (size_t at = 0; at < nodes_.size(); ++at) {
      ++all[answer(0, at, "f").substr(0, 3)];
      ++all[canary_answer(at).substr(0, 3)];
    }
    return all;
  }
  /// What the ring says of the only node that runs it.
  ring::Record record() {
    const auto records =
        ask<ring::Records>(system_, nodes_[0]->node(), FindName{ring_name_of_function("f")});
    return records && records->size() == 1 ? records->front() : ring::Record{};
  }
};

TEST_F(CanaryTest, RunsOnOneNodeBesideTheVersionBeforeUntilItIsPromoted) {
  start(4);
  ASSERT_TRUE(deploy("f", "one"));
  const auto canary = deploy_canary("two");
  ASSERT_TRUE(canary) << canary.error().text();
  EXPECT_EQ(canary->version, 2u);
  EXPECT_EQ(canary->canary.percent, 10u);
  EXPECT_EQ(running()["one"], 2);
  EXPECT_EQ(running()["two"], 1);
  ASSERT_TRUE(order(system_, nodes_[0]->functions, EnsureFunction{"f"})) << "a look leaves it";
  EXPECT_EQ(running()["one"], 2);
  EXPECT_EQ(running()["two"], 1);
  EXPECT_EQ(deploy("f", "three").error().code, Code::exists);
  EXPECT_EQ(deploy_canary("three").error().code, Code::exists);
  const auto list = ask<VersionList>(system_, nodes_[0]->functions, ListVersions{"f"});
  ASSERT_TRUE(list && list->canary);
  EXPECT_EQ(list->canary->version, 2u);
  EXPECT_EQ(list->versions.front().version.number, 1u);
  const auto promoted = end_canary(true);
  ASSERT_TRUE(promoted) << promoted.error().text();
  EXPECT_EQ(promoted->id, canary->id);
  EXPECT_EQ(running()["one"], 0);
  EXPECT_TRUE(eventually([&] { return running()["two"] == 2; }));
  EXPECT_EQ(end_canary(true).error().code, Code::not_found);
}

TEST_F(CanaryTest, IsLetGoWhenItIsAborted) {
  start(3);
  ASSERT_TRUE(deploy("f", "one"));
  ASSERT_TRUE(deploy_canary("two"));
  const auto back = end_canary(false);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(back->version, 1u);
  EXPECT_TRUE(eventually([&] { return running()["two"] == 0 && running()["one"] == 2; }));
  EXPECT_EQ(end_canary(false).error().code, Code::not_found);
  const auto next = deploy("f", "three");
  ASSERT_TRUE(next) << next.error().text();
  EXPECT_EQ(next->version, 3u);
}

TEST_F(CanaryTest, RunsBesideAnInstanceWhenThereIsNoOtherNode) {
  start(2);
  ASSERT_TRUE(deploy("f", "one"));
  ASSERT_TRUE(deploy_canary("two"));
  EXPECT_EQ(running()["one"], 2);
  EXPECT_EQ(running()["two"], 1);
  ASSERT_TRUE(order(system_, nodes_[0]->functions, EnsureFunction{"f"})) << "a look leaves it";
  EXPECT_EQ(running()["one"], 2);
  EXPECT_EQ(running()["two"], 1);
  ASSERT_TRUE(end_canary(false));
  EXPECT_TRUE(eventually([&] { return running()["one"] == 2; }));
}

TEST_F(CanaryTest, NeedsSomethingToRunBeside) {
  start(1);
  EXPECT_EQ(deploy_canary("two").error().code, Code::not_found);
  ASSERT_TRUE(deploy("f", "one"));
  EXPECT_EQ(deploy_canary("two", 51).error().code, Code::invalid);
  EXPECT_EQ(end_canary(true).error().code, Code::not_found);
  DeployFunction split = deployment("f", "two", 2);
  split.canary.sticky = mesh::Sticky{.name = "x-user"};
  EXPECT_EQ(ask<DeployedFunction>(system_, nodes_[0]->functions, split).error().code, Code::invalid)
      << "without a canary";
}

TEST_F(CanaryTest, RunsBesideTheVersionBeforeOnASingleNode) {
  start(1);
  ASSERT_TRUE(deploy("f", "one", 1));
  EXPECT_EQ(canary_answer(0), "not_found: \"f\" does not run here");
  DeployFunction canary = deployment("f", "two", 1);
  canary.canary = {20, mesh::Sticky{.is_cookie = true, .name = "id"}};
  ASSERT_TRUE(ask<DeployedFunction>(system_, nodes_[0]->functions, canary));
  EXPECT_EQ(answer(0, 0, "f"), "one GET http://h/ ");
  EXPECT_EQ(canary_answer(0), "two GET http://h/ ");
  EXPECT_EQ(record().version, "1");
  EXPECT_EQ(record().labels,
            (ring::Labels{{"canary", "20"}, {"canary-version", "2"}, {"sticky", "cookie:id"}}));
  EXPECT_EQ(describe("f")->version, 1u);
  EXPECT_EQ(counts(0).hosted, 2u);
  ASSERT_TRUE(end_canary(false));
  EXPECT_TRUE(eventually([&] { return record().labels.empty(); }));
  EXPECT_EQ(answer(0, 0, "f"), "one GET http://h/ ");
  EXPECT_EQ(canary_answer(0), "not_found: \"f\" does not run here");
  ASSERT_TRUE(deploy_canary("three"));
  const auto promoted = end_canary(true);
  ASSERT_TRUE(promoted) << promoted.error().text();
  EXPECT_EQ(answer(0, 0, "f"), "three GET http://h/ ");
  EXPECT_TRUE(eventually([&] { return record().labels.empty() && counts(0).hosted == 1; }));
  EXPECT_EQ(record().version, std::to_string(promoted->version));
  ASSERT_TRUE(deploy_canary("four"));
  ASSERT_TRUE(order(system_, nodes_[0]->functions, RemoveFunction{"f"}));
  EXPECT_EQ(counts(0).hosted, 0u) << "with its canary";
  EXPECT_TRUE(eventually([&] { return record().version.empty(); }));
}

TEST_F(CanaryTest, OfASingleNodeIsGoneWhenTheNodeStartsAgain) {
  MeshNode::Options options;
  options.data = data_.path();
  nodes_.push_back(std::make_unique<MeshNode>(system_, options));
  ASSERT_TRUE(nodes_[0]->wait_joined(1));
  ASSERT_TRUE(deploy("f", "one", 1));
  ASSERT_TRUE(deploy_canary("two"));
  nodes_[0]->end(nodes_[0]->functions);
  nodes_[0]->crash();
  nodes_[0] = std::make_unique<MeshNode>(system_, options);
  EXPECT_TRUE(eventually([&] { return answer(0, 0, "f") == "one GET http://h/ "; }));
  EXPECT_EQ(canary_answer(0), "not_found: \"f\" does not run here");
  EXPECT_TRUE(eventually([&] { return record().labels.empty() && record().version == "1"; }));
}

TEST_F(DeploymentTest, SaysWhatItsFunctionsTake) {
  start(1);
  ASSERT_TRUE(deploy("f", "one", 1));
  ASSERT_TRUE(deploy("g", "two", 1));
  const auto measure = [&](const std::vector<std::string>& names) {
    const auto told = ask<FunctionsMeasuredMsg>(system_, nodes_[0]->functions,
                                                encode_measure(names, TimePoint::max()));
    return told ? decode_measured(*told) : fail(told.error());
  };
  const auto both = measure({"g", "other", "f"});
  ASSERT_TRUE(both) << both.error().text();
  EXPECT_EQ(*both, (std::vector<RunningFunction>{{"g", 1, 1, 1024}, {"f", 1, 1, 1024}}));
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(measure({"f"}));
  const auto looks = ask<size_t>(system_, nodes_[0]->workers, caf::sys_atom::value);
  EXPECT_LE(*looks, 10u) << "the processes are asked once a second, however many ask";
}

TEST_F(CanaryTest, IsLetGoWhenTheNodeThatTookItStartsAgain) {
  start_kept();
  ASSERT_TRUE(deploy("f", "one", 1));
  ASSERT_TRUE(deploy_canary("two"));
  EXPECT_EQ(running()["two"], 1);
  nodes_[0]->end(nodes_[0]->functions);
  nodes_[0]->crash();
  MeshNode::Options options;
  options.data = data_.path();
  options.bootstrap.push_back(nodes_[1]->address());
  nodes_[0] = std::make_unique<MeshNode>(system_, options);
  ASSERT_TRUE(nodes_[0]->wait_joined(2));
  EXPECT_TRUE(eventually([&] {
    order(system_, nodes_[0]->functions, EnsureFunction{"f"});
    auto runs = running();
    return runs["two"] == 0 && runs["one"] >= 1;
  }));
}

TEST_F(CanaryTest, ThatDoesNotCompileChangesNothing) {
  start(3);
  ASSERT_TRUE(deploy("f", "one"));
  EXPECT_EQ(deploy_canary("syntax").error().code, Code::syntax);
  EXPECT_EQ(running()["one"], 2);
  EXPECT_TRUE(deploy_canary("two"));
}

TEST_F(DeploymentTest, AFailedDeploymentLeavesNoCodeBehind) {
  start(1, false);
  EXPECT_FALSE(deploy("f", "one"));
  const FetchCodeMsg fetch = encode_fetch(crypto::blake2b(as_bytes("one")), TimePoint::max());
  EXPECT_EQ(ask<CodeBlobMsg>(system_, nodes_[0]->functions, fetch).error().code, Code::not_found);
}

/// Each one costs up to 1 MB and a place in the store's mailbox.
TEST_F(DeploymentTest, RegressAdversaryMayHaveOnlySoManyCodesOnTheirWay) {
  start(1);
  const FetchCodeMsg fetch = encode_fetch(crypto::blake2b(as_bytes("?")), TimePoint::max());
  constexpr size_t kAsked = 100;
  caf::scoped_actor self{system_.caf()};
  const auto send = [&] { return self->request(nodes_[0]->functions, caf::infinite, fetch); };
  std::vector<decltype(send())> open;
  // From the service's own thread: all of them are there before the store answers the first.
  nodes_[0]->in_loop([&] {
    while (open.size() < kAsked) open.push_back(send());
  });
  std::map<Code, size_t> answers;
  for (auto& one : open)
    one.receive([&](const CodeBlobMsg&) { ADD_FAILURE() << "nobody has this code"; },
                [&](const caf::error& error) { ++answers[from_caf(error).code]; });
  EXPECT_EQ(answers[Code::not_found], FunctionService::kFetchesPerPeerMax);
  EXPECT_EQ(answers[Code::overloaded], kAsked - FunctionService::kFetchesPerPeerMax);
  EXPECT_EQ(ask<CodeBlobMsg>(system_, nodes_[0]->functions, fetch).error().code, Code::not_found)
      << "there is room again";
}

}  // namespace
}  // namespace themis
