#include "runtime/base/network_name.hpp"

#include <algorithm>

namespace themis {

Status check_network_name(std::string_view network) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
  };
  if (network.empty() || network.size() > kNetworkNameBytesMax ||
      !std::ranges::all_of(network, fits))
    return fail(Code::invalid, "a network name is 1 to 64 letters, digits, '.', '-' or '_'");
  return {};
}

}  // namespace themis
