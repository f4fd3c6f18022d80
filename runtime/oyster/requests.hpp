#pragma once
// What clients and storage servers send as JSON, strictly parsed. Pure.

#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/bytes.hpp"

namespace themis::oyster {

/// A key of the storage server; its own keys are some dozen letters.
inline constexpr size_t kCodeIdBytesMax = 256;

/// The body of POST /api/serverless: one of the two ids.
struct FirstCall {
  std::string tx_hash;
  std::string code_id;
  std::string input;  ///< JSON text; "null" without one.
};
/// Errors: malformed.
Result<FirstCall> parse_first_call(std::string_view body);
/// "0x" or nothing, then 64 hexadecimal digits, as bytes.
std::optional<Bytes> parse_hash(std::string_view text);

/// The body of POST /load.
std::string storage_request(std::string_view key);

}  // namespace themis::oyster
