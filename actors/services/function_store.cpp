#include "actors/services/function_store.hpp"

#include <algorithm>
#include <set>

#include "runtime/base/log.hpp"

namespace themis {
namespace {

using storage::ReadTransaction;
using storage::Table;
using storage::WriteTransaction;

/// All tables: u8 format, u32 version, the code's id, u32 wanted instances (0 where none are
/// wanted).
constexpr uint8_t kRowFormat = 1;
constexpr size_t kRowBytes = 41;
constexpr size_t kIdOffset = 5;
constexpr size_t kInstancesOffset = 37;

Bytes encode_row(const FunctionVersion& version, uint32_t instances) {
  Bytes row(kRowBytes);
  store(row.data(), kRowFormat);
  store(row.data() + 1, version.number);
  std::ranges::copy(version.id, row.begin() + kIdOffset);
  store(row.data() + kInstancesOffset, instances);
  return row;
}

Result<DeployedRow> decode_row(ByteView key, ByteView value) {
  DeployedRow row{.name = std::string(as_text(key)), .version = {}, .instances = 0};
  if (!is_function_name(row.name) || value.size() != kRowBytes ||
      load<uint8_t>(value.data()) != kRowFormat)
    return fail(Code::malformed, "not a row of this version");
  row.version.number = load<uint32_t>(value.data() + 1);
  std::ranges::copy(value.subspan(kIdOffset, row.version.id.size()), row.version.id.begin());
  row.instances = load<uint32_t>(value.data() + kInstancesOffset);
  if (row.instances > kInstancesMax) return fail(Code::malformed, "too many instances");
  return row;
}

}  // namespace

Result<FunctionStore> FunctionStore::open(storage::Environment& environment) {
  THEMIS_TRY(const storage::BlobStore code,
             storage::BlobStore::open(environment, "function_code", crypto::blake2b));
  FunctionStore store(environment, code);
  THEMIS_TRY(store.deployed_, environment.table("functions_deployed"));
  THEMIS_TRY(store.attempted_, environment.table("functions_attempted"));
  THEMIS_TRY(store.hosted_, environment.table("functions_hosted"));
  THEMIS_TRY(store.owners_, environment.table("functions_owners"));
  return store;
}

Result<FunctionStore::Inventory> FunctionStore::load() {
  Inventory all;
  {
    THEMIS_TRY(const ReadTransaction txn, environment_->read());
    const auto read = [&txn](Table table, auto&& take) {
      return txn.scan(table, {}, [&take](ByteView key, ByteView value) {
        auto row = decode_row(key, value);
        if (row) {
          take(std::move(*row));
        } else {
          log::error("functions", "row {} is left out: {}", to_hex(key), row.error().text());
        }
        return true;
      });
    };
    THEMIS_CHECK(read(deployed_, [&](DeployedRow row) { all.deployed.push_back(std::move(row)); }));
    const auto into = [](std::vector<HostedRow>& rows) {
      return [&rows](DeployedRow row) { rows.push_back({std::move(row.name), row.version, {}}); };
    };
    THEMIS_CHECK(read(attempted_, into(all.attempted)));
    THEMIS_CHECK(read(hosted_, into(all.hosted)));
    for (HostedRow& row : all.hosted) {
      const auto owner = txn.get(owners_, as_bytes(row.name));
      if (owner && owner->size() == row.owner.size()) std::ranges::copy(*owner, row.owner.begin());
    }
  }
  std::set<CodeId> used;
  for (const DeployedRow& row : all.deployed) used.insert(row.version.id);
  for (const HostedRow& row : all.hosted) used.insert(row.version.id);
  std::vector<CodeId> unused;
  THEMIS_CHECK(code_.list([&](const CodeId& id, size_t) {
    if (!used.contains(id)) unused.push_back(id);
    return true;
  }));
  for (const CodeId& id : unused) THEMIS_CHECK(code_.erase(id));
  return all;
}

Status FunctionStore::put_code(ByteView source) {
  THEMIS_CHECK(write_code(source));
  pending_.insert(crypto::blake2b(source));
  return {};
}

Status FunctionStore::write_code(ByteView source) {
  if (source.size() > kSourceBytesMax)
    return fail(Code::too_large, "a function's code of more than 1 MB");
  THEMIS_TRY(const CodeId id, code_.put(source));
  static_cast<void>(id);
  return {};
}

Result<bool> FunctionStore::is_used(const CodeId& id) const {
  if (pending_.contains(id)) return true;
  THEMIS_TRY(const ReadTransaction txn, environment_->read());
  bool used = false;
  for (const Table table : {deployed_, hosted_})
    THEMIS_CHECK(txn.scan(table, {}, [&](ByteView, ByteView value) {
      used = used || (value.size() == kRowBytes &&
                      std::ranges::equal(value.subspan(kIdOffset, id.size()), id));
      return !used;
    }));
  return used;
}

void FunctionStore::let_go(const CodeId& id) {
  if (const auto found = pending_.find(id); found != pending_.end()) pending_.erase(found);
}

Status FunctionStore::drop_code(const CodeId& id) {
  let_go(id);
  return erase_unused(id);
}

Status FunctionStore::erase_unused(const CodeId& id) {
  THEMIS_TRY(const bool used, is_used(id));
  if (used) return {};
  const Status erased = code_.erase(id);
  if (!erased && erased.error().code != Code::not_found) return erased;
  return {};
}

Status FunctionStore::put(Table table, const std::string& name, const Bytes& row, const CodeId& id,
                          ByteView source) {
  THEMIS_ASSERT(crypto::blake2b(source) == id, "a row names its own code");
  THEMIS_CHECK(write_code(source));
  CodeId before = id;
  THEMIS_CHECK(environment_->write([&](WriteTransaction& txn) -> Status {
    if (const auto old = txn.get(table, as_bytes(name)); old && old->size() == kRowBytes)
      std::ranges::copy(old->subspan(kIdOffset, before.size()), before.begin());
    return txn.put(table, as_bytes(name), row);
  }));
  return before == id ? Status{} : erase_unused(before);
}

Status FunctionStore::save(const DeployedRow& row, ByteView source) {
  const Bytes value = encode_row(row.version, row.instances);
  THEMIS_CHECK(put(deployed_, row.name, value, row.version.id, source));
  let_go(row.version.id);
  return {};
}

Status FunctionStore::save_attempt(const HostedRow& row) {
  return environment_->write([&](WriteTransaction& txn) {
    return txn.put(attempted_, as_bytes(row.name), encode_row(row.version, 0));
  });
}

Status FunctionStore::save(const HostedRow& row, ByteView source) {
  THEMIS_CHECK(environment_->write(
      [&](WriteTransaction& txn) { return txn.put(owners_, as_bytes(row.name), row.owner); }));
  return put(hosted_, row.name, encode_row(row.version, 0), row.version.id, source);
}

Status FunctionStore::erase(Table table, const std::string& name) {
  CodeId id{};
  bool found = false;
  THEMIS_CHECK(environment_->write([&](WriteTransaction& txn) -> Status {
    if (table.handle == deployed_.handle) {
      const Status gone = txn.erase(attempted_, as_bytes(name));
      if (!gone && gone.error().code != Code::not_found) return gone;
    }
    if (table.handle == hosted_.handle) {
      const Status gone = txn.erase(owners_, as_bytes(name));
      if (!gone && gone.error().code != Code::not_found) return gone;
    }
    const auto row = txn.get(table, as_bytes(name));
    found = row.has_value();
    if (!found) return row.error().code == Code::not_found ? Status{} : fail(row.error());
    if (row->size() == kRowBytes) std::ranges::copy(row->subspan(kIdOffset, id.size()), id.begin());
    return txn.erase(table, as_bytes(name));
  }));
  return found ? erase_unused(id) : Status{};
}

}  // namespace themis
