// Any bytes as a value between functions: the checker ends, and takes no bytes beyond what it read.

#include "runtime/js/cloned_bytes.hpp"
#include "tests/fuzz/input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace themis;
  fuzz::Input input(data, size);
  Bytes bytes = to_bytes(std::string_view("\xFF\x0F"));  // most begin as a value does
  const ByteView rest = input.rest();
  append(bytes, rest);
  (void)js::check_cloned(rest);
  if (!js::check_cloned(bytes)) return 0;
  bytes.push_back(std::byte{'_'});
  fuzz::promise(!js::check_cloned(bytes), "a value is the whole of its bytes");
  return 0;
}
