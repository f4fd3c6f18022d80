#pragma once
// Small WebAssembly modules, byte by byte.

#include <initializer_list>

#include "runtime/base/bytes.hpp"

namespace themis::js::wasm {

// Opcodes and types, as the specification numbers them.
inline constexpr int kI32 = 0x7F, kI64 = 0x7E, kFunction = 0x60;
inline constexpr int kEnd = 0x0B, kDrop = 0x1A, kCall = 0x10, kI32Const = 0x41, kLocalGet = 0x20;
inline constexpr int kMemorySize = 0x3F, kMemoryGrow = 0x40, kLoop = 0x03, kBranch = 0x0C;
inline constexpr int kVoid = 0x40, kUnreachable = 0x00;

inline Bytes bytes(std::initializer_list<int> values) {
  Bytes out;
  for (const int value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}
inline Bytes operator+(Bytes a, const Bytes& b) {
  append(a, b);
  return a;
}
inline Bytes number(size_t value) {  // LEB128
  Bytes out;
  do {
    const size_t low = value & 0x7F;
    value >>= 7;
    out.push_back(static_cast<std::byte>(value != 0 ? low | 0x80 : low));
  } while (value != 0);
  return out;
}
inline Bytes name(std::string_view text) { return number(text.size()) + to_bytes(text); }
inline Bytes section(int id, const Bytes& content) {
  return bytes({id}) + number(content.size()) + content;
}
/// The body of a function without locals; `code` ends without kEnd.
inline Bytes body(const Bytes& code) {
  const Bytes whole = bytes({0}) + code + bytes({kEnd});
  return number(whole.size()) + whole;
}
inline Bytes i32_const(int value) {  // signed LEB128
  Bytes out = bytes({kI32Const});
  for (;;) {
    const int low = value & 0x7F;
    value >>= 7;
    if ((value == 0 && (low & 0x40) == 0) || (value == -1 && (low & 0x40) != 0))
      return out + bytes({low});
    out.push_back(static_cast<std::byte>(low | 0x80));
  }
}
inline Bytes header() { return bytes({0, 'a', 's', 'm', 1, 0, 0, 0}); }

/// Exports grow(pages) and size(), and its memory of one page only when it is told to.
inline Bytes grower(bool exports_memory = false) {
  const Bytes exports = name("grow") + bytes({0, 0}) + name("size") + bytes({0, 1}) +
                        (exports_memory ? name("memory") + bytes({2, 0}) : Bytes{});
  return header() + section(1, bytes({2, kFunction, 1, kI32, 1, kI32, kFunction, 0, 1, kI32})) +
         section(3, bytes({2, 0, 1})) + section(5, bytes({1, 0, 1})) +
         section(7, bytes({exports_memory ? 3 : 2}) + exports) +
         section(10, bytes({2}) + body(bytes({kLocalGet, 0, kMemoryGrow, 0})) +
                         body(bytes({kMemorySize, 0})));
}

/// Its bytes as JavaScript: `new Uint8Array([0,97,...])`.
inline std::string script(const Bytes& module) {
  std::string out = "new Uint8Array([";
  for (const std::byte byte : module) out += std::to_string(std::to_integer<int>(byte)) + ",";
  return out + "])";
}

}  // namespace themis::js::wasm
