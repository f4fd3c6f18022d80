#include "actors/ring/listing.hpp"

#include <algorithm>
#include <bit>

#include "runtime/crypto/hash.hpp"

namespace themis::ring {
namespace {

constexpr std::string_view kPrefix = "listing/";
/// Ten bits a name and seven of them set: one of 120 other names is taken for it (Bloom, CACM
/// 13(7), 1970).
constexpr size_t kBitsPerName = 10;
constexpr uint32_t kProbes = 7;
constexpr size_t kFilterBytesMin = 8;

crypto::Digest digest_of(std::string_view name) {
  return crypto::Hasher("themis/listing/v1").add_framed(as_bytes(name)).finish();
}
size_t bucket_in(const crypto::Digest& digest) {
  return load<uint16_t>(digest.data()) % kListingBuckets;
}
uint64_t hash_in(const crypto::Digest& digest) { return load<uint64_t>(digest.data() + 8); }

/// The bits of one name in a filter of `bytes`, a power of two: double hashing.
template <class Visit>
void for_bits(uint64_t hash, size_t bytes, const Visit& visit) {
  const auto first = static_cast<uint32_t>(hash);
  const auto step = static_cast<uint32_t>(hash >> 32) | 1;
  for (uint32_t i = 0; i < kProbes; ++i) visit((first + i * step) & (bytes * 8 - 1));
}

}  // namespace

size_t Listing::bucket_of(std::string_view name) { return bucket_in(digest_of(name)); }

std::string Listing::name_of(size_t bucket) {
  return std::string(kPrefix) + std::to_string(bucket);
}

std::string listing_of(std::string_view name) { return Listing::name_of(Listing::bucket_of(name)); }

bool is_listing(std::string_view name) { return name.starts_with(kPrefix); }

bool may_have(ByteView payload, std::string_view name) {
  if (payload.size() < kFilterBytesMin || !std::has_single_bit(payload.size())) return false;
  bool all = true;
  for_bits(hash_in(digest_of(name)), payload.size(), [&](size_t bit) {
    all = all && (static_cast<uint8_t>(payload[bit / 8]) >> (bit % 8) & 1) != 0;
  });
  return all;
}

Records listed_in(const std::string& name, const Records& listings) {
  Records records;
  for (const Record& listing : listings) {
    if (!may_have(listing.payload, name)) continue;
    Record& record = records.emplace_back(listing);
    record.name = name;
    record.payload.clear();
    record.proof = {};
  }
  return records;
}

bool Listing::add(std::string_view name) {
  const crypto::Digest digest = digest_of(name);
  std::vector<uint64_t>& bucket = buckets_[bucket_in(digest)];
  const auto at = std::lower_bound(bucket.begin(), bucket.end(), hash_in(digest));
  if (at != bucket.end() && *at == hash_in(digest)) return true;
  if (bucket.size() >= kNamesPerBucketMax) return false;
  bucket.insert(at, hash_in(digest));
  ++size_;
  return true;
}

void Listing::remove(std::string_view name) {
  const crypto::Digest digest = digest_of(name);
  size_ -= std::erase(buckets_[bucket_in(digest)], hash_in(digest));
}

Bytes Listing::payload(size_t bucket) const {
  const std::vector<uint64_t>& names = buckets_[bucket];
  if (names.empty()) return {};
  const size_t wanted = std::bit_ceil(names.size() * kBitsPerName / 8 + 1);
  Bytes filter(std::clamp(wanted, kFilterBytesMin, kPayloadBytesMax));
  for (const uint64_t hash : names)
    for_bits(hash, filter.size(),
             [&](size_t bit) { filter[bit / 8] |= std::byte{1} << (bit % 8); });
  return filter;
}

}  // namespace themis::ring
