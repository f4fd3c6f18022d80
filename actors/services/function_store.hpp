#pragma once
// What a function service keeps on disk: code by its hash, the functions deployed here, the
// versions that a deployment began to place, the instances hosted here.

#include <set>

#include "actors/services/function_types.hpp"
#include "runtime/store/blob_store.hpp"

namespace themis {

/// Borrows its environment, which outlives it. Every write is on disk when its call returns, so
/// all of this blocks. One thread.
class FunctionStore {
 public:
  struct Inventory {
    std::vector<DeployedRow> deployed;
    std::vector<HostedRow> attempted;
    std::vector<HostedRow> hosted;
  };

  /// `at_rest` seals the keys of secrets; without one none is kept. Errors: those of
  /// Environment::table.
  static Result<FunctionStore> open(storage::Environment& environment,
                                    bundle::SharedKey at_rest = {});

  /// Everything, by name. Removes code that no row refers to: what an interrupted deployment left.
  /// A row that cannot be read is logged and left out. Errors: io.
  Result<Inventory> load();

  /// Keeps code until save() of a deployed row or drop_code, once for each call: no other row that
  /// goes takes it along. Errors: too_large, overloaded, io.
  Status put_code(ByteView source);
  /// Errors: not_found, forged (damaged on disk), io.
  Result<Bytes> code(const CodeId& id) const { return code_.get(id); }
  /// The deployment that put it is over: removes it unless a row or another deployment needs it.
  /// Errors: io.
  Status drop_code(const CodeId& id);

  /// The code, then the row. `source` hashes to the row's code. Errors: as put_code.
  Status save(const DeployedRow& row, ByteView source);
  Status save(const HostedRow& row, ByteView source);
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
  };
  Status put(storage::Table table, const Row& row, ByteView source);
  Status put_key(storage::WriteTransaction& txn, const Row& row);
  bundle::SharedKey key_of(const storage::ReadTransaction& txn, const CodeId& id) const;
  Status erase(storage::Table table, const std::string& name);
  Result<bool> is_used(const CodeId& id) const;

  storage::Environment* environment_;
  storage::BlobStore code_;
  storage::Table deployed_{};
  storage::Table attempted_{};
  storage::Table hosted_{};
  storage::Table owners_{};  ///< Of what is hosted: 32 bytes by name.
  storage::Table keys_{};    ///< By code: nonce, sealed key, tag.
  bundle::SharedKey at_rest_;
  std::multiset<CodeId> pending_;  ///< Of deployments under way: as many as wait in their queues.
};

}  // namespace themis
