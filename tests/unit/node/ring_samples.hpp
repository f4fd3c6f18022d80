#pragma once
// Small identities whose place on the circle a reader sees: byte 0 is the most significant.

#include "actors/node/ring_messages.hpp"

namespace themis::ring {

template <class Id>
Id id_at(unsigned first, unsigned last = 0) {
  Id id;
  id.bytes[0] = static_cast<std::byte>(first);
  id.bytes[31] = static_cast<std::byte>(last);
  return id;
}
inline Contact contact_at(unsigned first) {
  return {id_at<NodeId>(first), {"10.0.0." + std::to_string(first), 7001}};
}
inline Record record_of(unsigned provider, uint64_t sequence = 1, int64_t expires_ms = 10'000) {
  return {"greeter", contact_at(provider), sequence, expires_ms, to_bytes("v1")};
}

}  // namespace themis::ring
