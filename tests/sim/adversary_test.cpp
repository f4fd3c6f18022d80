// Lookups and finds in a ring of which a fifth is malicious, over disjoint paths and without them.
#include "tests/sim/figures.hpp"

namespace themis::ring {
namespace {

constexpr double kShare = 0.2;
constexpr size_t kNodes = 300;
constexpr Duration kUnderAttack = 60s;
constexpr size_t kLookups = 1000;

struct Attacked {
  Tally lookups, finds;
};

/// Every node looks up over `paths`. The ring is whole when its colluders begin; the figures are
/// taken after a while, in which lists and fingers have been renewed from their answers.
Attacked attack(uint64_t seed, size_t paths) {
  RingOptions options;
  options.disjoint_paths = paths;
  RingWorld world(seed, kNodes, options);
  settle(world, kNodes);
  Colluders colluders(world.world().rng());
  corrupt(world, colluders, kShare);
  std::map<std::string, NodeId> names;
  for (size_t i = 0; i < kNodes; i += 5) {
    if (colluders.contains(world.node(i).id)) continue;
    const std::string name = "name-" + std::to_string(i);
    names[name] = world.node(i).id;
    world.provide(i, name);
  }
  world.world().run_for(kUnderAttack);
  Lookups lookups(world, &colluders);
  const std::vector<size_t> all = world.members();
  for (size_t n = 0; n < kLookups; ++n) {
    size_t asker = 0;
    do asker = all[world.world().rng().below(all.size())];
    while (colluders.contains(world.node(asker).id));
    lookups.begin(asker);
    world.world().run_for(10ms);
    lookups.collect();
  }
  lookups.run(0, 10ms);
  return {lookups.tally(), find_all(world, names, 3, &colluders)};
}

TEST(AdversaryRing, AFifthOfTheNodesLiesAndLookupsOverDisjointPathsStayRight) {
  const Attacked without = attack(1, 1);
  const Attacked with = attack(1, 4);
  for (const auto& [paths, figures] : {std::pair(1, without), std::pair(4, with)})
    std::printf("%zu nodes, 20 %% of them malicious, d = %d: lookups %s; finds %s\n", kNodes, paths,
                figures.lookups.text().c_str(), figures.finds.text().c_str());
  EXPECT_GE(with.lookups.share(), 0.99);
  EXPECT_GE(with.finds.share(), 0.99);
  EXPECT_LT(without.lookups.share(), 0.9) << "what is withstood here is no attack";
  EXPECT_EQ(with.finds.wrong, 0u) << "a forged record was believed";
}

}  // namespace
}  // namespace themis::ring
