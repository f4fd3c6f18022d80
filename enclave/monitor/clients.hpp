#pragma once
// Who may call: the clients of one monitor thread, their keys and the last nonce of each.

#include "enclave/monitor/slots.hpp"

namespace themis::monitor {

struct Client {
  crypto::Prf key;
  crypto::DhShare share;
  uint64_t nonce = 0;  ///< Of its last call.
  bool registered = false;
};

/// A table of fixed size. A client stays for the life of the instance: to forget its nonce would
/// let its calls be put again. No heap after construction. One thread.
class Clients {
 public:
  Clients(const MonitorOptions& options, const MasterKey& master)
      : options_(options), table_(std::make_unique<Client[]>(options.clients)) {
    if (options.clients > 0) agreement_.emplace(receipts::agreement_key(master, options.instance));
  }

  /// Null when nobody is registered there.
  Client* find(uint16_t number) {
    return number < options_.clients && table_[number].registered ? &table_[number] : nullptr;
  }
  /// Whether the owner, if the instance has one, lets `share` in.
  bool granted(const crypto::DhShare& share, const crypto::Signature& grant) const {
    return !options_.owner ||
           receipts::check_grant(*options_.owner, options_.instance, share, grant).has_value();
  }
  /// Agrees on a key. `number`: below MonitorOptions::clients. False when `share` is no key.
  bool add(uint16_t number, const crypto::DhShare& share) {
    const auto shared = agreement_->agree(share);
    if (!shared) return false;
    Client& client = table_[number];
    const receipts::ClientSeat seat{options_.instance, options_.thread, number, share,
                                    agreement_->share()};
    client.key.rekey(receipts::client_key(*shared, seat), options_.prf);
    client.share = share;
    client.nonce = 0;
    client.registered = true;
    return true;
  }

 private:
  MonitorOptions options_;
  std::optional<crypto::DhKey> agreement_;  // where there are places for clients
  std::unique_ptr<Client[]> table_;
};

}  // namespace themis::monitor
