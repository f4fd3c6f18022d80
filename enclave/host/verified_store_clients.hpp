#pragma once
// Clients of a verified store: who is one, and what their calls gave. Included by
// verified_store.hpp.

#include "enclave/host/verified_store.hpp"

namespace themis::host {

template <class App>
Result<uint16_t> VerifiedStore<App>::register_client(const crypto::DhShare& share,
                                                     const crypto::Signature& grant) {
  if (failure_) return fail(*failure_);
  const auto number = static_cast<uint16_t>(clients_.size());
  if (number == receipts::kNoClient) return fail(Code::overloaded, "no room for another client");
  seal::ClientDesk* const desk = trusted_.clients();
  if (desk == nullptr) return fail(Code::unavailable, "these monitors take no clients");
  for (uint16_t thread = 0; thread < options_.threads; ++thread)
    THEMIS_CHECK(desk->register_client(thread, {number, share, grant}));
  clients_.push_back(share);
  for (Thread& each : threads_) each.nonces.push_back(0);
  return number;
}

/// Whether the monitor will take the call; one that it does not would end it.
template <class App>
Status VerifiedStore<App>::admit(uint16_t thread, const Caller& caller, CallBytes<App>& call) {
  if (caller.client == receipts::kNoClient) {
    if (anybody_) return {};
    return fail(nobody_may_call());
  }
  const Thread& at = threads_[thread];
  if (caller.client >= clients_.size())
    return fail(Code::unauthenticated, "no such client since the store's start: register again");
  if (caller.nonce <= at.nonces[caller.client])
    return fail(Code::replayed, "this call, or a later one of the client, was run before");
  // Each thread may have all of the room's calls that it has at the end.
  if (caller.use == receipts::Use::transferable_call &&
      !receipts_.has_room((at.transferable + 1) * options_.threads))
    return fail(Code::overloaded, "too many receipts wait for their epoch's end");
  if (!trusted_.clients()->admits(thread, caller, call.body(caller)))
    return fail(Code::forged, "the client did not make this call to this instance of the store");
  return {};
}

/// Notes what the call's answer will be known by.
template <class App>
void VerifiedStore<App>::expect(Thread& at, const Caller& caller, const CallBytes<App>& call,
                                const typename App::Result& result) {
  if (caller.client == receipts::kNoClient) {
    std::array<std::byte, App::Result::kBytesMax> bytes;
    const auto encoded = static_cast<size_t>(result.encode(bytes.data()) - bytes.data());
    at.unasked += encoded;
    at.pending_bytes += encoded;
    return;
  }
  at.pending_bytes += monitor::kCallOutputBytesMax<App>;
  at.nonces[caller.client] = caller.nonce;
  at.asked.push_back({caller, std::exchange(at.unasked, 0), at.texts.size(), call.keys().size(),
                      call.history().size()});
  if (caller.use != receipts::Use::transferable_call) return;
  ++at.transferable;
  append(at.texts, call.history());
}

/// Finds the clients' answers among the results, and completes receipts.
template <class App>
Status VerifiedStore<App>::sort(Released& released) {
  const auto damaged = [] {
    return fail(Code::malformed, "the trusted side's answers cannot be read: restart the store");
  };
  if (released.results.size() != threads_.size()) return damaged();
  for (uint16_t thread = 0; thread < options_.threads; ++thread) {
    const Thread& at = threads_[thread];
    auto& answers = released.answers.emplace_back();
    if (at.asked.empty()) continue;
    const Bytes& results = released.results[thread];
    Reader reader(results);
    for (const Asked& each : at.asked) {
      reader.bytes(each.skipped);
      const std::byte* from = reader.position();
      IssuedReceipt issued;
      THEMIS_TRY(issued.receipt, receipts::OperationReceipt::take(reader));
      answers.push_back({static_cast<size_t>(from - results.data()),
                         static_cast<size_t>(reader.position() - from)});
      if (each.caller.use != receipts::Use::transferable_call) continue;
      issued.leaf = reader.integer<receipts::Digest>();
      if (!reader.ok()) return damaged();
      const ByteView call = ByteView(at.texts).subspan(each.at, each.bytes);
      issued.caller = each.caller;
      issued.client = clients_[each.caller.client];
      issued.function = static_cast<uint8_t>(call[0]);
      issued.keys = call.subspan(1, each.keys_bytes);
      issued.arguments = call.subspan(1 + each.keys_bytes);
      receipts_.add(thread, issued);
    }
    if (reader.left() != at.unasked) return damaged();
  }
  for (const receipts::Certificate& each : released.certificates)
    for (receipts::Receipt& done : receipts_.complete(each))
      released.receipts.push_back(std::move(done));
  return {};
}

}  // namespace themis::host
