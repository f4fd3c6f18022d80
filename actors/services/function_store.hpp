#pragma once
// What a function service keeps on disk: code by its hash, the functions deployed here, the
// versions that a deployment began to place, the instances hosted here.

#include <optional>
#include <set>
#include <unordered_map>

#include "actors/services/function_types.hpp"
#include "runtime/store/blob_store.hpp"

namespace themis {

/// Borrows its environment, which outlives it. Every write is on disk when its call returns, so
/// all of this blocks. One thread.
class FunctionStore {
 public:
  /// Of all code caches on disk: some thousand functions of libraries, which need them most.
  static constexpr size_t kCodeCachesBytesMax = size_t{512} << 20;

  struct Inventory {
    std::vector<DeployedRow> deployed;
    std::vector<HostedRow> attempted;
    std::vector<HostedRow> hosted;
  };

  /// All codes: 131,072 functions of 64 KB. Any peer may place functions here.
  static constexpr size_t kCodesBytesMax = size_t{8} << 30;

  /// `at_rest` seals the keys of secrets; without one none is kept. Errors: those of
  /// Environment::table.
  static Result<FunctionStore> open(storage::Environment& environment,
                                    bundle::SharedKey at_rest = {},
                                    size_t codes_bytes_max = kCodesBytesMax);

  /// Everything, by name. Removes code that no row refers to: what an interrupted deployment left.
  /// A row that cannot be read is logged and left out. Errors: io.
  Result<Inventory> load();

  /// Keeps code until save() of a deployed row or drop_code, once for each call: no other row that
  /// goes takes it along. Errors: too_large, overloaded, io.
  Status put_code(ByteView source);
  /// Errors: not_found, forged (damaged on disk), io.
  Result<Bytes> code(const CodeId& id) const { return code_.get(id); }
  /// What was compiled of a code that the workers know as `at_workers`, with which it goes;
  /// nothing: there is none, or it is damaged. Errors: io.
  Result<std::optional<Bytes>> code_cache(const CodeId& id, const CodeId& at_workers) const;
  /// Replaces it. Past kCodeCachesBytesMax others go, any. Nothing for a code that is not here.
  /// Errors: too_large, overloaded, io.
  Status keep_code_cache(const CodeId& id, const CodeId& at_workers, ByteView cache);
  /// The deployment that put it is over: removes it unless a row or another deployment needs it.
  /// Errors: io.
  Status drop_code(const CodeId& id);

  /// What save() notes of a version beside its row.
  struct Origin {
    uint32_t restores = 0;
    int64_t deployed_ms = 0;
  };
  /// The code, then the row. `source` hashes to the row's code. Errors: as put_code. A deployed row
  /// is kept as a version too, with its code and the key of its secrets; past kVersionsMax the
  /// oldest goes, and past half of the room for code all but the current one.
  Status save(const DeployedRow& row, ByteView source, const Origin& origin);
  Status save(const DeployedRow& row, ByteView source) { return save(row, source, Origin{}); }
  Status save(const HostedRow& row, ByteView source);
  /// Of a function deployed here, the newest first; none: nothing of that name is. Errors: io.
  Result<std::vector<KeptVersion>> versions(const std::string& name) const;
  struct Restored {
    KeptVersion version;
    Bytes source;
    bundle::SharedKey key;
  };
  /// What a version runs; without a number the newest one whose code is not the current one's.
  /// Errors: not_found (with the versions there are), forged (damaged on disk), io.
  Result<Restored> load_version(const std::string& name, std::optional<uint32_t> number) const;
  /// Before any node is asked to host `row`: its deployment may be cut short. Replaces the attempt
  /// before it; needs no code. Errors: overloaded, io.
  Status save_attempt(const HostedRow& row);
  /// Removes the row, and its code when nothing else refers to it; the attempt goes along with the
  /// deployed row. Nothing there is no error.
  Status erase_deployed(const std::string& name) { return erase(deployed_, name); }
  Status erase_hosted(const std::string& name) { return erase(hosted_, name); }

 private:
  FunctionStore(storage::Environment& environment, storage::BlobStore code)
      : environment_(&environment), code_(code) {}

  Status write_code(ByteView source);
  Status erase_unused(const CodeId& id);
  Status erase_code(const CodeId& id);
  void let_go(const CodeId& id);
  struct Row {
    std::string name;
    Bytes value;
    CodeId id;
    bundle::SharedKey key;
    std::optional<crypto::Digest> owner = {};  ///< Of what is hosted.
    std::optional<KeptVersion> version = {};   ///< Of what is deployed.
  };
  Status put(storage::Table table, const Row& row, ByteView source);
  Status put_key(storage::WriteTransaction& txn, const Row& row);
  bundle::SharedKey key_of(const storage::ReadTransaction& txn, const CodeId& id) const;
  Status erase(storage::Table table, const std::string& name);
  Status put_version(storage::WriteTransaction& txn, const Row& row, std::vector<CodeId>& gone);
  Status erase_versions(storage::WriteTransaction& txn, const std::string& name, size_t kept,
                        std::vector<CodeId>& gone) const;
  Status release(const std::vector<CodeId>& gone);
  Status erase_caches(const CodeId& id);
  Status count_caches();
  Status count_codes();
  Status count_uses();
  void count(const CodeId& id, bool more);
  Result<bool> is_used(const CodeId& id);

  struct CodeHash {
    size_t operator()(const CodeId& id) const { return themis::load<size_t>(id.data()); }
  };

  storage::Environment* environment_;
  storage::BlobStore code_;
  storage::Table deployed_{};
  storage::Table attempted_{};
  storage::Table versions_{};  ///< By name, a zero byte and the number, most significant first.
  storage::Table hosted_{};
  storage::Table owners_{};  ///< Of what is hosted: 32 bytes by name.
  storage::Table keys_{};    ///< By code: nonce, sealed key, tag.
  storage::Table caches_{};  ///< By code and id at the workers: BLAKE2b-256 of the cache, cache.
  std::optional<size_t> cache_bytes_;
  size_t codes_bytes_max_ = kCodesBytesMax;
  std::optional<size_t> codes_bytes_;
  bundle::SharedKey at_rest_;
  /// How many rows have a code: none is looked for among 100,000 rows.
  std::optional<std::unordered_map<CodeId, uint32_t, CodeHash>> uses_;
  std::multiset<CodeId> pending_;  ///< Of deployments under way: as many as wait in their queues.
};

}  // namespace themis
