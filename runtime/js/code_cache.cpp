#include "runtime/js/code_cache.hpp"

#include "runtime/base/codec.hpp"

namespace themis::js {
namespace {

constexpr uint8_t kFormat = 1;

void add(Bytes& to, ByteView bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }
template <class T>
void add_number(Bytes& to, T value) {
  std::byte bytes[sizeof(T)];
  store(bytes, value);
  add(to, bytes);
}

}  // namespace

Bytes encode_code_cache(const ModuleCaches& modules) {
  Bytes cache;
  add_number(cache, kFormat);
  for (const auto& [name, code] : modules) {
    add_number(cache, static_cast<uint8_t>(name.size()));
    add(cache, as_bytes(name));
    add_number(cache, static_cast<uint32_t>(code.size()));
    add(cache, code);
  }
  return cache;
}

ModuleCaches decode_code_cache(ByteView cache) {
  ModuleCaches modules;
  Reader reader(cache);
  if (reader.integer<uint8_t>() != kFormat) return {};
  while (reader.ok() && reader.left() > 0) {
    const std::string_view name = as_text(reader.bytes(reader.integer<uint8_t>()));
    const ByteView code = reader.bytes(reader.integer<uint32_t>());
    if (reader.ok()) modules.emplace(name, code);
  }
  return reader.ok() ? modules : ModuleCaches();
}

}  // namespace themis::js
