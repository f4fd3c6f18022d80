#pragma once
// Which messages carry a key: no byte of them stays in memory that is given back.

#include <cstdint>

namespace themis::wire {

/// By Cap'n Proto type id. A frame of such a type is wiped when it is freed, and so are the records
/// that bring it.
bool carries_secret(uint64_t type);

}  // namespace themis::wire
