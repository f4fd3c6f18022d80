#include "runtime/js/wasm_modules.hpp"

#include <algorithm>

namespace themis::js {

v8::MaybeLocal<v8::WasmModuleObject> WasmModules::compile(v8::Isolate* isolate, ByteView bytes) {
  const crypto::Digest id = crypto::blake2b(bytes);
  if (const auto found = modules_.find(id); found != modules_.end()) {
    found->second.last_used = ++uses_;
    ++shared_;
    return v8::WasmModuleObject::FromCompiledModule(isolate, found->second.module);
  }
  v8::Local<v8::WasmModuleObject> module;
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  if (!v8::WasmModuleObject::Compile(isolate, {data, bytes.size()}).ToLocal(&module)) return {};
  modules_.emplace(id, Entry{module->GetCompiledModule(), bytes.size(), ++uses_});
  bytes_ += bytes.size();
  make_room();
  return module;
}

/// Isolates that use a module keep it themselves.
void WasmModules::make_room() {
  while (bytes_ > kWasmModulesBytesMax && modules_.size() > 1) {
    const auto oldest = std::ranges::min_element(
        modules_, {}, [](const auto& entry) { return entry.second.last_used; });
    bytes_ -= oldest->second.bytes;
    modules_.erase(oldest);
  }
}

}  // namespace themis::js
