#include "tests/unit/enclave/allocations.hpp"

#include <cstdlib>
#include <new>

namespace {
thread_local uint64_t count = 0, failing = 0;

void note() {
  ++count;
  if (count == failing) throw std::bad_alloc();
}
}  // namespace

void* operator new(size_t bytes) {
  note();
  if (void* memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
void* operator new(size_t bytes, std::align_val_t alignment) {
  note();
  const auto unit = static_cast<size_t>(alignment);
  if (void* memory = std::aligned_alloc(unit, (bytes + unit - 1) / unit * unit)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace themis::tests {

uint64_t allocations() { return count; }

FailingAllocation::FailingAllocation(uint64_t number) { failing = count + number; }
FailingAllocation::~FailingAllocation() { failing = 0; }
bool FailingAllocation::reached() const { return count >= failing; }

}  // namespace themis::tests
