// The code caches of a function store.

#include <algorithm>

#include "actors/services/function_store.hpp"
#include "runtime/js/limits.hpp"

namespace themis {
namespace {

using storage::ReadTransaction;
using storage::WriteTransaction;

constexpr size_t kHashBytes = std::tuple_size_v<crypto::Digest>;

Bytes place_of(const CodeId& id, const CodeId& at_workers) {
  Bytes key(id.begin(), id.end());
  key.insert(key.end(), at_workers.begin(), at_workers.end());
  return key;
}

}  // namespace

Result<std::optional<Bytes>> FunctionStore::code_cache(const CodeId& id,
                                                       const CodeId& at_workers) const {
  THEMIS_TRY(const ReadTransaction txn, environment_->read());
  const auto found = txn.get(caches_, place_of(id, at_workers));
  if (!found && found.error().code == Code::not_found) return std::nullopt;
  if (!found) return fail(found.error());
  if (found->size() <= kHashBytes) return std::nullopt;
  const ByteView cache = found->subspan(kHashBytes);
  // V8 believes what it is given.
  if (!std::ranges::equal(crypto::blake2b(cache), found->first(kHashBytes))) return std::nullopt;
  return Bytes(cache.begin(), cache.end());
}

Status FunctionStore::keep_code_cache(const CodeId& id, const CodeId& at_workers, ByteView cache) {
  if (cache.size() > js::kCodeCacheBytesMax)
    return fail(Code::too_large, "a code cache of over 1.5 MB");
  THEMIS_TRY(const bool used, is_used(id));
  if (!used) return {};
  THEMIS_CHECK(count_caches());
  const crypto::Digest hash = crypto::blake2b(cache);
  Bytes value;
  value.reserve(kHashBytes + cache.size());
  append(value, hash);
  append(value, cache);
  const Bytes key = place_of(id, at_workers);
  size_t bytes = *cache_bytes_;
  const auto write_cache = [&](WriteTransaction& txn) -> Status {
    bytes = *cache_bytes_;
    if (const auto before = txn.get(caches_, key)) bytes -= before->size();
    while (bytes + value.size() > kCodeCachesBytesMax) {
      Bytes first;  // keys are hashes: it is any
      size_t freed = 0;
      THEMIS_CHECK(txn.scan(caches_, {}, [&](ByteView at, ByteView old) {
        first.assign(at.begin(), at.end());
        freed = old.size();
        return false;
      }));
      if (first.empty()) break;
      if (first != key) bytes -= freed;
      THEMIS_CHECK(txn.erase(caches_, first));
    }
    bytes += value.size();
    return txn.put(caches_, key, value);
  };
  THEMIS_CHECK(environment_->write(write_cache));
  cache_bytes_ = bytes;
  return {};
}

Status FunctionStore::erase_caches(const CodeId& id) {
  std::vector<Bytes> keys;
  size_t freed = 0;
  {
    THEMIS_TRY(const ReadTransaction txn, environment_->read());
    THEMIS_CHECK(txn.scan(caches_, id, [&](ByteView key, ByteView value) {
      keys.emplace_back(key.begin(), key.end());
      freed += value.size();
      return true;
    }));
  }
  if (keys.empty()) return {};
  const auto erase_all = [&](WriteTransaction& txn) -> Status {
    for (const Bytes& key : keys) THEMIS_CHECK(txn.erase(caches_, key));
    return {};
  };
  THEMIS_CHECK(environment_->write(erase_all));
  if (cache_bytes_) *cache_bytes_ -= freed;
  return {};
}

/// Once.
Status FunctionStore::count_caches() {
  if (cache_bytes_) return {};
  size_t bytes = 0;
  THEMIS_TRY(const ReadTransaction txn, environment_->read());
  THEMIS_CHECK(txn.scan(caches_, {}, [&](ByteView, ByteView value) {
    bytes += value.size();
    return true;
  }));
  cache_bytes_ = bytes;
  return {};
}

}  // namespace themis
