#pragma once
// Blobs named by their own hash: what is read back is what was written, or an error.

#include <array>

#include "runtime/store/environment.hpp"

namespace themis::storage {

using BlobId = std::array<std::byte, 32>;
/// A collision-resistant 256-bit hash (BLAKE2b-256 of runtime/crypto).
using HashFunction = BlobId (*)(ByteView bytes);

/// The largest script or module a function may have; also bounds what one fetch from a peer costs.
inline constexpr size_t kBlobBytesMax = 16 * 1024 * 1024;

/// A table of blobs. Borrows the environment, which must outlive it. Any thread.
class BlobStore {
 public:
  /// Errors: those of Environment::table.
  static Result<BlobStore> open(Environment& environment, std::string_view table,
                                HashFunction hash);

  /// Stores `bytes` and returns their hash; on return they are on disk. Storing the same again is
  /// cheap, and mends a damaged copy. Errors: too_large (over kBlobBytesMax); overloaded, io as in
  /// Environment::write.
  [[nodiscard]] Result<BlobId> put(ByteView bytes);
  /// The bytes, whose hash was checked again. Errors: not_found; forged (the copy on disk is
  /// damaged); io.
  [[nodiscard]] Result<Bytes> get(const BlobId& id) const;
  /// True if something is stored under `id`; does not check it.
  [[nodiscard]] Result<bool> contains(const BlobId& id) const;
  /// Errors: not_found; as put.
  [[nodiscard]] Status erase(const BlobId& id);
  /// Every id, in order; false ends the listing.
  [[nodiscard]] Status list(const std::function<bool(const BlobId& id, size_t bytes)>& visit) const;

 private:
  BlobStore(Environment& environment, Table table, HashFunction hash)
      : environment_(&environment), table_(table), hash_(hash) {}

  Environment* environment_;
  Table table_;
  HashFunction hash_;
};

}  // namespace themis::storage
