#pragma once
// Bytes that must not outlive their use: keys, seeds, shared secrets.

#include <array>
#include <iosfwd>
#include <string_view>

#include "runtime/base/bytes.hpp"
#include "runtime/base/rng.hpp"

namespace themis::crypto {

/// Overwrites with zeros; the compiler cannot remove it.
void wipe(std::span<std::byte> bytes);
/// True when both have the same length and content. The time depends on the length only.
[[nodiscard]] bool equal(ByteView a, ByteView b);
/// Keeps the pages that hold `bytes` out of core dumps and, when the rlimit allows, out of swap.
/// Best effort; the pages stay so until the process ends, so it is for the few secrets that live as
/// long as the process.
void keep_in_memory(ByteView bytes);
/// Lower-case hexadecimal in constant time for the values. `out` has 2 * bytes.size() characters.
void secret_to_hex(ByteView bytes, std::span<char> out);
/// The way back. Errors: malformed (length, another character); `out` is wiped then.
[[nodiscard]] Status secret_from_hex(std::string_view text, std::span<std::byte> out);

/// N secret bytes: wiped when destroyed and when moved from, never copied, compared in constant
/// time, not printable.
template <size_t N>
class alignas(16) SecretBytes {
 public:
  static constexpr size_t kBytes = N;

  /// All zero.
  SecretBytes() = default;
  /// Copies from a buffer that stays the caller's to wipe.
  explicit SecretBytes(std::span<const std::byte, N> from) {
    std::memcpy(bytes_.data(), from.data(), N);
  }
  explicit SecretBytes(Rng& rng) { rng.fill(bytes_); }
  ~SecretBytes() { wipe(bytes_); }

  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  SecretBytes(SecretBytes&& other) noexcept : bytes_(other.bytes_) { wipe(other.bytes_); }
  SecretBytes& operator=(SecretBytes&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      wipe(other.bytes_);
    }
    return *this;
  }

  std::span<const std::byte, N> view() const { return bytes_; }
  std::span<std::byte, N> span() { return bytes_; }
  friend bool operator==(const SecretBytes& a, const SecretBytes& b) {
    return equal(a.bytes_, b.bytes_);
  }
  friend std::ostream& operator<<(std::ostream&, const SecretBytes&) = delete;

 private:
  std::array<std::byte, N> bytes_{};
};

}  // namespace themis::crypto
