#pragma once
// The C libraries' view of our buffers: unsigned char, never null. For this folder's sources only.

#include "runtime/base/bytes.hpp"

namespace themis::crypto {

/// libsodium declares its pointers non-null even for length zero; an empty span may be null.
inline unsigned char empty_buffer = 0;

inline const unsigned char* raw(ByteView bytes) {
  return bytes.empty() ? &empty_buffer : reinterpret_cast<const unsigned char*>(bytes.data());
}
template <class Buffer>
requires(!std::is_const_v<std::remove_pointer_t<
             decltype(std::declval<Buffer&>().data())>>) unsigned char* raw(Buffer&& bytes) {
  return bytes.empty() ? &empty_buffer : reinterpret_cast<unsigned char*>(bytes.data());
}

}  // namespace themis::crypto
