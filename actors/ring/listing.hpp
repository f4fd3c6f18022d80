#pragma once
// Many names of one provider under few records. Who has more to offer than it may announce one by
// one lists the names: each belongs to one of kListingBuckets, whose record has a filter of all
// that this provider lists there.

#include <string>
#include <string_view>
#include <vector>

#include "actors/ring/record.hpp"

namespace themis::ring {

/// Half of what a node may provide, so that as many names are left for records of their own.
inline constexpr size_t kListingBuckets = 512;

/// The name of the record that would list `name`.
std::string listing_of(std::string_view name);
/// Whether a name is one of a listing itself.
bool is_listing(std::string_view name);
/// Whether a listing with this payload may have `name`. One that has it is never missed; of 1,000
/// others about 7 are taken for it at 390 names a bucket, 100,000 functions with their codes.
bool may_have(ByteView payload, std::string_view name);

/// Those of a bucket's records that may have `name`, as records of it that say nothing but who
/// provides it. They are not signed.
Records listed_in(const std::string& name, const Records& listings);

/// What one provider lists: 8 bytes a name. A pure value.
class Listing {
 public:
  /// Names of one bucket, all of one record: past it most names would seem to be there.
  static constexpr size_t kNamesPerBucketMax = 1024;

  Listing() : buckets_(kListingBuckets) {}

  static size_t bucket_of(std::string_view name);
  static std::string name_of(size_t bucket);
  /// False: it is full. A name that is there already is there once.
  bool add(std::string_view name);
  void remove(std::string_view name);
  /// Of the bucket's record: 8 to 512 bytes, as many as its names need; empty: it has none.
  Bytes payload(size_t bucket) const;
  size_t size() const { return size_; }

 private:
  std::vector<std::vector<uint64_t>> buckets_;  ///< Hashes, ascending.
  size_t size_ = 0;
};

}  // namespace themis::ring
