#include "bench/durable.hpp"

#include <filesystem>

#include "enclave/applications/key_value.hpp"
#include "enclave/host/verified_store.hpp"
#include "enclave/seal/counter_file.hpp"
#include "enclave/seal/sealed_monitors.hpp"
#include "tests/unit/store/temporary_directory.hpp"

namespace themis::bench {
namespace {

using monitor::Word;
using monitor::WordStore;

constexpr uint32_t kRecords = 1 << 20;

/// As a process has it, from its files to the store; a second one is a restart.
struct Process {
  using Store = host::VerifiedStore<WordStore>;

  Process(const std::filesystem::path& directory, const seal::SealingKey& key, Rng& rng)
      : counter(seal::CounterFile::open(directory / "counter", key).value()),
        environment(storage::Environment::open(directory / "store").value()),
        trusted({}, key, *counter, rng),
        store(Store::open(*environment, trusted, {}).value()) {}

  void put(uint64_t at, uint64_t value) const {
    const Word word{at};
    THEMIS_ASSERT(store->call(WordStore::put, std::span(&word, 1), {Word{value}, std::nullopt}),
                  "room for it");
  }
  void warm() const {
    std::vector<Word> all(kRecords);
    for (uint32_t i = 0; i < kRecords; ++i) all[i] = {i};
    store->warm(0, all);
  }
  template <class Outcome>
  static void done(const Outcome& outcome) {
    THEMIS_ASSERT(outcome, "the disk works");
  }

  std::unique_ptr<seal::CounterFile> counter;
  std::unique_ptr<storage::Environment> environment;
  seal::SealedMonitors<WordStore> trusted;
  std::unique_ptr<Store> store;
};

double now_s() { return to_us(SystemClock().now().time_since_epoch()) / 1e6; }

template <class Work>
double seconds_of(Work work) {
  const double start = now_s();
  work();
  return now_s() - start;
}
/// The same in this process's CPU time, which others' load does not change.
template <class Work>
double cpu_seconds_of(Work work) {
  const double start = process_cpu_s();
  work();
  return process_cpu_s() - start;
}

/// Uniform puts for `seconds`, `calls` in each commit.
void measure_puts(Figures& figures, Process& process, Rng& rng, uint32_t calls, double seconds) {
  const std::string name = "_" + std::to_string(calls);
  std::vector<double> commits;
  uint64_t puts = 0;
  const double start = now_s(), cpu = process_cpu_s();
  while (now_s() - start < seconds) {
    for (uint32_t i = 0; i < calls; ++i) process.put(rng.below(kRecords), ++puts);
    commits.push_back(1e3 * seconds_of([&] { Process::done(process.store->commit()); }));
  }
  const auto amount = static_cast<double>(puts);
  figures["put_per_s" + name] = amount / (now_s() - start);
  figures["put_per_cpu_s" + name] = amount / (process_cpu_s() - cpu);
  figures["commit_ms" + name] = quantile(commits, 0.5);
}

}  // namespace

Figures measure_durable(const Options& options) {
  Figures figures;
  const storage::TemporaryDirectory directory;
  SeededRng rng(1);
  const seal::SealingKey key(rng);
  {
    Process process(directory.path(), key, rng);
    figures["load_cpu_s"] = cpu_seconds_of([&] {
      process.warm();
      for (uint32_t i = 0; i < kRecords; ++i) {
        process.put(i, i);
        if (i % 10'000 == 0) Process::done(process.store->commit());
      }
    });
    figures["epoch_end_cpu_s"] = cpu_seconds_of([&] { Process::done(process.store->end_epoch()); });
    figures["checkpoint_all_cpu_s"] =
        cpu_seconds_of([&] { Process::done(process.store->checkpoint()); });
    for (const uint32_t calls : {1u, 100u, 1'000u, 10'000u})
      measure_puts(figures, process, rng, calls, options.seconds);
    figures["checkpoint_cpu_s"] =
        cpu_seconds_of([&] { Process::done(process.store->checkpoint()); });
  }
  double restart = 0;
  {
    restart = cpu_seconds_of([&] { Process(directory.path(), key, rng); });
    figures["restart_cpu_s"] = restart;
  }
  {
    Process process(directory.path(), key, rng);
    for (uint32_t i = 0; i < kRecords; ++i) {
      process.put(rng.below(kRecords), i);
      if (i % 10'000 == 9'999) Process::done(process.store->commit());
    }
    Process::done(process.store->commit());
  }
  const double replayed = cpu_seconds_of([&] { Process(directory.path(), key, rng); });
  figures["replay_m_calls_per_cpu_s"] = kRecords / (replayed - restart) / 1e6;
  return figures;
}

}  // namespace themis::bench
