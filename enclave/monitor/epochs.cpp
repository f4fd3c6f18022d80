#include "enclave/monitor/epochs.hpp"

#include "runtime/base/codec.hpp"
#include "runtime/crypto/hash.hpp"

namespace themis::monitor {

Epochs::Epochs(const MasterKey& master, const InstanceId& instance, crypto::PrfKind kind)
    : master_(master.view()), instance_(instance), kind_(kind) {}

void Epochs::start(Epoch& at, uint32_t epoch) {
  constexpr std::string_view kLabel = "themis/monitor/epoch-key/v1";
  std::array<std::byte, kLabel.size() + sizeof(InstanceId) + sizeof epoch> info;
  put(put(put(info.data(), as_bytes(kLabel)), ByteView(instance_)), epoch);
  auto derived = crypto::blake2b_mac(master_, info);
  at.prf.rekey(crypto::SecretBytes<16>(derived), kind_);
  crypto::wipe(derived);
  at.added.clear();
  at.evicted.clear();
  at.added_count = at.evicted_count = 0;
  at.secret = receipts::epoch_secret(master_, instance_, epoch);
  at.log.clear();
  at.number = epoch;
  at.open = true;
}

EpochReport Epochs::close(uint16_t thread, uint32_t epoch) {
  Epoch& at = open(epoch);
  const EpochReport report{thread,
                           epoch,
                           {at.added.sum(at.prf), at.added_count},
                           {at.evicted.sum(at.prf), at.evicted_count},
                           at.log.head()};
  at.prf.wipe();
  at.open = false;
  return report;
}

}  // namespace themis::monitor
