// Far more functions on a node than it may announce one by one. THEMIS_FUNCTIONS=100000 runs them
// with as many; the last one prints the figures.
#include <malloc.h>

#include <cstdlib>

#include "tests/unit/services/function_service_fixture.hpp"

namespace themis::testing {
namespace {

const size_t kFunctions = std::getenv("THEMIS_FUNCTIONS") == nullptr
                              ? 5'000
                              : std::stoul(std::getenv("THEMIS_FUNCTIONS"));

std::string name_of(size_t number) { return "f" + std::to_string(number); }
std::string source_of(size_t number) { return "source" + std::to_string(number); }

class ManyFunctionsTest : public FunctionServiceTest {
 protected:
  /// What a node has on disk that deployed and hosts them all.
  void fill() {
    const auto environment = storage::Environment::open(data_.path(), {.durable = false}).value();
    FunctionStore store = FunctionStore::open(*environment).value();
    for (size_t i = 0; i < kFunctions; ++i) {
      const std::string source = source_of(i);
      const FunctionVersion version{1, crypto::blake2b(as_bytes(source))};
      ASSERT_TRUE(store.save(DeployedRow{name_of(i), version, 1}, as_bytes(source)));
      ASSERT_TRUE(store.save(HostedRow{name_of(i), version}, as_bytes(source)));
    }
  }
  /// Two nodes: the second one has the functions.
  void start_both() {
    nodes_.push_back(std::make_unique<MeshNode>(system_, MeshNode::Options{}));
    MeshNode::Options options;
    options.bootstrap.push_back(nodes_[0]->address());
    options.data = data_.path();
    nodes_.push_back(std::make_unique<MeshNode>(system_, options));
    for (const auto& node : nodes_) ASSERT_TRUE(node->wait_joined(2));
    ASSERT_TRUE(eventually([this] { return counts(1).hosted == kFunctions; }));
  }
  NodeReport report(size_t at) {
    return ask<NodeReport>(system_, nodes_[at]->node(), ReportNode{}).value();
  }
  Result<ring::Records> find(size_t from, const std::string& name) {
    return ask<ring::Records>(system_, nodes_[from]->node(), FindName{ring_name_of_function(name)});
  }
  bool is_found_at(size_t from, const std::string& name, size_t at) {
    const auto records = find(from, name);
    return records && std::ranges::any_of(*records, [&](const ring::Record& record) {
             return record.provider.id == nodes_[at]->id();
           });
  }

  /// Wherever it is now: looks move functions off the node that deployed them.
  bool answers(const std::string& name, const std::string& what) {
    return eventually([&] {
      return answer(0, 1, name) == what + " GET http://h/ " ||
             answer(1, 0, name) == what + " GET http://h/ ";
    });
  }

  storage::TemporaryDirectory data_{storage::memory_path()};
};

TEST_F(ManyFunctionsTest, AreFoundAndRunFromAnyNodeAndCostNothingUntilThen) {
  fill();
  start_both();
  EXPECT_EQ(counts(1).deployed, kFunctions);
  EXPECT_EQ(counts(1).installed, 1u) << "the workers were tried with it";
  EXPECT_LT(report(1).provided, ring::RingLimits::kProvidedMax);
  EXPECT_GE(report(1).listed + report(1).provided, 2 * kFunctions);
  size_t called = 0;
  for (size_t i = 7; i < kFunctions; i += kFunctions / 7, ++called) {
    ASSERT_TRUE(eventually([&] { return is_found_at(0, name_of(i), 1); })) << i;
    EXPECT_EQ(answer(0, 1, name_of(i)), source_of(i) + " GET http://h/ ");
    EXPECT_EQ(answer(0, 1, name_of(i)), source_of(i) + " GET http://h/ ") << "again";
  }
  EXPECT_EQ(counts(1).installed, called + 1);
  EXPECT_EQ(answer(0, 1, "nobody").substr(0, 9), "not_found");
}

TEST_F(ManyFunctionsTest, AreDeployedAndRemovedAsFewAre) {
  fill();
  start_both();
  const auto deploy_at = [this](size_t at, const std::string& name, std::string_view source) {
    return ask<DeployedFunction>(system_, nodes_[at]->functions, deployment(name, source, 1));
  };
  const std::string last = name_of(kFunctions - 1);
  const auto fresh = deploy_at(1, "fresh", "new");
  ASSERT_TRUE(fresh) << fresh.error().text();
  EXPECT_EQ(fresh->version, 1u);
  EXPECT_TRUE(answers("fresh", "new"));
  const auto again = deploy_at(1, last, "newer");
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->version, 2u);
  EXPECT_TRUE(answers(last, "newer"));
  // Through another node, which has to find out whose version is the newest.
  const auto other = deploy_at(0, last, "newest");
  ASSERT_TRUE(other) << other.error().text();
  EXPECT_EQ(other->version, 3u);
  EXPECT_EQ(describe(last, 0)->version, 3u);
  EXPECT_TRUE(answers(last, "newest"));
  ASSERT_TRUE(order(system_, nodes_[1]->functions, RemoveFunction{name_of(4'000)}));
  EXPECT_TRUE(eventually([&] { return !find(0, name_of(4'000)); }));
  for (const size_t at : {0, 1})
    EXPECT_EQ(answer(1 - at, at, name_of(4'000)).substr(0, 9), "not_found");
}

TEST_F(ManyFunctionsTest, CostLittleMemoryAndStartAtOnce) {
  fill();
  nodes_.push_back(std::make_unique<MeshNode>(system_, MeshNode::Options{}));
  MeshNode::Options options;
  options.bootstrap.push_back(nodes_[0]->address());
  options.data = data_.path();
  const auto heap = [] { return static_cast<double>(mallinfo2().uordblks); };
  const auto ms_since = [](TimePoint start) { return to_ms(SystemClock{}.now() - start); };
  const double before = heap();
  const TimePoint start = SystemClock{}.now();
  nodes_.push_back(std::make_unique<MeshNode>(system_, options));
  ASSERT_TRUE(eventually([this] { return counts(1).hosted == kFunctions; }));
  const auto up_ms = ms_since(start);
  ASSERT_TRUE(nodes_[1]->wait_joined(2));
  ASSERT_TRUE(eventually([this] { return is_found_at(0, name_of(kFunctions - 1), 1); }));
  const auto found_ms = ms_since(start);
  const double each = (heap() - before) / static_cast<double>(kFunctions);
  const TimePoint deploying = SystemClock{}.now();
  ASSERT_TRUE(ask<DeployedFunction>(system_, nodes_[1]->functions, deployment("fresh", "new", 1)));
  std::printf(
      "%zu functions: up in %ld ms, found by others in %ld ms, %.0f bytes each, "
      "one more deployed in %ld ms\n",
      kFunctions, static_cast<long>(up_ms), static_cast<long>(found_ms), each,
      static_cast<long>(ms_since(deploying)));
  EXPECT_LT(each, 3'000) << "with what the two nodes need anyhow";
}

TEST_F(ManyFunctionsTest, AreToldPageByPage) {
  fill();
  start_both();
  std::set<std::string> names;
  std::string after;
  do {
    const auto page = ask<FunctionList>(system_, nodes_[1]->functions, ListFunctions{after});
    ASSERT_TRUE(page);
    EXPECT_LE(page->functions.size(), kFunctionsPerListMax);
    for (const FunctionReport& function : page->functions) names.insert(function.name);
    after = page->next;
  } while (!after.empty());
  EXPECT_EQ(names.size(), kFunctions);
}

}  // namespace
}  // namespace themis::testing
