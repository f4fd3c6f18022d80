// Any bytes as a WebAssembly module: what comes out has no memory of its own, and stays as it is.

#include "runtime/js/wasm_bytes.hpp"
#include "tests/fuzz/input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace themis;
  fuzz::Input input(data, size);
  // Most inputs begin as a module does: the rest is more interesting.
  Bytes module = to_bytes(std::string_view("\0asm\1\0\0\0", 8));
  const ByteView rest = input.rest();
  append(module, rest);
  const Result<Bytes> imported = js::import_memories(module);
  (void)js::import_memories(rest);
  if (!imported) return 0;
  const Result<Bytes> again = js::import_memories(*imported);
  fuzz::promise(
      again ? *again == *imported : again.error().detail.find("reserved") != std::string::npos,
      "a module without memories of its own stays as it is");
  return 0;
}
