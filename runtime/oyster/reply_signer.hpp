#pragma once
// Signs what code answered to a request: Oyster's signature, and one of the node's own identity.

#include "runtime/crypto/keccak.hpp"
#include "runtime/crypto/recoverable_key.hpp"
#include "runtime/crypto/sign.hpp"
#include "runtime/http/message.hpp"

namespace themis::oyster {

/// What is signed besides the time and the answer's body: a request as it came.
struct SignedRequest {
  std::string_view method;
  std::string_view path_and_query;
  std::string_view host;
  std::string_view body;
};

/// keccak256("|oyster-serverless-hasher|" "|timestamp|" TIME "|request|" "|method|" ...): the
/// fields follow each other without lengths, TIME is seconds as u64, big-endian. Status and headers
/// of the answer are not in it. Source: oyster-serverless v2.0.0.
crypto::Digest reply_digest(const SignedRequest& request, std::string_view answer_body,
                            uint64_t time_s);

/// Headers of a signed answer; the first two are Oyster's.
inline constexpr std::string_view kTimestampHeader = "X-Oyster-Timestamp";
inline constexpr std::string_view kSignatureHeader = "X-Oyster-Signature";
/// Of the node's identity, over kIdentityLabel and the same digest; and the key it verifies with.
inline constexpr std::string_view kIdentitySignatureHeader = "X-Themis-Signature";
inline constexpr std::string_view kIdentityKeyHeader = "X-Themis-Public-Key";
inline constexpr std::string_view kIdentityLabel = "themis/oyster-reply/v1";

/// Adds the four headers; those of such names that the code itself set are gone.
void sign_reply(http::Response& response, const SignedRequest& request, uint64_t time_s,
                const crypto::RecoverableKey& key, const crypto::SigningKey& identity);

}  // namespace themis::oyster
