#pragma once
// What a network may be called: the config checks it before anything starts, identities once more.

#include <string_view>

#include "runtime/base/error.hpp"

namespace themis {

/// A network name is for people to type: 1..64 characters of a-z, A-Z, 0-9, '.', '-' and '_'.
inline constexpr size_t kNetworkNameBytesMax = 64;
/// Errors: invalid. Any thread.
[[nodiscard]] Status check_network_name(std::string_view network);

}  // namespace themis
