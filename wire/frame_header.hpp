#pragma once
// The 8 bytes in front of everything on a connection: handshake messages and sealed records alike.

#include "runtime/base/bytes.hpp"

namespace themis::wire {

constexpr size_t kFrameHeaderBytes = 8;
constexpr uint8_t kProtocolVersion = 1;

enum class FrameType : uint8_t {
  handshake_1 = 1,  ///< Initiator: suites, key share, nonce, network tag.
  handshake_2 = 2,  ///< Responder: suite, key share, nonce, sealed identity.
  handshake_3 = 3,  ///< Initiator: sealed identity.
  retry = 4,        ///< Responder under load: a cookie for message 1.
  record = 0x10,    ///< Either side, after the handshake.
  rekey_1 = 0x11,   ///< Initiator of the session: a fresh key share, sealed.
  rekey_2 = 0x12,   ///< Its peer: a fresh key share; the last record under the old key that way.
  rekey_3 = 0x13,   ///< Initiator: nothing; the last record under the old key this way.
};

/// {u8 type, u8 version, u16 length of what follows, u32 sequence}, little-endian.
struct FrameHeader {
  uint8_t type = 0;  ///< Not checked here: a type that the state does not expect is refused by
                     ///< whoever takes the frame.
  uint8_t version = kProtocolVersion;
  uint16_t length = 0;  ///< Bytes after the header.
  uint32_t sequence =
      0;  ///< Records: the low 32 bits of the record counter. Handshake messages: 0.

  /// Reads kFrameHeaderBytes bytes; the caller has checked that they are there.
  static FrameHeader read(const std::byte* from) {
    return {load<uint8_t>(from), load<uint8_t>(from + 1), load<uint16_t>(from + 2),
            load<uint32_t>(from + 4)};
  }
  void write(std::byte* to) const {
    store(to, type);
    store(to + 1, version);
    store(to + 2, length);
    store(to + 4, sequence);
  }
  friend bool operator==(const FrameHeader&, const FrameHeader&) = default;
};

}  // namespace themis::wire
