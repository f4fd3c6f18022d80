#pragma once
// How sealed monitors are made, or brought to where they were. Included by sealed_monitors.hpp.

#include "enclave/seal/sealed_monitors.hpp"

namespace themis::seal {

template <monitor::Application App>
Status SealedMonitors<App>::start(ByteView sealed) {
  THEMIS_ASSERT(threads_.empty(), "started once");
  THEMIS_TRY(confirmed_, counter_.value());
  if (sealed.empty()) {
    THEMIS_CHECK(check_counter({}, {}, confirmed_));
    rng_.fill(state_.store);
    state_.access = options_.access;
    state_.aes = crypto::best_prf() != crypto::PrfKind::siphash;
    for (uint16_t thread = 0; thread < options_.threads; ++thread) {
      const auto depth = static_cast<uint16_t>(std::countr_zero(options_.threads));
      state_.threads.push_back({.top = {{thread, 0, 0, 0}, depth}});
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
  if (state_.access != options_.access)
    return fail(Code::invalid,
                "the store was made for other callers: give it the owner's key that it was made "
                "with, and clients only or not as then");
  if (state_.aes && crypto::best_prf() == crypto::PrfKind::siphash)
    return fail(Code::invalid, "the store was sealed on a CPU with AES instructions; move it back");
  make_threads();
  return {};
}

template <monitor::Application App>
void SealedMonitors<App>::make_threads() {
  const monitor::MasterKey master(rng_);
  rng_.fill(instance_.id);
  instance_ = receipts::describe(master, instance_.id, options_.threads, crypto::best_prf());
  crypto::SigningKey signing(derive(key_, "themis/seal/certificates/v1", state_.store, 0));
  instance_.signing = signing.public_key();
  certifier_.emplace(options_.threads, receipts::CertificateSigner(
                                           instance_.id, master, std::move(signing), state_.epoch));
  for (uint16_t thread = 0; thread < options_.threads; ++thread) {
    const SealedThread& from = state_.threads[thread];
    Thread made;
    made.listed = chain("themis/seal/list/v1", thread);
    made.monitor = std::make_unique<monitor::Monitor<App>>(
        monitor::MonitorOptions{.instance = instance_.id,
                                .thread = thread,
                                .node_slots = options_.node_slots,
                                .record_slots = options_.record_slots,
                                .prf = instance_.prf,
                                .clients = options_.clients,
                                .calls_without_client = true,
                                .owner = state_.access.owner,
                                .listing = made.listed.get()},
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
  const crypto::SecretBytes<32> keys = derive(key_, use, state_.store, thread);
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
    if (!at.listed->is(sealed.list_bytes, sealed.list))
      return fail(Code::forged,
                  fmt::format("the records of monitor thread {} are not those of the checkpoint: "
                              "restore the store's directory",
                              i));
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
  if (state_.access.clients_only)
    for (Thread& each : threads_) each.monitor->require_clients();
  for (Thread& each : threads_) {
    each.monitor->restored();
    each.wrote = false;  // what the journal did is confirmed
  }
  told_ = certified();
  started_ = true;
  return {};
}

}  // namespace themis::seal
