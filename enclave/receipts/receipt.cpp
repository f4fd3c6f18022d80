#include "enclave/receipts/receipt.hpp"

#include "runtime/base/codec.hpp"

namespace themis::receipts {
namespace {

constexpr std::string_view kLeafLabel = "themis/receipt/leaf/v1";

}  // namespace

Digest leaf_hash(const InstanceId& instance, uint16_t thread, uint32_t epoch,
                 const EpochSecret& secret, const LeafCall& call) {
  crypto::Sha256 hasher = leaf_hasher();
  std::array<std::byte, kLeafLabel.size() + sizeof instance + 2 + 4 + 8 + crypto::DhShare::kBytes +
                            sizeof secret + 8 + 1 + 3 * 4>
      fixed;
  std::byte* to = put(put(fixed.data(), as_bytes(kLeafLabel)), ByteView(instance));
  to = put(put(put(to, thread), epoch), call.position);
  to = put(put(to, call.client.view()), ByteView(secret));
  to = put(put(to, call.nonce), call.function);
  // The lengths first: no two calls have the same bytes.
  for (const ByteView part : {call.keys, call.arguments, call.result})
    to = put(to, static_cast<uint32_t>(part.size()));
  return hasher.add(fixed).add(call.keys).add(call.arguments).add(call.result).finish();
}

Status Receipt::verify(const crypto::PublicKey& key) const {
  THEMIS_CHECK(check_chain(certificates, key));
  const Certificate& epoch = certificates.front();
  const Digest leaf = leaf_hash(epoch.instance, thread, epoch.epoch, epoch.secret,
                                {position, client, nonce, function, keys, arguments, result});
  THEMIS_TRY(const Digest log, root_of(leaf, index, size, path));
  THEMIS_TRY(const Digest root,
             root_of(thread_leaf({log, size}), thread, epoch.threads, thread_path));
  if (root != epoch.root) return fail(Code::forged, "the receipt is not among those of its epoch");
  return {};
}

Status verify_text(std::string_view text, const crypto::PublicKey& key, std::string_view seen) {
  THEMIS_TRY(const Receipt receipt, Receipt::parse(text));
  THEMIS_CHECK(receipt.verify(key));
  if (seen.empty()) return {};
  const auto named = [](Error error) {
    error.detail = "the receipt seen before: " + error.detail;
    return fail(std::move(error));
  };
  const auto before = Receipt::parse(seen);
  if (!before) return named(before.error());
  if (const Status checked = check_chain(before->certificates, key); !checked)
    return named(checked.error());
  return check_same_chain(before->certificates, receipt.certificates);
}

}  // namespace themis::receipts
