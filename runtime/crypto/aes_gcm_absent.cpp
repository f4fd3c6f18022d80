// Where there is no library for AES-GCM there is no AES-GCM: tables leak keys.
#include "runtime/crypto/aes_gcm.hpp"

#include "runtime/base/error.hpp"

namespace themis::crypto {

bool AesGcm::available() { return false; }

AesGcm::AesGcm(std::span<const std::byte, 32>) {
  THEMIS_ASSERT(available(), "the handshake offers only what this CPU has");
}
AesGcm::~AesGcm() = default;

void AesGcm::seal(std::span<const std::byte, 12>, ByteView, std::span<std::byte>,
                  std::span<std::byte, 16>) const {}
bool AesGcm::open(std::span<const std::byte, 12>, ByteView, std::span<std::byte>,
                  std::span<const std::byte, 16>) const {
  return false;
}

}  // namespace themis::crypto
