#pragma once
// Whether bytes are UTF-8.

#include "runtime/base/bytes.hpp"

namespace themis {

/// True for well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, nothing over U+10FFFF).
bool is_utf8(ByteView bytes);

/// How many bytes at the end (0..3) begin a character that later bytes may complete.
size_t incomplete_utf8_tail(ByteView bytes);

}  // namespace themis
