// Each allocation of a store's life fails in turn: what was told before is there, and nothing else
// is certified.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <iostream>

#include "tests/crash/load.hpp"
#include "tests/unit/enclave/allocations.hpp"
#include "tests/unit/enclave/durable_clients.hpp"

namespace themis::tests {
namespace {

/// What a store goes through, and what its callers know of it. Allocates nothing itself.
struct Life {
  static constexpr uint64_t kKeys = 24;
  DurableWorld& world;
  std::array<uint64_t, kKeys> written{}, acknowledged{};
  uint64_t value = 0;

  /// Every way to what is told, and a restart between. False when anything was refused.
  bool run() {
    for (int start = 0; start < 2; ++start) {
      if (!world.open() || !puts(0, 12) || !told(world.store->commit())) return false;
      if (!reads() || !told(world.store->end_epoch()) || !client_calls()) return false;
      if (!puts(6, 18) || !told(world.store->checkpoint())) return false;
      if (!puts(12, kKeys) || !told(world.store->commit())) return false;
    }
    return true;
  }
  bool puts(uint64_t from, uint64_t to) {
    for (uint64_t key = from; key < to; ++key) {
      written[key] = ++value;
      if (!world.put(key, value)) return false;
    }
    return true;
  }
  bool reads() {
    for (uint64_t key = 0; key < 12; ++key)
      if (world.get(key) != written[key]) return false;
    return world.store->commit().has_value();
  }
  bool client_calls() {
    auto client = Client::join(*world.store, monitor::client_key_pair(0));
    if (!client) return false;
    written[1] = ++value;
    return ClientWorld::put(*client, 1, value, Use::transferable_call) &&
           ClientWorld::get(*client, 1) && told(world.store->end_epoch());
  }
  bool told(const Result<host::Released>& released) {
    if (released) acknowledged = written;
    return released.has_value();
  }
};

/// Whether there was such an allocation. As an actor would, whoever runs the store drops it when an
/// exception comes out of it.
bool run_with(Life& life, uint64_t failing) {
  const FailingAllocation fault(failing);
  try {
    (void)life.run();
  } catch (const std::bad_alloc&) {
  }
  return fault.reached();
}

TEST(CrashStore, LosesNothingAcknowledgedToAnyFailingAllocation) {
  uint64_t number = 0;
  for (bool reached = true; reached;) {
    ++number;
    DurableWorld world(2);
    Life life{world};
    reached = run_with(life, number);
    world.close();
    std::map<uint64_t, uint64_t> acknowledged, written;
    for (uint64_t key = 0; key < Life::kKeys; ++key) {
      acknowledged[key] = life.acknowledged[key];
      written[key] = life.written[key];
    }
    ASSERT_EQ(fault_of(world, acknowledged, written), "") << "allocation " << number;
  }
  std::cout << fmt::format("{} allocations\n", number - 1);
  EXPECT_GT(number, 500u);
}

}  // namespace
}  // namespace themis::tests
