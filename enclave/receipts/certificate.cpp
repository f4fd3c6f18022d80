#include "enclave/receipts/certificate.hpp"

#include "runtime/base/codec.hpp"

namespace themis::receipts {
namespace {

constexpr std::string_view kChainLabel = "themis/receipt/chain/v1";
constexpr std::string_view kThreadLabel = "themis/receipt/thread/v1";
constexpr std::string_view kEpochLabel = "themis/receipt/epoch/v1";

std::string numbered(const char* what, uint32_t epoch) { return what + std::to_string(epoch); }

/// What the signature is over.
template <class Then>
auto with_statement(const Certificate& certificate, Then then) {
  std::array<std::byte, kEpochLabel.size() + sizeof(InstanceId) + 4 + sizeof(ChainHash)> text;
  std::byte* to = put(put(text.data(), as_bytes(kEpochLabel)), ByteView(certificate.instance));
  put(put(to, certificate.epoch), ByteView(certificate.chain()));
  return then(ByteView(text));
}

}  // namespace

ChainHash Certificate::chain() const {
  std::array<std::byte, 4 + 2> numbers;
  put(put(numbers.data(), epoch), threads);
  return crypto::Sha256()
      .add(as_bytes(kChainLabel))
      .add(instance)
      .add(numbers)
      .add(previous)
      .add(root)
      .add(secret)
      .finish();
}

void Certificate::sign(const crypto::SigningKey& key) {
  signature = with_statement(*this, [&](ByteView text) { return key.sign(text); });
}

Status Certificate::verify(const crypto::PublicKey& key) const {
  return with_statement(*this, [&](ByteView text) { return crypto::verify(key, text, signature); });
}

Digest thread_leaf(const LogHead& head) {
  std::array<std::byte, 8> size;
  put(size.data(), head.size);
  return leaf_hasher().add(as_bytes(kThreadLabel)).add(size).add(head.root).finish();
}

CertificateSigner::CertificateSigner(const InstanceId& instance, const MasterKey& master,
                                     crypto::SigningKey key, uint32_t first)
    : instance_(instance), master_(master.view()), key_(std::move(key)), epoch_(first) {}

Certificate CertificateSigner::next(std::span<const LogHead> heads) {
  const auto threads = static_cast<uint16_t>(heads.size());
  MerkleLog log;
  for (const LogHead& head : heads) log.add(thread_leaf(head));
  const EpochSecret secret = epoch_secret(master_, instance_, epoch_);
  Certificate certificate{instance_, epoch_, threads, chain_, log.head().root, secret, {}};
  certificate.sign(key_);
  chain_ = certificate.chain();
  ++epoch_;
  return certificate;
}

Status check_chain(std::span<const Certificate> certificates, const crypto::PublicKey& key) {
  if (certificates.empty()) return fail(Code::malformed, "no certificate");
  const Certificate* before = nullptr;
  for (const Certificate& each : certificates) {
    if (before != nullptr) {
      if (each.instance != before->instance)
        return fail(Code::wrong_peer, "certificates of two instances");
      if (each.epoch != before->epoch + 1 || each.epoch == 0)
        return fail(Code::not_found, numbered("no certificate of epoch ", before->epoch + 1));
      if (each.previous != before->chain())
        return fail(Code::forged, numbered("a forked chain at epoch ", each.epoch));
    }
    if (each.epoch == 0 && each.previous != ChainHash{})
      return fail(Code::forged, "something before the first epoch");
    if (!each.verify(key))
      return fail(Code::forged,
                  numbered("the key did not sign the certificate of epoch ", each.epoch));
    before = &each;
  }
  return {};
}

Status check_same_chain(std::span<const Certificate> seen, std::span<const Certificate> shown) {
  if (seen.front().instance != shown.front().instance)
    return fail(Code::wrong_peer, "a certificate of another instance");
  const bool later = shown.front().epoch > seen.back().epoch;
  const auto& first = later ? seen : shown;
  const auto& second = later ? shown : seen;
  if (second.front().epoch > first.back().epoch) {  // nothing in common: do they touch?
    if (second.front().epoch - first.back().epoch > 1)
      return fail(Code::not_found, numbered("no certificate of epoch ", first.back().epoch + 1));
    if (second.front().previous != first.back().chain())
      return fail(Code::forged, numbered("a forked chain at epoch ", second.front().epoch));
    return {};
  }
  for (const Certificate& each : seen)
    for (const Certificate& other : shown)
      if (each.epoch == other.epoch && each.chain() != other.chain())
        return fail(Code::forged, numbered("a forked chain at epoch ", each.epoch));
  return {};
}

Status ChainView::accept(const Certificate& certificate) {
  const std::span shown(&certificate, 1);
  if (certificate.instance != instance_.id)
    return fail(Code::wrong_peer, "a certificate of another instance");
  THEMIS_CHECK(check_chain(shown, instance_.signing));
  if (last_) THEMIS_CHECK(check_same_chain(std::span(&*last_, 1), shown));
  if (!last_ || certificate.epoch > last_->epoch) last_ = certificate;
  return {};
}

}  // namespace themis::receipts
