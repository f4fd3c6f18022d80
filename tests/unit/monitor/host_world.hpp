#pragma once
// A StateHost over a store on disk, with its monitors in this process and without actors.

#include "actors/monitor/batch_runner.hpp"
#include "enclave/applications/state_store.hpp"
#include "enclave/host/shard.hpp"
#include "enclave/seal/sealed_monitors.hpp"
#include "runtime/base/rng.hpp"
#include "runtime/crypto/crypto.hpp"
#include "runtime/store/environment.hpp"
#include "tests/unit/enclave/passing_host.hpp"
#include "tests/unit/store/temporary_directory.hpp"

namespace themis::tests {

/// Survives the store's restarts as a file would; CounterFile has tests of its own.
struct MemoryCounter final : seal::SealedCounter {
  Result<seal::CounterValue> value() override { return stands; }
  Status raise(const seal::CounterValue& to) override {
    stands = to;
    return {};
  }
  seal::CounterValue stands;
};

struct HostWorld {
  using Monitors = seal::SealedMonitors<monitor::StateStore>;

  explicit HostWorld(const StateHostOptions& of) : options(of) { crypto::init(); }
  virtual ~HostWorld() = default;
  /// Closes what is open first, as a process that ends without warning.
  Status open() {
    host.reset();
    environment.reset();
    THEMIS_TRY(environment,
               storage::Environment::open(directory.path() / "store", {.durable = false}));
    monitors = std::make_unique<Monitors>(
        seal::SealedMonitorsOptions{options.threads, options.node_slots, options.record_slots}, key,
        counter, rng);
    THEMIS_TRY(host, StateHost::open(*environment, trusted(), options));
    return {};
  }
  /// Answers by batch, provisional; what a commit between them says is in the status.
  Status run(const std::vector<StateBatch>& batches, std::vector<StateAnswers>& answers) const {
    answers.assign(batches.size(), {});
    BatchRunner runner(*host, batches, answers, kCommitResultsBytesMax);
    while (!runner.run()) THEMIS_CHECK(host->commit());
    return {};
  }

  storage::TemporaryDirectory directory{storage::memory_path()};
  StateHostOptions options;
  SeededRng rng{7};
  seal::SealingKey key{rng};
  MemoryCounter counter;
  std::unique_ptr<storage::Environment> environment;
  std::unique_ptr<Monitors> monitors;
  std::unique_ptr<StateHost> host;

 protected:
  /// What the host has for its monitors.
  virtual seal::TrustedSide& trusted() { return *monitors; }
};

/// With a new one of these before them at each start.
template <class Between>
struct WorldBetween : HostWorld {
  using HostWorld::HostWorld;
  seal::TrustedSide& trusted() override { return between.emplace(*monitors); }
  std::optional<Between> between;
};

}  // namespace themis::tests
