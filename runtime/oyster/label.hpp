#pragma once
// Which code a request is for, by the first label of its Host header. Pure.

#include <string>
#include <string_view>

#include "runtime/base/bytes.hpp"

namespace themis::oyster {

/// Why a text is no base32, as the crate data-encoding, which Oyster decodes with, tells it.
struct DecodeError {
  enum class Kind : uint8_t { length, symbol, trailing };
  size_t position = 0;
  Kind kind = Kind::symbol;

  /// "DecodeError { position: 51, kind: Symbol }".
  std::string text() const;
  friend bool operator==(const DecodeError&, const DecodeError&) = default;
};

/// RFC 4648 section 6 without padding, in any case; bits that stand for nothing are zero.
tl::expected<Bytes, DecodeError> decode_base32(std::string_view text);
std::string encode_base32(ByteView bytes);

/// What comes before the first dot.
std::string_view first_label(std::string_view host);

}  // namespace themis::oyster
