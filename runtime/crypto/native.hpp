#pragma once
// The C libraries' view of our buffers: they take unsigned char. Included by this folder's sources
// only.

#include "runtime/base/bytes.hpp"

namespace themis::crypto {

inline const unsigned char* raw(ByteView bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
template <class Buffer>
requires(!std::is_const_v<std::remove_pointer_t<
             decltype(std::declval<Buffer&>().data())>>) unsigned char* raw(Buffer&& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

}  // namespace themis::crypto
