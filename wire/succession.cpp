#include "wire/succession.hpp"

namespace themis::wire {
namespace {

using crypto::PublicKey;
using crypto::Signature;

constexpr std::string_view kOldLabel = "themis/succession/v1 by old";
constexpr std::string_view kNewLabel = "themis/succession/v1 by new";

Status check_times(uint32_t issued_s, uint32_t expires_s) {
  if (expires_s <= issued_s || expires_s - issued_s > kOverlapMaxS)
    return fail(Code::malformed, "a succession that lasts no time, or longer than it may");
  return {};
}

/// The label of the role, then every field; the network is the only one whose length varies.
Bytes signed_text(std::string_view role, const Succession& statement, const PublicKey& next,
                  std::string_view network) {
  Bytes text = to_bytes(role);
  std::byte numbers[16];
  store<uint64_t>(numbers, network.size());
  store(numbers + 8, statement.issued_s);
  store(numbers + 12, statement.expires_s);
  append(text, numbers);
  append(text, as_bytes(network));
  append(text, statement.old_key.view());
  append(text, next.view());
  return text;
}

}  // namespace

Succession Succession::make(const crypto::SigningKey& old, const crypto::SigningKey& next,
                            std::string_view network, uint32_t issued_s, uint32_t expires_s) {
  THEMIS_ASSERT(check_times(issued_s, expires_s), "an overlap has a beginning and an end");
  Succession statement{old.public_key(), issued_s, expires_s, {}, {}};
  statement.by_old = old.sign(signed_text(kOldLabel, statement, next.public_key(), network));
  statement.by_new = next.sign(signed_text(kNewLabel, statement, next.public_key(), network));
  return statement;
}

Result<Succession> Succession::from_bytes(ByteView bytes) {
  if (bytes.size() != kBytes) return fail(Code::malformed, "a succession of another length");
  Succession statement;
  THEMIS_TRY(statement.old_key, PublicKey::from_bytes(bytes.first(PublicKey::kBytes)));
  const ByteView times = bytes.subspan(PublicKey::kBytes, 2 * sizeof(uint32_t));
  statement.issued_s = load<uint32_t>(times.data());
  statement.expires_s = load<uint32_t>(times.data() + sizeof(uint32_t));
  THEMIS_CHECK(check_times(statement.issued_s, statement.expires_s));
  const ByteView signatures = bytes.last(2 * Signature::kBytes);
  THEMIS_TRY(statement.by_old, Signature::from_bytes(signatures.first(Signature::kBytes)));
  THEMIS_TRY(statement.by_new, Signature::from_bytes(signatures.last(Signature::kBytes)));
  return statement;
}

void Succession::append_to(Bytes& out) const {
  std::byte times[8];
  store(times, issued_s);
  store(times + 4, expires_s);
  append(out, old_key.view());
  append(out, times);
  append(out, by_old.view());
  append(out, by_new.view());
}

Status Succession::verify(const PublicKey& next, std::string_view network) const {
  THEMIS_CHECK(crypto::verify(old_key, signed_text(kOldLabel, *this, next, network), by_old));
  return crypto::verify(next, signed_text(kNewLabel, *this, next, network), by_new);
}

Successions in_force(const Successions& chain, int64_t wall_s) {
  const auto over = std::find_if(chain.begin(), chain.end(), [wall_s](const Succession& s) {
    return wall_s >= s.expires_s || wall_s + kClockSkewS < s.issued_s;
  });
  return {chain.begin(), over};
}

}  // namespace themis::wire
