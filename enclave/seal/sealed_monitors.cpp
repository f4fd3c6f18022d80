#include "enclave/seal/sealed_monitors.hpp"

#include "enclave/applications/counters.hpp"
#include "enclave/applications/ledger.hpp"
#include "enclave/applications/passwords.hpp"
#include "runtime/crypto/kdf.hpp"

namespace themis::seal {

std::string text(const monitor::Violation& violation) {
  if (violation.reason >= monitor::Reason::unknown_reporter)
    return fmt::format("epoch {} is not certified: {}", violation.batch, name(violation.reason));
  return fmt::format("monitor thread {} refused batch {} at byte {}: {}", violation.thread,
                     violation.batch, violation.offset, name(violation.reason));
}

Status check_counter(const SealedState& state, const Tag& tag, const CounterValue& counter) {
  const uint64_t at = state.counter, stands = counter.counter;
  if (at == stands && tag == counter.tag) return {};
  if (at == stands + 1 && state.previous == counter.tag) return {};
  const auto refuse = [](std::string why) { return fail(Code::replayed, std::move(why)); };
  if (at == 0)
    return refuse(
        fmt::format("the store is empty, but its counter stands at {}: restore the "
                    "store's directory",
                    stands));
  if (at < stands)
    return refuse(
        fmt::format("the store was rolled back: it is at commit {}, its counter at {}; "
                    "restore the newest directory",
                    at, stands));
  if (at > stands + 1)
    return refuse(
        fmt::format("the counter stands at {}, the store at commit {}: the counter is "
                    "of an older time; restore it",
                    stands, at));
  return refuse(
      fmt::format("this is another commit {} than the one that was confirmed: restore "
                  "the newest directory",
                  at));
}

crypto::SecretBytes<32> derive(const SealingKey& key, std::string_view use, const StoreId& store,
                               uint16_t thread) {
  Bytes info = to_bytes(use);
  append(info, store);
  append(info, std::as_bytes(std::span(&thread, 1)));
  crypto::SecretBytes<32> derived;
  const Status filled = crypto::hkdf_sha256_expand(key, info, derived.span());
  THEMIS_ASSERT(filled, "32 bytes can be derived");
  return derived;
}

Status registered(monitor::Reason why) {
  switch (why) {
    case monitor::Reason::none:
      return {};
    case monitor::Reason::client_range:
      return fail(Code::overloaded, "no room for another client until the next start");
    case monitor::Reason::client_exists:
      return fail(Code::exists, "another client has this number");
    default:
      return fail(Code::denied, "the store's owner did not let this client in, or it has no key");
  }
}

template class SealedMonitors<monitor::WordStore>;
template class SealedMonitors<monitor::ByteStore>;
template class SealedMonitors<monitor::Counters>;
template class SealedMonitors<monitor::Passwords>;
template class SealedMonitors<monitor::Ledger>;

}  // namespace themis::seal
