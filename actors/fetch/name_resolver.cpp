#include "actors/fetch/name_resolver.hpp"

#include <netdb.h>

#include <caf/all.hpp>
#include <memory>

#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"
#include "runtime/net/socket.hpp"

namespace themis {
namespace {

caf::result<Addresses> resolve(const ResolveName& ask) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int failed = getaddrinfo(ask.host.c_str(), nullptr, &hints, &found);
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, [](addrinfo* list) {
    if (list != nullptr) freeaddrinfo(list);
  });
  if (failed != 0)
    return to_caf({Code::not_found, "\"" + ask.host + "\": " + gai_strerror(failed)});
  Addresses out;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    if (out.list.size() >= NameResolver::kAddressesMax) break;
    sockaddr_storage storage{};
    std::memcpy(&storage, one->ai_addr, std::min<size_t>(one->ai_addrlen, sizeof storage));
    net::Address address = net::from_socket_address(storage);
    address.port = ask.port;
    if (!address.host.empty()) out.list.push_back(std::move(address));
  }
  if (out.list.empty()) return to_caf({Code::not_found, "\"" + ask.host + "\" has no address"});
  return out;
}

}  // namespace

caf::behavior NameResolver::make_behavior() {
  set_default_handlers(*this);
  return {[](const ResolveName& ask) { return resolve(ask); }};
}

}  // namespace themis
