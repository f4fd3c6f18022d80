#pragma once
// What every fuzz target starts with: the input as a source of choices, and a check that stops.

#include <cstdio>
#include <cstdlib>
#include <span>

#include "runtime/base/bytes.hpp"

namespace themis::fuzz {

/// A broken promise: libFuzzer keeps the input.
inline void promise(bool kept, const char* what) {
  if (kept) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

/// Hands out the bytes of one input; zeros when it is used up.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : left_(reinterpret_cast<const std::byte*>(data), size) {}

  bool empty() const { return left_.empty(); }
  uint8_t byte() { return take_value<uint8_t>(); }
  uint16_t number() { return take_value<uint16_t>(); }
  ByteView take(size_t count) {
    const ByteView taken = left_.first(std::min(count, left_.size()));
    left_ = left_.subspan(taken.size());
    return taken;
  }
  ByteView rest() { return take(left_.size()); }
  /// Overwrites a stretch of `genuine`, or cuts or extends it: close to what is expected, so that
  /// the checks behind the first ones are reached.
  Bytes changed(Bytes genuine) {
    const uint16_t at = number();
    const ByteView patch = take(byte());
    if (!genuine.empty() && at < 0x8000) {
      for (size_t i = 0; i < patch.size(); ++i) genuine[(at + i) % genuine.size()] ^= patch[i];
    } else if (at < 0xc000) {
      genuine.resize(genuine.size() - std::min<size_t>(genuine.size(), at & 0xff));
    } else {
      append(genuine, patch);
    }
    return genuine;
  }

 private:
  template <class T>
  T take_value() {
    const ByteView taken = take(sizeof(T));
    T value = 0;
    std::memcpy(&value, taken.data(), taken.size());
    return value;
  }
  ByteView left_;
};

}  // namespace themis::fuzz
