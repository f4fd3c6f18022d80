#include "runtime/store/blob_store.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace themis::storage {

Result<BlobStore> BlobStore::open(Environment& environment, std::string_view table,
                                  HashFunction hash) {
  THEMIS_TRY(const Table opened, environment.table(table));
  return BlobStore(environment, opened, hash);
}

Result<BlobId> BlobStore::put(ByteView bytes) {
  if (bytes.size() > kBlobBytesMax)
    return fail(Code::too_large,
                fmt::format("a blob of {} bytes; at most {}", bytes.size(), kBlobBytesMax));
  const BlobId id = hash_(bytes);
  {
    THEMIS_TRY(const ReadTransaction txn, environment_->read());
    const auto stored = txn.get(table_, id);
    if (stored && std::ranges::equal(*stored, bytes)) return id;
  }
  THEMIS_CHECK(
      environment_->write([&](WriteTransaction& txn) { return txn.put(table_, id, bytes); }));
  return id;
}

Result<Bytes> BlobStore::get(const BlobId& id) const {
  THEMIS_TRY(const ReadTransaction txn, environment_->read());
  auto stored = txn.get(table_, id);
  if (!stored && stored.error().code == Code::not_found)
    return fail(Code::not_found, "no blob " + to_hex(id));
  if (!stored) return fail(stored.error());
  Bytes bytes(stored->begin(), stored->end());
  if (hash_(bytes) != id)
    return fail(Code::forged,
                fmt::format("blob {} is damaged on disk; store it again", to_hex(id)));
  return bytes;
}

Result<bool> BlobStore::contains(const BlobId& id) const {
  THEMIS_TRY(const ReadTransaction txn, environment_->read());
  const auto stored = txn.get(table_, id);
  if (!stored && stored.error().code != Code::not_found) return fail(stored.error());
  return stored.has_value();
}

Status BlobStore::erase(const BlobId& id) {
  return environment_->write([&](WriteTransaction& txn) { return txn.erase(table_, id); });
}

Status BlobStore::list(const std::function<bool(const BlobId& id, size_t bytes)>& visit) const {
  THEMIS_TRY(const ReadTransaction txn, environment_->read());
  return txn.scan(table_, {}, [&](ByteView key, ByteView value) {
    BlobId id;
    if (key.size() != id.size()) return true;  // not a blob: nothing of ours writes such a key
    std::ranges::copy(key, id.begin());
    return visit(id, value.size());
  });
}

}  // namespace themis::storage
