#pragma once
// The record layer of one connection: seals and opens records in place, in order, with one key per
// direction, and agrees on fresh keys while records flow.
//
//   rekey_1  A -> B   g^x                under the key in use; A opened the connection
//   rekey_2  B -> A   g^y                the last record under B's old sending key
//   rekey_3  A -> B   nothing            the last record under A's old sending key
//
//   mix = HKDF-extract(salt g^x || g^y, g^xy)      next key of a direction = mix into its old key
//
// A fresh agreement each time: who copied all keys of an end and then only listens is shut out by
// the next exchange (post-compromise security), and old records stay closed to who copies later.

#include <optional>

#include "runtime/base/rng.hpp"
#include "runtime/crypto/aead.hpp"
#include "runtime/crypto/dh.hpp"
#include "wire/frame_header.hpp"

namespace themis::wire {

constexpr size_t kTagBytes = crypto::kTagBytes;
/// A record holds as many messages as are queued; 16 KB keeps the share of header and tag under 0.2
/// % and the wait for the first byte of a record short.
constexpr size_t kRecordPlaintextMax = 16'384;
constexpr size_t kRecordBodyBytesMax = kRecordPlaintextMax + kTagBytes;
/// What a record adds to its plaintext: header and tag.
constexpr size_t kRecordOverheadBytes = kFrameHeaderBytes + kTagBytes;

struct SessionLimits {
  /// After so many records in one direction the session refuses: the peers make a new one.
  uint64_t records = uint64_t{1} << 48;
  /// After so many records under one key the initiator asks for the next; bounds what a stolen key
  /// opens. An exchange takes a round trip: at twice as many the session is overdue, at four times
  /// it refuses, still far under the 2^24.5 full records that AES-GCM bears with one key (RFC 8446
  /// section 5.5).
  uint64_t records_per_key = uint64_t{1} << 20;
};

/// What the handshake agreed on.
struct SessionKeys {
  crypto::Suite suite = crypto::Suite::chacha20poly1305;
  bool encryption = true;  ///< False: records carry the tag over their plain bytes.
  bool initiator = false;  ///< Who opened the connection, and asks for new keys.
  crypto::SecretBytes<crypto::kAeadKeyBytes> send, receive;
};

/// Record: header (FrameType, length, low 32 bits of the counter), ciphertext, 16-byte tag; the
/// header is authenticated with it. The nonce is the full 64-bit counter, which never travels and
/// runs on from key to key. Movable; one thread.
class Session {
 public:
  /// `limits`: smaller ones are for tests of the limits only.
  explicit Session(SessionKeys keys, const SessionLimits& limits = {});

  /// Seals `record`, in place: 8 bytes for the header, the plaintext (0..16,384 bytes), 16 bytes
  /// for the tag. The caller fills the plaintext only. Errors: too_large (plaintext), overloaded
  /// (a limit of SessionLimits); nothing is changed then.
  [[nodiscard]] Status seal_in_place(std::span<std::byte> record) {
    return seal_as(FrameType::record, record);
  }
  /// Appends one sealed record with a copy of `plaintext` to `out`. Errors: as seal_in_place; `out`
  /// is unchanged then.
  [[nodiscard]] Status seal(ByteView plaintext, Bytes& out) {
    return append_sealed(FrameType::record, plaintext, out);
  }

  /// Opens the record that must come next, in place, and returns its plaintext: a part of `record`.
  /// Errors: malformed (header or length), replayed (the sequence is not the expected one:
  /// repeated, reordered or lost), forged (tag; the content of `record` is lost then), overloaded
  /// (a limit of SessionLimits). The session is unchanged on any error: the genuine record still
  /// opens. Source: Themis paper 5.1.2, with the gaps of one key both ways and an unbounded counter
  /// closed.
  [[nodiscard]] Result<std::span<std::byte>> open(std::span<std::byte> record);

  /// Initiator, not while rekeying(): appends rekey_1 to `out`. Errors: as seal.
  [[nodiscard]] Status start_rekey(Rng& rng, Bytes& out);
  /// Whether `record` belongs to on_rekey() and not to open(); its header is whole.
  static bool is_rekey(ByteView record);
  /// Takes the peer's rekey record, in place, and appends the answer to `out`, which must go out
  /// before any later record. Errors: those of open(); malformed (out of turn), forged (a share of
  /// small order). The session is unchanged on any error.
  [[nodiscard]] Status on_rekey(std::span<std::byte> record, Rng& rng, Bytes& out);
  /// An exchange runs: an answer of the peer is awaited.
  bool rekeying() const { return offer_ || next_receive_; }
  /// Grows when both directions have their next keys.
  uint64_t rekeyed() const { return rekeyed_; }
  /// The initiator should ask for new keys.
  bool rekey_due() const { return initiator_ && !rekeying() && most() >= limits_.records_per_key; }
  /// The peer did not do its part in time: the session should end.
  bool rekey_overdue() const { return most() >= 2 * limits_.records_per_key; }

  uint64_t records_sent() const { return send_.counter; }
  uint64_t records_received() const { return receive_.counter; }
  bool encryption() const { return encryption_; }
  crypto::Suite suite() const { return send_.key.suite(); }

 private:
  struct Direction {
    crypto::AeadKey key;
    uint64_t counter = 0;
    uint64_t key_since = 0;  // the counter when this key was taken

    uint64_t under_key() const { return counter - key_since; }
    void take(crypto::AeadKey next) {
      key = std::move(next);
      key_since = counter;
    }
  };

  uint64_t most() const { return std::max(send_.under_key(), receive_.under_key()); }
  Status check_limits(const Direction& direction) const;
  Status seal_as(FrameType type, std::span<std::byte> record);
  Status append_sealed(FrameType type, ByteView plaintext, Bytes& out);
  Result<std::span<std::byte>> unseal(FrameType type, std::span<std::byte> record);
  Status on_rekey_1(std::span<std::byte> record, Rng& rng, Bytes& out);
  Status on_rekey_2(std::span<std::byte> record, Bytes& out);
  Status on_rekey_3(std::span<std::byte> record);

  Direction send_, receive_;
  SessionLimits limits_;
  bool encryption_;
  bool initiator_;
  uint64_t rekeyed_ = 0;
  std::optional<crypto::DhKey> offer_;           // initiator, until rekey_2
  std::optional<crypto::AeadKey> next_receive_;  // its peer, until rekey_3
};

}  // namespace themis::wire
