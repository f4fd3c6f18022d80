#pragma once
// A receipt that its holder can show to anybody: a call, its answer, and the way up to the
// certificates of its epoch and those after it.

#include "enclave/receipts/call.hpp"
#include "enclave/receipts/certificate.hpp"

namespace themis::receipts {

/// What a leaf says beside instance, thread, epoch and secret. Borrowed.
struct LeafCall {
  uint64_t position = 0;
  const crypto::DhShare& client;
  uint64_t nonce = 0;
  uint8_t function = 0;
  ByteView keys, arguments, result;
};
Digest leaf_hash(const InstanceId& instance, uint16_t thread, uint32_t epoch,
                 const EpochSecret& secret, const LeafCall& call);

/// Limits of a receipt and of its file: eight keys, two values, and room for both.
constexpr size_t kKeysBytesMax = 16'384;
constexpr size_t kArgumentsBytesMax = 8'192;
/// Who was away for longer fetches certificates by themselves.
constexpr size_t kCertificatesMax = 64;
constexpr size_t kThreadPathMax = 6;  // 64 threads

/// Instance, epoch and number of threads are those of the first certificate.
struct Receipt {
  uint16_t thread = 0;
  uint64_t position = 0;
  crypto::DhShare client;
  uint64_t nonce = 0;
  uint8_t function = 0;
  Bytes keys, arguments, result;
  uint64_t index = 0, size = 0;  ///< The leaf's place in the thread's log of the epoch.
  Path path;                     ///< To the head of that log.
  Path thread_path;              ///< From there to the certificate's root.
  std::vector<Certificate> certificates;

  /// Checks everything by itself. Nothing secret is needed and nothing is asked of anybody.
  /// Errors: as check_chain(), and forged (a path leads elsewhere).
  [[nodiscard]] Status verify(const crypto::PublicKey& key) const;

  /// The one text of a receipt: JSON with two spaces of indentation, its members in this order.
  /// Numbers of 64 bits are decimal strings, bytes hexadecimal.
  std::string text() const;
  /// Takes that text only, to the last space. Errors: malformed (with the line), too_large.
  static Result<Receipt> parse(std::string_view text);
  friend bool operator==(const Receipt&, const Receipt&) = default;
};
/// Of a file that a receipt can have.
constexpr size_t kReceiptTextMax = 128 * 1'024;

/// Reads and checks a receipt's text, and that it and an earlier one, if `seen` has one, are of one
/// chain. Errors: as Receipt::parse(), Receipt::verify() and check_same_chain().
[[nodiscard]] Status verify_text(std::string_view text, const crypto::PublicKey& key,
                                 std::string_view seen = {});

}  // namespace themis::receipts
