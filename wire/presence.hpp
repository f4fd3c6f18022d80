#pragma once
// How one end of a session proves that it is further nodes besides the one that shook hands: a
// process with many virtual nodes has one session with another process, not one for each pair.

#include "runtime/crypto/hash.hpp"
#include "wire/identity.hpp"

namespace themis::wire {

/// Virtual nodes that one end presents on one session: bounds what a peer can make us verify and
/// remember.
inline constexpr size_t kPresentedMax = 4096;
/// A public key and a signature by it.
inline constexpr size_t kPresenceBytes = crypto::PublicKey::kBytes + crypto::Signature::kBytes;

/// `identity` signs this session and this end of it, so that the proof fits no other session and
/// cannot be sent back. `transcript`: Established::transcript. `initiator`: whether the signing end
/// opened the session.
std::array<std::byte, kPresenceBytes> make_presence(const Identity& identity,
                                                    const crypto::Digest& transcript,
                                                    bool initiator);
/// The node that `presence` proves to be at the end `initiator` of the session. Errors: malformed
/// (length), forged (signature: another key, session or end). Any thread; 60 us.
[[nodiscard]] Result<NodeId> check_presence(ByteView presence, std::string_view network,
                                            const crypto::Digest& transcript, bool initiator);

}  // namespace themis::wire
