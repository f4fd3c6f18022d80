#pragma once
// A host with its monitors: shards whose batches go to real monitors, which may be changed on the
// way.

#include <gtest/gtest.h>

#include <deque>

#include "enclave/applications/key_value.hpp"
#include "enclave/host/shard.hpp"
#include "enclave/monitor/monitor.hpp"
#include "runtime/base/rng.hpp"

namespace themis::host {

using monitor::Reason;
using monitor::Word;
using monitor::WordStore;

/// A host with its monitors. Answers of the monitors are kept by thread, as the host expected them
/// and as they came.
template <class App>
struct Mesh {
  /// `options`: what is not given beside.
  Mesh(uint16_t threads, uint32_t node_slots, uint32_t record_slots, uint64_t seed = 1,
       ShardOptions options = {.hot_calls = 4})
      : aggregator(threads), expected(threads), answered(threads) {
    SeededRng rng(seed);
    rng.fill(options.instance);
    rng.fill(std::as_writable_bytes(std::span(options.index_key)));
    const monitor::MasterKey key(rng);
    options.threads = threads;
    options.node_slots = node_slots;
    options.record_slots = record_slots;
    results.resize(1 << 20);
    for (uint16_t thread = 0; thread < threads; ++thread) {
      options.thread = thread;
      monitor::MonitorOptions monitor{options.instance, thread, node_slots, record_slots};
      monitor.calls_without_client = true;
      monitor.listing = &lists.emplace_back();
      monitors.push_back(std::make_unique<monitor::Monitor<App>>(monitor, key));
      shards.push_back(std::make_unique<Shard<App>>(
          options, [this, thread](ByteView batch) { deliver(thread, batch); }));
    }
    uint16_t thread = 1;
    for (const Handover& each : shards[0]->hand_over()) shards[thread++]->receive(each);
  }

  void deliver(uint16_t thread, ByteView batch) {
    Bytes sent(batch.begin(), batch.end());
    if (change) change(thread, sent);
    monitor::Output output{results};
    if (!monitors[thread]->apply(sent, output)) aggregator.fail(monitors[thread]->violation());
    append(answered[thread], ByteView(results).first(output.used));
    while (const auto report = monitors[thread]->take_report()) aggregator.accept(*report);
    ++batches;
  }
  Result<typename App::Result> call(uint8_t function, std::vector<typename App::Key> keys,
                                    const typename App::Arguments& arguments = {}) {
    const size_t thread = keys[0].place().path[0] % shards.size();
    const auto result = shards[thread]->call(function, keys, arguments);
    if (result) {
      std::array<std::byte, App::Result::kBytesMax> bytes;
      append(expected[thread], ByteView(bytes.data(), result->encode(bytes.data())));
    }
    return result;
  }
  void end_epoch() {
    for (auto& shard : shards) EXPECT_TRUE(shard->end_epoch(aggregator.certified()));
  }
  /// Of all threads, beside the calls that follow.
  void begin_end() {
    for (auto& shard : shards) EXPECT_TRUE(shard->begin_end(aggregator.certified()));
  }
  void carry(size_t records) {
    for (auto& shard : shards) shard->carry(records);
  }
  bool right() const { return answered == expected; }
  Reason reason() const { return aggregator.violation().reason; }

  struct List final : monitor::Listing {
    void clear() override { bytes.clear(); }
    void add(ByteView record) override { append(bytes, record); }
    Bytes bytes;
  };
  std::deque<List> lists;  // of the monitors, which borrow them
  std::vector<std::unique_ptr<monitor::Monitor<App>>> monitors;
  std::vector<std::unique_ptr<Shard<App>>> shards;
  monitor::Aggregator<> aggregator;
  std::vector<Bytes> expected, answered;
  Bytes results;
  std::function<void(uint16_t, Bytes&)> change;
  size_t batches = 0;
};

}  // namespace themis::host
