#include "actors/ring/listing.hpp"

#include <gtest/gtest.h>

#include "actors/ring/record.hpp"

namespace themis::ring {
namespace {

std::string name_of(size_t number) { return "fn/f" + std::to_string(number); }

TEST(Listing, HasWhatWasAddedUntilItIsRemoved) {
  Listing listing;
  const size_t bucket = Listing::bucket_of("fn/a");
  EXPECT_EQ(listing_of("fn/a"), Listing::name_of(bucket));
  EXPECT_TRUE(is_listing(listing_of("fn/a")));
  EXPECT_FALSE(is_listing("fn/a"));
  EXPECT_TRUE(listing.payload(bucket).empty());
  EXPECT_FALSE(may_have(listing.payload(bucket), "fn/a"));
  EXPECT_TRUE(listing.add("fn/a"));
  EXPECT_TRUE(listing.add("fn/a"));
  EXPECT_EQ(listing.size(), 1u);
  EXPECT_TRUE(may_have(listing.payload(bucket), "fn/a"));
  listing.remove("fn/a");
  listing.remove("fn/a");
  EXPECT_EQ(listing.size(), 0u);
  EXPECT_TRUE(listing.payload(bucket).empty());
}

TEST(Listing, OfTwoHundredThousandNamesFitsItsRecordsAndMissesNone) {
  constexpr size_t kNames = 200'000;
  Listing listing;
  for (size_t i = 0; i < kNames; ++i) ASSERT_TRUE(listing.add(name_of(i)));
  std::vector<Bytes> payloads;
  for (size_t bucket = 0; bucket < kListingBuckets; ++bucket) {
    payloads.push_back(listing.payload(bucket));
    EXPECT_LE(payloads.back().size(), kPayloadBytesMax);
  }
  size_t mistaken = 0;
  for (size_t i = 0; i < kNames; ++i) {
    const auto has = [&](const std::string& name) {
      return may_have(payloads[Listing::bucket_of(name)], name);
    };
    ASSERT_TRUE(has(name_of(i))) << i;
    mistaken += has(name_of(kNames + i)) ? 1 : 0;
  }
  EXPECT_LT(mistaken, kNames / 100) << "of as many names that are not there";
}

TEST(Listing, ABucketTakesSoManyNamesOnly) {
  Listing listing;
  size_t in_bucket = 0;
  for (size_t i = 0; in_bucket < Listing::kNamesPerBucketMax; ++i)
    if (Listing::bucket_of(name_of(i)) == 7 && listing.add(name_of(i))) ++in_bucket;
  size_t next = 1'000'000;
  while (Listing::bucket_of(name_of(next)) != 7) ++next;
  EXPECT_FALSE(listing.add(name_of(next)));
  EXPECT_EQ(listing.size(), in_bucket);
}

TEST(Listing, AdversaryPayloadIsNoFilter) {
  EXPECT_FALSE(may_have({}, "fn/a"));
  EXPECT_FALSE(may_have(Bytes(7, std::byte{0xFF}), "fn/a"));
  EXPECT_FALSE(may_have(Bytes(500, std::byte{0xFF}), "fn/a"));
  EXPECT_TRUE(may_have(Bytes(512, std::byte{0xFF}), "fn/a")) << "asking it tells";
}

}  // namespace
}  // namespace themis::ring
