#pragma once
// The key agreement between two nodes: three messages after which both know each other's identity
// and share fresh keys.
//
// clang-format off
//   1  A -> B   suites, g^a, N_A, network tag
//   2  B -> A   suite, g^b, N_B, sealed{PK_B, Sig_B("responder", h2, PK_B, C_B), C_B}
//   3  A -> B   sealed{PK_A, Sig_A("initiator", h3, PK_A, C_A), C_A}
//               A's first record may follow at once.
//   C: credentials (wire/credentials.hpp); most nodes have none, and no byte of it then.
// clang-format on
//
// A responder under load answers message 1 with a retry: a cookie (wire/cookie.hpp), before it has
// computed an agreement or a signature or kept anything. The initiator sends message 1 again with
// the cookie behind it; that is the message 1 of the transcript.
//
// clang-format off
//   h2 = H(network, message 1, clear part of message 2)
//   h3 = H(h2, sealed part of message 2, PK_B)
//   h4 = H(h3, sealed part of message 3, PK_A)
//   seal 2, seal 3, chain   = HKDF(salt h2, g^ab)
//   A->B, B->A, exporter    = HKDF(salt h4, chain)
//
//   H is BLAKE2b-256 with a domain and framed fields.
// clang-format on
//
// SIGMA-I (Krawczyk, CRYPTO 2003): the tag of each sealed part is the MAC that confirms. A passive
// observer learns no identity. An active one can learn the responder's; the initiator's only where
// the initiator expects nobody in particular (HandshakeConfig::expected), and only if it knows the
// network's name: whoever then sits at the address is shown message 3. A session between processes
// is opened so, because only the process knows which of its nodes shakes hands. Themis paper 5.1.1,
// with both shares signed.

#include <array>
#include <optional>

#include "runtime/base/rng.hpp"
#include "runtime/crypto/dh.hpp"
#include "runtime/crypto/hash.hpp"
#include "wire/cookie.hpp"
#include "wire/credentials.hpp"
#include "wire/identity.hpp"
#include "wire/session.hpp"

namespace themis::wire {

constexpr size_t kHandshakeNonceBytes = 32;
constexpr size_t kNetworkTagBytes = 8;
/// A public key, a signature, and the tag over both; credentials add at most
/// Credentials::kBytesMax.
constexpr size_t kSealedIdentityBytes =
    crypto::PublicKey::kBytes + crypto::Signature::kBytes + kTagBytes;
constexpr size_t kHandshake1Bytes =
    kFrameHeaderBytes + 1 + crypto::DhShare::kBytes + kHandshakeNonceBytes + kNetworkTagBytes;
/// Message 1 with a cookie behind it.
constexpr size_t kHandshake1CookieBytes = kHandshake1Bytes + kCookieBytes;
constexpr size_t kRetryBytes = kFrameHeaderBytes + kCookieBytes;
/// This message and the next without credentials.
constexpr size_t kHandshake2Bytes =
    kFrameHeaderBytes + 1 + crypto::DhShare::kBytes + kHandshakeNonceBytes + kSealedIdentityBytes;
constexpr size_t kHandshake3Bytes = kFrameHeaderBytes + kSealedIdentityBytes;
/// The longest message without its header: what a frame may hold before the peer is known.
constexpr size_t kHandshakeBodyBytesMax =
    kHandshake2Bytes - kFrameHeaderBytes + Credentials::kBytesMax;

/// The suites byte of message 1 is a set of these; that of message 2 has one suite, and kOfferPlain
/// if message 1 had it.
constexpr uint8_t kOfferAes256Gcm = 1 << 0;
constexpr uint8_t kOfferChacha20Poly1305 = 1 << 1;
constexpr uint8_t kOfferPlain =
    1 << 7;  ///< Encryption off: for measuring; both sides must ask for it.
/// What this CPU can do, as a set.
uint8_t available_suites();

struct HandshakeConfig {
  const Identity* self = nullptr;  ///< Outlives the handshake.
  /// The identity that must answer, or one that proves to have taken its place; without it any node
  /// of the network will do (bootstrap by address).
  std::optional<NodeId> expected = std::nullopt;
  bool encryption = true;
  uint8_t suites = available_suites();  ///< Without kOfferPlain. At least one.
  /// Responders: who says whether message 1 needs a cookie, and how many are answered. Null: never,
  /// and all. Outlives the handshake.
  CookieGate* cookies = nullptr;
  /// Null: no invite is shown, and none is asked for. Outlives the handshake.
  const Admission* admission = nullptr;
  int64_t wall_ms = 0;  ///< When it begins, for what expires.
};

/// What a finished handshake leaves.
struct Established {
  NodeId peer;
  crypto::PublicKey peer_key;
  Session session;
  crypto::Digest transcript;         ///< Equal at both ends and nowhere else: for channel binding.
  crypto::SecretBytes<32> exporter;  ///< For further keys between the two.
  Standing standing;                 ///< What the peer's credentials proved.
};

/// One run of the protocol, one side of it. No I/O and no clock: who runs it bounds how long it may
/// take and how many there are. Movable; one thread. Errors are for our own log: the peer is told
/// nothing, the connection is closed.
class Handshake {
 public:
  enum class State : uint8_t {
    ready,      ///< Initiator, before start().
    expects_1,  ///< Responder, before message 1.
    expects_2,  ///< Initiator, message 1 is out.
    expects_3,  ///< Responder, message 2 is out.
    done,       ///< take() may be called.
    taken,      ///< Nothing is left here.
  };

  static Handshake initiator(const HandshakeConfig& config, Rng& rng);
  /// `rng` is used by step() too and outlives the handshake.
  static Handshake responder(const HandshakeConfig& config, Rng& rng);
  /// Responder, before message 1: the address that a cookie proves, and the site that is counted
  /// for it (CookieGate::admit).
  void set_caller(std::string address, std::string site = {}) {
    caller_ = std::move(address);
    site_ = std::move(site);
  }

  /// Message 1. Initiator in State::ready only.
  Bytes start();
  /// Takes the peer's message, header included, and returns the answer to send: message 2, message
  /// 3, a retry (once), message 1 with the cookie of a retry (once), or nothing. Errors: malformed
  /// (length, header, out of turn), wrong_peer (another network; another identity than expected),
  /// denied (the ends disagree about encryption or share no suite; no valid cookie or invite where
  /// one is needed), overloaded (CookieGate::admit), forged (share, tag or a signature), invalid (a
  /// node talks to itself). The state is unchanged on any error.
  [[nodiscard]] Result<Bytes> step(ByteView frame);

  State state() const { return state_; }
  /// Responder: a caller that has sent nothing that holds yet.
  bool unheard() const { return state_ == State::expects_1 && !retried_; }
  bool done() const { return state_ == State::done; }
  /// The outcome, once, in State::done.
  Established take();

 private:
  /// What both sides know once the shares have been exchanged.
  struct Secrets {
    crypto::SecretBytes<32> seal_2, seal_3, chain;
    crypto::Digest transcript;  // h2, then h3
    uint8_t choice = 0;
  };
  /// Whoever is at the other end.
  struct Peer {
    crypto::PublicKey key;
    Standing standing;
  };

  Handshake(const HandshakeConfig& config, Rng& rng, State state);
  Result<Bytes> on_message_1(ByteView frame);
  Result<Bytes> answer(ByteView message_1);
  Result<Bytes> on_retry(ByteView frame);
  Result<Bytes> on_message_2(ByteView frame);
  Result<Bytes> on_message_3(ByteView frame);
  Result<uint8_t> choose(uint8_t offered) const;
  Status check_choice(uint8_t choice) const;
  Result<Secrets> agree(const crypto::DhKey& own, const crypto::DhShare& peer, ByteView message_1,
                        ByteView clear_2) const;
  void seal_identity(const crypto::SecretBytes<32>& key, const Secrets& secrets,
                     std::span<std::byte> frame) const;
  Result<Peer> open_identity(const crypto::SecretBytes<32>& key, const Secrets& secrets,
                             ByteView frame) const;
  Result<Peer> check_peer(const crypto::PublicKey& key, ByteView credentials) const;
  void finish(const Secrets& secrets, Peer peer, const crypto::PublicKey& initiator,
              ByteView sealed_3);

  HandshakeConfig config_;
  Bytes credentials_;  // of this end
  Rng* rng_;
  State state_;
  bool initiator_;
  std::optional<crypto::DhKey> ephemeral_;  // initiator, until message 2
  Bytes message_1_;                         // initiator, until message 2
  std::string caller_, site_;               // responder, until message 1
  bool retried_ = false;                    // either side: once is all
  std::optional<Secrets> secrets_;          // responder, until message 3
  std::optional<Established> established_;  // until take()
};

}  // namespace themis::wire
