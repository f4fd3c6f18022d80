#pragma once
// The trusted side in this process: monitors, aggregator and seal.

#include <fmt/format.h>

#include "enclave/monitor/monitor.hpp"
#include "enclave/seal/certifier.hpp"
#include "enclave/seal/history_chain.hpp"
#include "enclave/seal/trusted_side.hpp"

namespace themis::seal {

struct SealedMonitorsOptions {
  uint16_t threads = 1;  ///< A power of two, at most 64; fixed when the store is made.
  uint32_t node_slots = 1'024, record_slots = 1'024;
  uint16_t clients = 1'024;  ///< Of each thread.
  Access access{};
};

/// "monitor thread 1 refused batch 17 at byte 4022: wrong_hash"
std::string text(const monitor::Violation& violation);
/// Whether `state` may be gone on with where the counter stands: it is the confirmed one, or
/// follows it, which a crash between its write and its confirmation leaves.
/// Errors: replayed, with what to do.
Status check_counter(const SealedState& state, const Tag& tag, const CounterValue& counter);
/// 32 bytes for one use of the sealing key, for this store and thread.
crypto::SecretBytes<32> derive(const SealingKey& key, std::string_view use, const StoreId& store,
                               uint16_t thread);
/// Whether a registration went well, as TrustedSide says.
Status registered(monitor::Reason why);

/// See TrustedSide. After a restart the monitors start from the checkpoint with a new master key,
/// as a new instance, and are given the same calls again; that they are the same, and had the same
/// results, is what the history's tags show, whatever commands brought the records. The clients of
/// these calls are gone with their instance: they run without, and epochs that end among them get
/// no certificate that anybody sees.
template <monitor::Application App>
class SealedMonitors final : public TrustedSide, public ClientDesk {
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
  Result<Released> release() override;

  monitor::Violation violation() const {
    for (const Thread& each : threads_)
      if (each.monitor->violation()) return each.monitor->violation();
    return certifier_ ? certifier_->aggregator().violation() : monitor::Violation{};
  }
  std::optional<uint32_t> certified() const override {
    return certifier_ ? certifier_->aggregator().certified() : std::nullopt;
  }
  const monitor::InstanceId& instance() const override { return instance_.id; }

  ClientDesk* clients() override { return this; }
  const receipts::Instance& describe() const override { return instance_; }
  Status register_client(uint16_t thread, const ClientEntry& client) override {
    THEMIS_ASSERT(started_, "after started()");
    if (thread >= threads_.size()) return fail(Code::invalid, "no such monitor thread");
    return registered(
        threads_[thread].monitor->register_client(client.number, client.share, client.grant));
  }
  bool admits(uint16_t thread, const receipts::Caller& caller, ByteView body) override {
    THEMIS_ASSERT(thread < threads_.size(), "a thread of this store");
    if (caller.client == receipts::kNoClient) return !state_.access.clients_only;
    return threads_[thread].monitor->admits(caller, body);
  }

 private:
  struct Thread {
    std::unique_ptr<HistoryChain> listed, calls, results;
    std::unique_ptr<monitor::Monitor<App>> monitor;  // which borrows `listed`
    Bytes room, held;
    bool wrote = false;  // since the last confirm()
  };
  void make_threads();
  std::unique_ptr<HistoryChain> chain(std::string_view use, uint16_t thread) const;
  Result<Bytes> seal(SealedState state, bool rest);
  Released take_held();

  SealedMonitorsOptions options_;
  const SealingKey& key_;
  SealedCounter& counter_;
  Rng& rng_;
  SealedState state_;  // the checkpoint that the threads started from, and what is to be reached
  receipts::Instance instance_;
  std::vector<Thread> threads_;
  std::optional<Certifier<>> certifier_;
  std::vector<receipts::Certificate> certificates_;  // that wait for confirm()
  std::optional<uint32_t> told_;                     // certified, and confirmed
  CounterValue confirmed_, waiting_;
  std::optional<SealedState> next_state_;  // when what waits is a checkpoint
  bool started_ = false, behind_ = false;  // the counter is one behind the store
};

template <monitor::Application App>
Status SealedMonitors<App>::apply(uint16_t thread, ByteView batch) {
  THEMIS_ASSERT(thread < threads_.size(), "a thread of this store");
  Thread& at = threads_[thread];
  if (started_ && waiting_ != confirmed_)
    return fail(Code::invalid, "what was sealed is not confirmed: confirm it first");
  if (at.held.size() + at.room.size() > kHeldBytesMax ||
      certificates_.size() >= kHeldCertificatesMax)
    return fail(Code::overloaded, "too many results wait for their commit");
  monitor::Output output{at.room};
  if (!at.monitor->apply(batch, output)) return fail(Code::forged, text(at.monitor->violation()));
  at.wrote = at.wrote || !at.monitor->history().empty();
  at.calls->add(at.monitor->history());
  at.results->add(at.monitor->results());
  if (started_) append(at.held, ByteView(at.room).first(output.used));
  return {};
}

template <monitor::Application App>
Status SealedMonitors<App>::certify() {
  for (Thread& each : threads_)
    while (const auto report = each.monitor->take_report()) {
      certifier_->accept(*report);
      while (const auto certificate = certifier_->take_certificate())
        if (started_) certificates_.push_back(*certificate);
    }
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
    to.call_bytes = from.calls->bytes();
    to.result_bytes = from.results->bytes();
    to.calls = from.calls->tag();
    to.results = from.results->tag();
  }
  return seal(std::move(state), false);
}

template <monitor::Application App>
Result<Bytes> SealedMonitors<App>::checkpoint() {
  THEMIS_CHECK(certify());
  SealedState state = state_;
  state.epoch = certified().value_or(UINT32_MAX) + 1;
  for (size_t i = 0; i < threads_.size(); ++i) {
    const std::optional<monitor::Rest> rest = threads_[i].monitor->at_rest();
    if (!rest || rest->epoch != state.epoch || rest->top != state.threads[i].top)
      return fail(Code::invalid, fmt::format("monitor thread {} is not at rest", i));
    state.threads[i] = {.top = rest->top, .value = rest->value};
    if (!rest->listed) continue;
    state.threads[i].list_bytes = threads_[i].listed->bytes();
    state.threads[i].list = threads_[i].listed->tag();
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
  for (Thread& each : threads_) {
    each.wrote = false;
    if (!next_state_) continue;
    each.calls->clear();
    each.results->clear();
  }
  if (next_state_) state_ = *std::exchange(next_state_, std::nullopt);
  told_ = certified();
  Released released = take_held();
  released.certificates = std::exchange(certificates_, {});
  return released;
}

template <monitor::Application App>
Result<Released> SealedMonitors<App>::release() {
  THEMIS_ASSERT(started_, "after started()");
  THEMIS_CHECK(certify());
  const auto wrote = [](const Thread& each) { return each.wrote; };
  if (waiting_ != confirmed_ || std::ranges::any_of(threads_, wrote))
    return fail(Code::invalid, "something was written since the last commit: seal and confirm it");
  return take_held();
}

template <monitor::Application App>
Released SealedMonitors<App>::take_held() {
  Released released;
  for (Thread& each : threads_) released.results.push_back(std::exchange(each.held, {}));
  released.certified = told_;
  return released;
}

}  // namespace themis::seal

#include "enclave/seal/sealed_monitors_start.hpp"
