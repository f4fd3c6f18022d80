#pragma once
// The trusted side in this process: monitors, aggregator and seal.

#include <fmt/format.h>

#include "enclave/monitor/monitor.hpp"
#include "enclave/seal/history_chain.hpp"
#include "enclave/seal/trusted_side.hpp"

namespace themis::seal {

struct SealedMonitorsOptions {
  uint16_t threads = 1;  ///< A power of two, at most 64; fixed when the store is made.
  uint32_t node_slots = 1'024, record_slots = 1'024;
};

/// "monitor thread 1 refused batch 17 at byte 4022: wrong_hash"
std::string text(const monitor::Violation& violation);
/// Whether `state` may be gone on with where the counter stands: it is the confirmed one, or
/// follows it, which a crash between its write and its confirmation leaves.
/// Errors: replayed, with what to do.
Status check_counter(const SealedState& state, const Tag& tag, const CounterValue& counter);
/// 32 bytes for one use of the sealing key, for this instance and thread.
crypto::SecretBytes<32> derive(const SealingKey& key, std::string_view use,
                               const monitor::InstanceId& instance, uint16_t thread);

/// See TrustedSide. After a restart the monitors start from the checkpoint with a new master key
/// and are given the same calls again; that they are the same, and had the same results, is what
/// the history's tags show, whatever commands brought the records.
template <monitor::Application App>
class SealedMonitors final : public TrustedSide {
 public:
  /// `key` and `counter` are borrowed for the object's life.
  SealedMonitors(const SealedMonitorsOptions& options, const SealingKey& key,
                 SealedCounter& counter, Rng& rng)
      : options_(options), key_(key), counter_(counter), rng_(rng) {}

  Status start(ByteView sealed) override;
  Status started() override;
  Status apply(uint16_t thread, ByteView batch) override;
  Status certify() override;
  Result<Bytes> seal() override;
  Result<Bytes> checkpoint() override;
  Result<Released> confirm() override;

  monitor::Violation violation() const {
    for (const Thread& each : threads_)
      if (each.monitor->violation()) return each.monitor->violation();
    return aggregator_.violation();
  }
  std::optional<uint32_t> certified() const override { return aggregator_.certified(); }
  const monitor::InstanceId& instance() const override { return state_.instance; }

 private:
  struct Thread {
    std::unique_ptr<monitor::Monitor<App>> monitor;
    std::unique_ptr<HistoryChain> calls, results;
    Bytes room, held;
  };
  void make_threads();
  std::unique_ptr<HistoryChain> chain(std::string_view use, uint16_t thread) const;
  Result<Bytes> seal(SealedState state, bool rest);

  SealedMonitorsOptions options_;
  const SealingKey& key_;
  SealedCounter& counter_;
  Rng& rng_;
  SealedState state_;  // the checkpoint that the threads started from, and what is to be reached
  std::vector<Thread> threads_;
  monitor::Aggregator<> aggregator_{1};
  CounterValue confirmed_, waiting_;
  std::optional<SealedState> next_state_;  // when what waits is a checkpoint
  bool started_ = false, behind_ = false;  // the counter is one behind the store
};

template <monitor::Application App>
Status SealedMonitors<App>::start(ByteView sealed) {
  THEMIS_ASSERT(threads_.empty(), "started once");
  THEMIS_TRY(confirmed_, counter_.value());
  if (sealed.empty()) {
    THEMIS_CHECK(check_counter({}, {}, confirmed_));
    rng_.fill(state_.instance);
    state_.aes = crypto::best_prf() != crypto::PrfKind::siphash;
    for (uint16_t thread = 0; thread < options_.threads; ++thread) {
      const auto depth = static_cast<uint16_t>(std::countr_zero(options_.threads));
      state_.threads.push_back({{{thread, 0, 0, 0}, depth}, {}, 0, 0, {}, {}});
    }
  } else {
    THEMIS_TRY(state_, unseal(sealed, key_));
    THEMIS_CHECK(check_counter(state_, tag_of(sealed), confirmed_));
    behind_ = state_.counter != confirmed_.counter;
    waiting_ = {state_.counter, tag_of(sealed)};
  }
  if (state_.threads.size() != options_.threads)
    return fail(Code::invalid, fmt::format("the store was made with {} monitor threads, not {}",
                                           state_.threads.size(), options_.threads));
  if (state_.aes && crypto::best_prf() == crypto::PrfKind::siphash)
    return fail(Code::invalid, "the store was sealed on a CPU with AES instructions; move it back");
  make_threads();
  return {};
}

template <monitor::Application App>
void SealedMonitors<App>::make_threads() {
  const monitor::MasterKey master(rng_);
  aggregator_ = monitor::Aggregator<>(options_.threads, state_.epoch);
  for (uint16_t thread = 0; thread < options_.threads; ++thread) {
    const SealedThread& from = state_.threads[thread];
    Thread made;
    made.monitor = std::make_unique<monitor::Monitor<App>>(
        monitor::MonitorOptions{.instance = state_.instance,
                                .thread = thread,
                                .node_slots = options_.node_slots,
                                .record_slots = options_.record_slots,
                                .calls_without_client = true},
        master, monitor::Rest{from.top, from.value, state_.epoch});
    made.calls = chain("themis/seal/calls/v1", thread);
    made.results = chain("themis/seal/results/v1", thread);
    made.room.resize(monitor::kOutputBytesMax);
    threads_.push_back(std::move(made));
  }
}

template <monitor::Application App>
std::unique_ptr<HistoryChain> SealedMonitors<App>::chain(std::string_view use,
                                                         uint16_t thread) const {
  const crypto::SecretBytes<32> keys = derive(key_, use, state_.instance, thread);
  return std::make_unique<HistoryChain>(crypto::SecretBytes<16>(keys.view().template first<16>()),
                                        crypto::SecretBytes<16>(keys.view().template last<16>()),
                                        state_.aes ? crypto::best_prf() : crypto::PrfKind::siphash);
}

template <monitor::Application App>
Status SealedMonitors<App>::started() {
  THEMIS_ASSERT(!started_ && !threads_.empty(), "after start(), once");
  THEMIS_CHECK(certify());
  for (size_t i = 0; i < threads_.size(); ++i) {
    const SealedThread& sealed = state_.threads[i];
    Thread& at = threads_[i];
    if (!at.calls->is(sealed.call_bytes, sealed.calls))
      return fail(Code::forged,
                  fmt::format("the journal of monitor thread {} is not what was sealed ({} bytes "
                              "of calls, not {}): restore the store's directory",
                              i, at.calls->bytes(), sealed.call_bytes));
    if (!at.results->is(sealed.result_bytes, sealed.results))
      return fail(Code::forged,
                  fmt::format("monitor thread {} had other results for these calls before the "
                              "restart: it was given false records then",
                              i));
  }
  if (behind_) THEMIS_CHECK(counter_.raise(waiting_));
  if (behind_) confirmed_ = waiting_;
  started_ = true;
  return {};
}

template <monitor::Application App>
Status SealedMonitors<App>::apply(uint16_t thread, ByteView batch) {
  THEMIS_ASSERT(thread < threads_.size(), "a thread of this store");
  Thread& at = threads_[thread];
  if (at.held.size() + at.room.size() > kHeldBytesMax)
    return fail(Code::overloaded, "too many results wait for their commit");
  monitor::Output output{at.room};
  if (!at.monitor->apply(batch, output)) return fail(Code::forged, text(at.monitor->violation()));
  at.calls->add(at.monitor->history());
  at.results->add(at.monitor->results());
  if (started_) append(at.held, ByteView(at.room).first(output.used));
  return {};
}

template <monitor::Application App>
Status SealedMonitors<App>::certify() {
  for (Thread& each : threads_)
    while (const auto report = each.monitor->take_report()) aggregator_.accept(*report);
  if (const monitor::Violation found = violation()) return fail(Code::forged, text(found));
  return {};
}

template <monitor::Application App>
Result<Bytes> SealedMonitors<App>::seal() {
  THEMIS_CHECK(certify());
  SealedState state = state_;
  for (size_t i = 0; i < threads_.size(); ++i) {
    SealedThread& to = state.threads[i];
    Thread& from = threads_[i];
    to = {to.top,
          to.value,
          from.calls->bytes(),
          from.results->bytes(),
          from.calls->tag(),
          from.results->tag()};
  }
  return seal(std::move(state), false);
}

template <monitor::Application App>
Result<Bytes> SealedMonitors<App>::checkpoint() {
  THEMIS_CHECK(certify());
  SealedState state = state_;
  state.epoch = aggregator_.certified().value_or(UINT32_MAX) + 1;
  for (size_t i = 0; i < threads_.size(); ++i) {
    const std::optional<monitor::Rest> rest = threads_[i].monitor->at_rest();
    if (!rest || rest->epoch != state.epoch || rest->top != state.threads[i].top)
      return fail(Code::invalid, fmt::format("monitor thread {} is not at rest", i));
    state.threads[i] = {rest->top, rest->value, 0, 0, {}, {}};
  }
  return seal(std::move(state), true);
}

template <monitor::Application App>
Result<Bytes> SealedMonitors<App>::seal(SealedState state, bool rest) {
  THEMIS_ASSERT(started_, "after started()");
  state.counter = confirmed_.counter + 1;
  state.previous = confirmed_.tag;
  Bytes sealed = seal::seal(state, key_);
  waiting_ = {state.counter, tag_of(sealed)};
  next_state_ = rest ? std::optional(std::move(state)) : std::nullopt;
  return sealed;
}

template <monitor::Application App>
Result<Released> SealedMonitors<App>::confirm() {
  THEMIS_ASSERT(waiting_.counter == confirmed_.counter + 1, "something was sealed");
  THEMIS_CHECK(counter_.raise(waiting_));
  confirmed_ = waiting_;
  Released released;
  for (Thread& each : threads_) {
    released.results.push_back(std::exchange(each.held, {}));
    if (!next_state_) continue;
    each.calls->clear();
    each.results->clear();
  }
  if (next_state_) state_ = *std::exchange(next_state_, std::nullopt);
  released.certified = aggregator_.certified();
  return released;
}

}  // namespace themis::seal
