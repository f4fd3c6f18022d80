#pragma once
// WebAssembly modules compiled once for all isolates of the process. Internal: shows V8.

#include <v8.h>

#include <map>

#include "runtime/base/bytes.hpp"
#include "runtime/crypto/hash.hpp"

namespace themis::js {

/// Bytes of the modules kept, as they were compiled; their machine code is a few times as much. The
/// one that was asked for least recently makes room.
inline constexpr size_t kWasmModulesBytesMax = 32u << 20;

/// Keeps compiled modules by the hash of their bytes. Engine thread.
class WasmModules {
 public:
  /// Functions are compiled when they are first called, and again, better, when they are called
  /// often: what is done here is little more than checking. Empty: V8 has thrown a CompileError.
  v8::MaybeLocal<v8::WasmModuleObject> compile(v8::Isolate* isolate, ByteView bytes);
  size_t count() const { return modules_.size(); }
  /// How often a module was there already.
  uint64_t shared() const { return shared_; }

 private:
  struct Entry {
    v8::CompiledWasmModule module;
    size_t bytes;
    uint64_t last_used;
  };
  void make_room();

  std::map<crypto::Digest, Entry> modules_;
  size_t bytes_ = 0;
  uint64_t uses_ = 0;
  uint64_t shared_ = 0;
};

}  // namespace themis::js
