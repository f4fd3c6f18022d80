#include "wire/presence.hpp"

namespace themis::wire {
namespace {

// Neither is the beginning of the other, nor of any label of the handshake.
constexpr std::string_view kInitiatorLabel = "themis/present/v1 initiator";
constexpr std::string_view kResponderLabel = "themis/present/v1 responder";

Bytes signed_text(const crypto::Digest& transcript, bool initiator, const crypto::PublicKey& key) {
  Bytes text = to_bytes(initiator ? kInitiatorLabel : kResponderLabel);
  append(text, transcript);
  append(text, key.view());
  return text;
}

}  // namespace

std::array<std::byte, kPresenceBytes> make_presence(const Identity& identity,
                                                    const crypto::Digest& transcript,
                                                    bool initiator) {
  const crypto::PublicKey& key = identity.public_key();
  const crypto::Signature signature = identity.key().sign(signed_text(transcript, initiator, key));
  std::array<std::byte, kPresenceBytes> presence;
  std::ranges::copy(key.view(), presence.begin());
  std::ranges::copy(signature.view(), presence.begin() + crypto::PublicKey::kBytes);
  return presence;
}

Result<NodeId> check_presence(ByteView presence, std::string_view network,
                              const crypto::Digest& transcript, bool initiator) {
  if (presence.size() != kPresenceBytes)
    return fail(Code::malformed, "a node is presented by its key and a signature");
  THEMIS_TRY(const crypto::PublicKey key,
             crypto::PublicKey::from_bytes(presence.first<crypto::PublicKey::kBytes>()));
  THEMIS_TRY(const crypto::Signature signature,
             crypto::Signature::from_bytes(presence.last<crypto::Signature::kBytes>()));
  THEMIS_CHECK(crypto::verify(key, signed_text(transcript, initiator, key), signature));
  return node_id(key, network);
}

}  // namespace themis::wire
