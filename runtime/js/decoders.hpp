#pragma once
// Decoders of the legacy encodings, by ICU, which the node executable exports.

#include <string>

#include "runtime/base/bytes.hpp"

extern "C" {
struct UConverter;
}

namespace themis::js {

/// Decoders one worker may have in the middle of a stream; each is some 300 bytes that no other
/// limit counts.
inline constexpr size_t kDecodersMax = 1024;

/// ICU's decoder of one encoding, with what it remembers between two chunks.
class IcuDecoder {
 public:
  /// `encoding`: a name that ICU knows. A decoder that is not `good()` decodes nothing.
  IcuDecoder(const char* encoding, bool fatal);
  ~IcuDecoder();
  IcuDecoder(const IcuDecoder&) = delete;
  IcuDecoder& operator=(const IcuDecoder&) = delete;

  bool good() const { return converter_ != nullptr || user_defined_; }
  /// Appends the text of `bytes`; `last`: nothing follows. False: malformed, of a fatal decoder.
  bool decode(ByteView bytes, bool last, std::u16string& out);

 private:
  const bool user_defined_;  ///< x-user-defined, which ICU does not have.
  UConverter* converter_ = nullptr;
};

}  // namespace themis::js
