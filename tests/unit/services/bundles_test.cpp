// Bundles on their way through function services: secrets, cron lines, queues.
#include "actors/queues/queue_types.hpp"
#include "tests/unit/services/function_service_fixture.hpp"

namespace themis::testing {
namespace {

/// Time that goes twenty times as fast as the machine's. Any thread.
class FastClock final : public Clock {
 public:
  TimePoint now() const override { return TimePoint(std::chrono::milliseconds(wall_ms())); }
  int64_t wall_ms() const override {
    return 1'795'255'200'000 + 20 * to_ms(std::chrono::steady_clock::now() - start_);
  }

 private:
  const TimePoint start_ = std::chrono::steady_clock::now();
};

bundle::Bundle bundle_of(const std::string& source) {
  bundle::Bundle code;
  code.main = "f.js";
  code.modules = {{"f.js", bundle::ModuleKind::es, to_bytes(source)}};
  return code;
}

class BundlesTest : public FunctionServiceTest {
 protected:
  Result<DeployedFunction> deploy_bundle(const std::string& name, const bundle::Bundle& code,
                                         bundle::SharedKey key = {}) {
    DeployFunction order = deployment(name, as_text(*bundle::encode(code)));
    order.key = std::move(key);
    return ask<DeployedFunction>(system_, nodes_[0]->functions, order);
  }
  uint64_t woken() {
    uint64_t all = 0;
    for (size_t i = 0; i < nodes_.size(); ++i) all += counts(i).woken;
    return all;
  }
  FastClock clock_;
};

TEST_F(BundlesTest, AreTakenSealedOrNotAtAll) {
  start(1);
  bundle::Bundle code = bundle_of("1");
  code.settings.secrets["KEY"] = "s";
  const auto plain = deploy_bundle("f", code);
  ASSERT_FALSE(plain);
  EXPECT_EQ(plain.error().code, Code::invalid);
  const bundle::SharedKey key = *bundle::SharedKey::from(Bytes(32));
  bundle::seal_secrets(code.settings, *key.get());
  EXPECT_EQ(deploy_bundle("f", code).error().code, Code::invalid) << "without its key";
  EXPECT_TRUE(deploy_bundle("f", code, key));
  EXPECT_EQ(deploy_bundle("g", bundle_of("1"), key).error().code, Code::invalid)
      << "a key of nothing";
  EXPECT_EQ(ask<DeployedFunction>(system_, nodes_[0]->functions,
                                  deployment("h", std::string("\0THEMIS1 no", 11)))
                .error()
                .code,
            Code::invalid);
}

TEST_F(BundlesTest, ACronLineWakesOneOfTheNodesOnce) {
  nodes_ = start_mesh(system_, 3, true, {.clock = &clock_});
  bundle::Bundle code = bundle_of("1");
  code.settings.crons = {"* * * * *"};
  ASSERT_TRUE(deploy_bundle("f", code));
  const int64_t start = clock_.wall_ms() / 60'000;
  EXPECT_TRUE(eventually([&] { return woken() >= 3; }));
  const uint64_t times = woken();
  EXPECT_LE(times, static_cast<uint64_t>(clock_.wall_ms() / 60'000 - start));
  size_t awake = 0;
  for (size_t i = 0; i < nodes_.size(); ++i) awake += counts(i).woken > 0 ? 1 : 0;
  EXPECT_EQ(awake, 1u) << "the ring says which one";
}

/// Whose turn it was ran a canary, which has no clock.
TEST_F(BundlesTest, RegressACronLineWakesTheFunctionWhenACanaryIsNearer) {
  nodes_ = start_mesh(system_, 4, true, {.clock = &clock_});
  std::string name;
  NodeId free;  // where the canary will be
  for (int i = 0;
       i < 100 && woken_node(name, {nodes_[1]->id(), nodes_[2]->id(), nodes_[3]->id()}) != free;
       ++i) {
    name = "f" + std::to_string(i);
    ASSERT_TRUE(deploy(name, "1"));
    for (size_t at = 1; at < 4; ++at)
      if (!is_hosted_on(name, at)) free = nodes_[at]->id();
  }
  bundle::Bundle code = bundle_of("1");
  code.settings.crons = {"* * * * *"};
  ASSERT_TRUE(deploy_bundle(name, code));
  DeployFunction canary = deployment(name, as_text(*bundle::encode(bundle_of("2"))));
  canary.canary.percent = 10;
  ASSERT_TRUE(ask<DeployedFunction>(system_, nodes_[0]->functions, canary));
  const uint64_t before = woken();
  EXPECT_TRUE(eventually([&] { return woken() > before + 1; }));
}

TEST_F(BundlesTest, AConsumerIsFoundUnderItsQueueUntilItGoes) {
  start(2);
  bundle::Bundle code = bundle_of("1");
  code.settings.consumers["jobs"] = {.batch = 5, .retries = 1, .delay_s = 0, .dead_queue = "dead"};
  ASSERT_TRUE(deploy_bundle("f", code));
  const auto found = [&] {
    return ask<ring::Records>(system_, nodes_[1]->node(), FindName{ring_name_of_queue("jobs")});
  };
  EXPECT_TRUE(eventually([&] { return found().has_value(); }));
  const auto record = decode_consumer(found()->front().payload);
  ASSERT_TRUE(record) << record.error().text();
  EXPECT_EQ(*record, (ConsumerRecord{"f", 1, code.settings.consumers["jobs"]}));
  code.settings.consumers.clear();
  ASSERT_TRUE(deploy_bundle("f", code));
  EXPECT_TRUE(eventually([&] { return !found(); })) << "the new version takes none";
}

TEST(WokenNode, IsTheSameWhoeverAsks) {
  std::vector<NodeId> nodes(5);
  for (size_t i = 0; i < nodes.size(); ++i) nodes[i].bytes.fill(static_cast<std::byte>(40 * i));
  const NodeId chosen = woken_node("f", nodes);
  std::ranges::reverse(nodes);
  EXPECT_EQ(woken_node("f", nodes), chosen);
  std::erase(nodes, chosen);
  EXPECT_NE(woken_node("f", nodes), chosen);
}

}  // namespace
}  // namespace themis::testing
