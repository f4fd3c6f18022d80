#pragma once
// What the files over OpenSSL share. Private to runtime/crypto.

#include "runtime/base/bytes.hpp"

namespace themis::crypto {

/// Of a std::unique_ptr to an object of OpenSSL.
template <auto free_it>
struct Frees {
  template <class T>
  void operator()(T* object) const {
    free_it(object);
  }
};

inline const unsigned char* chars(ByteView bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
inline unsigned char* chars(Bytes& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

}  // namespace themis::crypto
