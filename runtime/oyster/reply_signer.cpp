#include "runtime/oyster/reply_signer.hpp"

namespace themis::oyster {

crypto::Digest reply_digest(const SignedRequest& request, std::string_view answer_body,
                            uint64_t time_s) {
  std::array<std::byte, sizeof time_s> time{};
  for (size_t i = 0; i < time.size(); ++i)
    time[i] = static_cast<std::byte>(time_s >> (8 * (time.size() - 1 - i)));
  crypto::Keccak256 hash;
  hash.add("|oyster-serverless-hasher||timestamp|").add(time);
  hash.add("|request||method|").add(request.method);
  hash.add("|pathandquery|").add(request.path_and_query);
  hash.add("|host|").add(request.host);
  hash.add("|body|").add(request.body);
  hash.add("|response||body|").add(answer_body);
  return hash.finish();
}

void sign_reply(http::Response& response, const SignedRequest& request, uint64_t time_s,
                const crypto::RecoverableKey& key, const crypto::SigningKey& identity) {
  const crypto::Digest digest = reply_digest(request, response.body, time_s);
  Bytes labelled = to_bytes(kIdentityLabel);
  append(labelled, digest);
  response.headers.set(kTimestampHeader, std::to_string(time_s));
  response.headers.set(kSignatureHeader, to_hex(key.sign(digest)));
  response.headers.set(kIdentitySignatureHeader, to_hex(identity.sign(labelled).view()));
  response.headers.set(kIdentityKeyHeader, to_hex(identity.public_key().view()));
}

}  // namespace themis::oyster
