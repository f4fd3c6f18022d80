#include "enclave/monitor/clients.hpp"

namespace themis::monitor {

Clients::Clients(const MonitorOptions& options, const MasterKey& master)
    : options_(options), table_(std::make_unique<Client[]>(options.clients)) {
  if (options.clients > 0) agreement_.emplace(receipts::agreement_key(master, options.instance));
}

bool Clients::add(uint16_t number, const crypto::DhShare& share) {
  const auto shared = agreement_->agree(share);
  if (!shared) return false;
  Client& client = table_[number];
  client.key.rekey(receipts::client_key(*shared, {options_.instance, options_.thread, number, share,
                                                  agreement_->share()}),
                   options_.prf);
  client.share = share;
  client.nonce = 0;
  client.registered = true;
  return true;
}

}  // namespace themis::monitor
