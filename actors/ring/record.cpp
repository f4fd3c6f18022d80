#include "actors/ring/record.hpp"

#include <algorithm>
#include <cstring>

namespace themis::ring {
namespace {

constexpr std::string_view kLeafDomain = "themis/record/leaf/v1";
/// More than the largest leaf: every text, list and number of a record at its limit.
constexpr size_t kLeafBytesMax = 2560;

bool is_printable(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

/// Canonical bytes: integers as u64 little-endian, texts and lists after their length. In place: a
/// leaf is hashed for every record that is stored or found.
class Canonical {
 public:
  void raw(ByteView bytes) {
    THEMIS_ASSERT(bytes.size() <= bytes_.size() - size_, "the record has the form of check_form");
    std::memcpy(bytes_.data() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void number(uint64_t value) { raw(std::as_bytes(std::span(&value, 1))); }
  void text(ByteView bytes) {
    number(bytes.size());
    raw(bytes);
  }
  void text(std::string_view value) { text(as_bytes(value)); }
  void address(const net::Address& value) {
    text(value.host);
    number(value.port);
  }
  ByteView view() const { return ByteView(bytes_).first(size_); }

 private:
  std::array<std::byte, kLeafBytesMax> bytes_;
  size_t size_ = 0;
};

/// `said`: an offer or a record.
template <class Said>
Status check_said(const Said& said) {
  if (said.payload.size() > kPayloadBytesMax)
    return fail(Code::too_large, "a record's payload has at most 512 bytes");
  if (said.version.size() > kVersionBytesMax)
    return fail(Code::too_large, "a record's version has at most 32 bytes");
  if (said.labels.size() > kLabelsMax)
    return fail(Code::too_large, "a record has at most 8 labels");
  for (const auto& [key, value] : said.labels)
    if (key.size() > kLabelKeyBytesMax || value.size() > kLabelValueBytesMax)
      return fail(Code::too_large, "a label has at most 32 bytes and its value 64");
  if (!is_printable(said.version) || !std::ranges::all_of(said.labels, [](const auto& label) {
        return !label.first.empty() && is_printable(label.first) && is_printable(label.second);
      }))
    return fail(Code::malformed, "a record's version and labels have no control characters");
  return {};
}

bool is_address(const net::Address& address) {
  return address.port != 0 && !address.host.empty() && address.host.size() <= kHostBytesMax;
}

}  // namespace

Status check_form(const Record& record) {
  if (record.name.empty() || record.name.size() > kNameBytesMax || !is_printable(record.name))
    return fail(Code::malformed, "an object's name has 1 to 128 bytes and no control characters");
  THEMIS_CHECK(check_said(record));
  if (record.more_addresses.size() >= kAddressesMax)
    return fail(Code::too_large, "a record has at most 4 addresses");
  if (record.proof.path.size() > kPathMax || record.proof.count > kTreeRecordsMax)
    return fail(Code::too_large, "at most 4096 records are signed together");
  if (record.provider.id.is_zero() || !is_address(record.provider.address) ||
      !std::ranges::all_of(record.more_addresses, is_address))
    return fail(Code::malformed, "a record names its provider and where it listens");
  const RecordProof& proof = record.proof;
  if (proof.count == 0 || proof.index >= proof.count)
    return fail(Code::malformed, "a record's place among those signed with it");
  if (proof.issued_ms < 0 || record.expires_ms <= proof.issued_ms ||
      record.expires_ms - proof.issued_ms > kRecordLifetimeMsMax)
    return fail(Code::malformed, "a record lives for an hour at most from its signing on");
  return {};
}

Status check_offer(const Offer& offer) { return check_said(offer); }

bool same_content(const Record& a, const Record& b) {
  return a.provider == b.provider && a.withdrawn == b.withdrawn && a.weight == b.weight &&
         a.more_addresses == b.more_addresses && a.version == b.version && a.labels == b.labels &&
         a.payload == b.payload;
}

crypto::Digest leaf_digest(const Record& record, std::string_view network) {
  Canonical leaf;
  leaf.raw(as_bytes(kLeafDomain));
  leaf.text(network);
  leaf.raw(record.key.view());
  leaf.text(record.name);
  leaf.number(1 + record.more_addresses.size());
  leaf.address(record.provider.address);
  for (const net::Address& address : record.more_addresses) leaf.address(address);
  leaf.number(record.sequence);
  leaf.number(static_cast<uint64_t>(record.expires_ms));
  leaf.number(record.withdrawn ? 1 : 0);
  leaf.number(record.weight);
  leaf.text(record.version);
  leaf.number(record.labels.size());
  for (const auto& [key, value] : record.labels) {
    leaf.text(key);
    leaf.text(value);
  }
  leaf.text(record.payload);
  return crypto::blake2b(leaf.view());
}

}  // namespace themis::ring
