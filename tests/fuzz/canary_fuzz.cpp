// A fault that must be found: a read one byte behind a buffer, past four comparisons. When it is
// not, the other targets prove nothing.

#include <memory>

#include "tests/fuzz/input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 5 || data[0] != 'B' || data[1] != 'I' || data[2] != 'R' || data[3] != 'D') return 0;
  const auto copy = std::make_unique<uint8_t[]>(size);
  std::copy_n(data, size, copy.get());
  volatile uint8_t behind = copy.get()[size];
  return behind == 0 ? 0 : 0;
}
