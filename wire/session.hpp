#pragma once
// The record layer of one connection: seals and opens records in place, in order, with one key per
// direction.

#include "runtime/crypto/aead.hpp"
#include "wire/frame_header.hpp"

namespace themis::wire {

constexpr size_t kTagBytes = crypto::kTagBytes;
/// A record holds as many messages as are queued; 16 KB keeps the share of header and tag under 0.2
/// % and the wait for the first byte of a record short.
constexpr size_t kRecordPlaintextMax = 16'384;
constexpr size_t kRecordBodyBytesMax = kRecordPlaintextMax + kTagBytes;
/// What a record adds to its plaintext: header and tag.
constexpr size_t kRecordOverheadBytes = kFrameHeaderBytes + kTagBytes;
/// After so many records in one direction the session refuses: the peers make a new one.
constexpr uint64_t kRecordsMax = uint64_t{1} << 48;
/// Each direction takes its next key after so many records, which bounds what a stolen key opens
/// and stays far under the 2^24.5 full records that AES-GCM bears with one key (RFC 8446
/// section 5.5).
constexpr uint64_t kRecordsPerKey = uint64_t{1} << 20;

/// What the handshake agreed on.
struct SessionKeys {
  crypto::Suite suite = crypto::Suite::chacha20poly1305;
  bool encryption = true;  ///< False: records carry the tag over their plain bytes.
  crypto::SecretBytes<crypto::kAeadKeyBytes> send, receive;
};

/// Record: header (FrameType::record, length, low 32 bits of the counter), ciphertext, 16-byte tag;
/// the header is authenticated with it. The nonce is the full 64-bit counter, which never travels.
/// Movable; one thread.
class Session {
 public:
  /// `records_max`: fewer than kRecordsMax in tests of the limit only.
  explicit Session(SessionKeys keys, uint64_t records_max = kRecordsMax);

  /// Seals `record`, in place: 8 bytes for the header, the plaintext (0..16,384 bytes), 16 bytes
  /// for the tag. The caller fills the plaintext only. Errors: too_large (plaintext), overloaded
  /// (kRecordsMax are sent); nothing is changed then.
  [[nodiscard]] Status seal_in_place(std::span<std::byte> record);
  /// Appends one sealed record with a copy of `plaintext` to `out`. Errors: as seal_in_place; `out`
  /// is unchanged then.
  [[nodiscard]] Status seal(ByteView plaintext, Bytes& out);

  /// Opens the record that must come next, in place, and returns its plaintext: a part of `record`.
  /// Errors: malformed (header or length), replayed (the sequence is not the expected one:
  /// repeated, reordered or lost), forged (tag; the content of `record` is lost then), overloaded
  /// (kRecordsMax were received). The session is unchanged on any error: the genuine record still
  /// opens. Source: Themis paper 5.1.2, with the gaps of one key both ways and an unbounded counter
  /// closed.
  [[nodiscard]] Result<std::span<std::byte>> open(std::span<std::byte> record);

  uint64_t records_sent() const { return send_.counter; }
  uint64_t records_received() const { return receive_.counter; }
  bool encryption() const { return encryption_; }
  crypto::Suite suite() const { return send_.key.suite(); }

 private:
  struct Direction {
    crypto::AeadKey key;
    uint64_t counter = 0;

    void advance();
  };

  Direction send_, receive_;
  uint64_t records_max_;
  bool encryption_;
};

}  // namespace themis::wire
