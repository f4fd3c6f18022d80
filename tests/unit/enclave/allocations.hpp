#pragma once
// How often this thread has called operator new, and one of the calls failing.

#include <cstdint>

namespace themis::tests {

uint64_t allocations();

/// While it lives the `number`-th allocation from its making, from 1, throws std::bad_alloc. One at
/// a time in a thread.
class FailingAllocation {
 public:
  explicit FailingAllocation(uint64_t number);
  ~FailingAllocation();
  FailingAllocation(const FailingAllocation&) = delete;
  FailingAllocation& operator=(const FailingAllocation&) = delete;
  bool reached() const;
};

}  // namespace themis::tests
