#pragma once
// What a function service keeps on disk: code by its hash, the functions deployed here, the
// instances hosted here.

#include "actors/services/function_types.hpp"
#include "runtime/store/blob_store.hpp"

namespace themis {

/// Borrows its environment, which outlives it. Every write is on disk when its call returns, so
/// all of this blocks. One thread.
class FunctionStore {
 public:
  struct Inventory {
    std::vector<DeployedRow> deployed;
    std::vector<HostedRow> hosted;
  };

  /// Errors: those of Environment::table.
  static Result<FunctionStore> open(storage::Environment& environment);

  /// Everything, by name. Removes code that no row refers to: what an interrupted deployment left.
  /// A row that cannot be read is logged and left out. Errors: io.
  Result<Inventory> load();

  /// Keeps code until a row refers to it or drop_code removes it.
  /// Errors: too_large, overloaded, io.
  Status put_code(ByteView source);
  /// Errors: not_found, forged (damaged on disk), io.
  Result<Bytes> code(const CodeId& id) const { return code_.get(id); }
  /// Removes code that no row refers to. Errors: io.
  Status drop_code(const CodeId& id);

  /// The code, then the row. `source` hashes to the row's code. Errors: as put_code.
  Status save(const DeployedRow& row, ByteView source);
  Status save(const HostedRow& row, ByteView source);
  /// Removes the row, and its code when nothing else refers to it. Nothing there is no error.
  Status erase_deployed(const std::string& name) { return erase(deployed_, name); }
  Status erase_hosted(const std::string& name) { return erase(hosted_, name); }

 private:
  FunctionStore(storage::Environment& environment, storage::BlobStore code, storage::Table deployed,
                storage::Table hosted)
      : environment_(&environment), code_(code), deployed_(deployed), hosted_(hosted) {}

  Status put(storage::Table table, const std::string& name, const Bytes& row, const CodeId& id,
             ByteView source);
  Status erase(storage::Table table, const std::string& name);
  Result<bool> is_used(const CodeId& id) const;

  storage::Environment* environment_;
  storage::BlobStore code_;
  storage::Table deployed_;
  storage::Table hosted_;
};

}  // namespace themis
