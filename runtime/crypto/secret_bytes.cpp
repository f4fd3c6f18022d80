#include "runtime/crypto/secret_bytes.hpp"

#include <sodium.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/crypto/crypto.hpp"
#include "runtime/crypto/declassify.hpp"

namespace themis::crypto {

void init() { THEMIS_ASSERT(sodium_init() >= 0, "libsodium must start"); }

void wipe(std::span<std::byte> bytes) { sodium_memzero(bytes.data(), bytes.size()); }

bool equal(ByteView a, ByteView b) {
  return a.size() == b.size() && public_outcome(sodium_memcmp(a.data(), b.data(), a.size())) == 0;
}

void keep_in_memory(ByteView bytes) {
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto from = reinterpret_cast<uintptr_t>(bytes.data()) & ~(page - 1);
  const auto end = reinterpret_cast<uintptr_t>(bytes.data() + bytes.size());
  auto* const start = reinterpret_cast<void*>(from);
  // A refusal (RLIMIT_MEMLOCK, an old kernel) leaves the key as safe as any other memory of the
  // process.
  (void)mlock(start, end - from);
  (void)madvise(start, (end - from + page - 1) & ~(page - 1), MADV_DONTDUMP);
}

void secret_to_hex(ByteView bytes, std::span<char> out) {
  THEMIS_ASSERT(out.size() == 2 * bytes.size(), "two characters a byte");
  for (size_t i = 0; i < bytes.size(); ++i) {
    char digits[3];
    sodium_bin2hex(digits, sizeof digits, reinterpret_cast<const unsigned char*>(&bytes[i]), 1);
    std::memcpy(&out[2 * i], digits, 2);
    sodium_memzero(digits, sizeof digits);
  }
}

Status secret_from_hex(std::string_view text, std::span<std::byte> out) {
  size_t written = 0;
  if (text.size() == 2 * out.size() &&
      sodium_hex2bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(),
                     text.size(), nullptr, &written, nullptr) == 0 &&
      written == out.size())
    return {};
  wipe(out);
  return fail(Code::malformed, "not the hexadecimal digits of a secret");
}

}  // namespace themis::crypto
