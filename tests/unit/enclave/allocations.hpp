#pragma once
// How often this thread has called operator new.

#include <cstdint>

namespace themis::tests {

uint64_t allocations();

}  // namespace themis::tests
