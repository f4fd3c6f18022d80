// The monitors of the applications, compiled once and without exceptions.

#include "enclave/applications/counters.hpp"
#include "enclave/applications/ledger.hpp"
#include "enclave/applications/passwords.hpp"
#include "enclave/applications/state_store.hpp"
#include "enclave/monitor/monitor.hpp"

namespace themis::monitor {

template class Monitor<WordStore>;
template class Monitor<ByteStore>;
template class Monitor<Counters>;
template class Monitor<Passwords>;
template class Monitor<Ledger>;
template class Monitor<StateStore>;

}  // namespace themis::monitor
