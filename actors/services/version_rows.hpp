#pragma once
// How a function store writes the versions that were deployed.

#include <optional>

#include "actors/services/function_types.hpp"

namespace themis {

/// The key of a version; without a number what those of all of a name's begin with: no name has a
/// zero byte.
Bytes key_of_version(std::string_view name, std::optional<uint32_t> number);
/// u8 format (1), the code's id, u32 instances, u32 restored version, i64 milliseconds.
Bytes encode_version(const KeptVersion& kept);
/// Nothing when it is none of this format.
std::optional<KeptVersion> decode_version(ByteView key, ByteView value);

}  // namespace themis
