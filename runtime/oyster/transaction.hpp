#pragma once
// Code in the calldata of a transaction, asked of an Ethereum node by JSON-RPC. Pure.

#include <string>
#include <string_view>

#include "runtime/base/bytes.hpp"

namespace themis::oyster {

/// An answer of the node: calldata of a megabyte in hexadecimal, and what is around it.
inline constexpr size_t kAnswerBytesMax = size_t{4} << 20;

/// Why there is no code, in the order in which it is looked for.
enum class NoCode : uint8_t {
  no_answer,       ///< Of the node: it could not be asked, or says an error, or no JSON.
  not_found,       ///< It knows no such transaction.
  no_address,      ///< The transaction makes a contract, or names nothing.
  other_contract,  ///< It is for another contract.
  no_text,         ///< Its calldata is no string.
  no_hex,          ///< It is no hexadecimal, or shorter than a call with one string.
  refused,         ///< Not Oyster's: there is code, and it is too long, or binary.
  no_deposit,      ///< Nobody has paid enough for it.
};
struct Trouble {
  NoCode why = NoCode::no_answer;
  std::string text;  ///< As Oyster says it.
  friend bool operator==(const Trouble&, const Trouble&) = default;
};

/// The code as it was uploaded: `selector(string)`.
struct Uploaded {
  std::string code;        ///< What follows selector, offset and length, without NULs at the end.
  bool is_string = false;  ///< As the ABI has it: its offset and length fit.
};

/// The body of the request for a transaction. `hash`: 32 bytes.
std::string transaction_request(ByteView hash);
/// Strict. `contract`: "0x" and 40 hexadecimal digits in lower case.
tl::expected<Uploaded, Trouble> read_transaction(std::string_view answer,
                                                 std::string_view contract);

/// The body of the request for what was paid in for a function: balanceOf(bytes32) of `contract`.
std::string deposit_request(ByteView hash, std::string_view contract);
/// Whether the answer's number is over `least`. Errors: malformed (it is no answer).
Result<bool> has_deposit(std::string_view answer, uint64_t least);

}  // namespace themis::oyster
