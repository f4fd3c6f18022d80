#include "actors/services/function_store.hpp"

#include <algorithm>
#include <set>

#include "runtime/base/log.hpp"
#include "runtime/base/rng.hpp"
#include "runtime/crypto/aead.hpp"

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
constexpr size_t kNonceBytes = std::tuple_size_v<crypto::Nonce>;

crypto::AeadKey cipher_of(const bundle::SharedKey& key) {
  crypto::SecretBytes<crypto::kAeadKeyBytes> own(key.get()->view());
  return {crypto::Suite::chacha20poly1305, std::move(own)};
}

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

Result<FunctionStore> FunctionStore::open(storage::Environment& environment,
                                          bundle::SharedKey at_rest) {
  THEMIS_TRY(const storage::BlobStore code,
             storage::BlobStore::open(environment, "function_code", crypto::blake2b));
  FunctionStore store(environment, code);
  THEMIS_TRY(store.deployed_, environment.table("functions_deployed"));
  THEMIS_TRY(store.attempted_, environment.table("functions_attempted"));
  THEMIS_TRY(store.hosted_, environment.table("functions_hosted"));
  THEMIS_TRY(store.owners_, environment.table("functions_owners"));
  THEMIS_TRY(store.keys_, environment.table("function_keys"));
  store.at_rest_ = std::move(at_rest);
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
    THEMIS_CHECK(read(deployed_, [&](DeployedRow row) {
      row.key = key_of(txn, row.version.id);
      all.deployed.push_back(std::move(row));
    }));
    const auto into = [&](std::vector<HostedRow>& rows) {
      return [&](const DeployedRow& row) {
        rows.push_back({row.name, row.version, {}, key_of(txn, row.version.id)});
      };
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
  for (const CodeId& id : unused) THEMIS_CHECK(erase_code(id));
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
  return erase_code(id);
}

/// The key first: after a crash in between, the next start finds the code unused.
Status FunctionStore::erase_code(const CodeId& id) {
  bool has_key = false;
  {
    THEMIS_TRY(const ReadTransaction txn, environment_->read());
    has_key = txn.get(keys_, id).has_value();
  }
  if (has_key)
    THEMIS_CHECK(environment_->write([&](WriteTransaction& txn) { return txn.erase(keys_, id); }));
  const Status erased = code_.erase(id);
  return erased || erased.error().code == Code::not_found ? Status{} : erased;
}

Status FunctionStore::put_key(WriteTransaction& txn, const Row& row) {
  if (row.key.get() == nullptr) return {};
  if (at_rest_.get() == nullptr)
    return fail(Code::invalid, "this node keeps no functions with secrets");
  Bytes sealed(kNonceBytes + row.key.view().size() + crypto::kTagBytes);
  const auto nonce = std::span(sealed).first<kNonceBytes>();
  SystemRng().fill(nonce);
  const auto secret = std::span(sealed).subspan<kNonceBytes, bundle::SecretsKey::kBytes>();
  std::ranges::copy(row.key.view(), secret.begin());
  crypto::Nonce as_nonce;
  std::ranges::copy(nonce, as_nonce.begin());
  cipher_of(at_rest_).seal(as_nonce, row.id, secret, std::span(sealed).last<crypto::kTagBytes>());
  return txn.put(keys_, row.id, sealed);
}

/// Empty also when it cannot be read: the code then does not load, and says why.
bundle::SharedKey FunctionStore::key_of(const ReadTransaction& txn, const CodeId& id) const {
  const auto found = txn.get(keys_, id);
  constexpr size_t kBytes = kNonceBytes + bundle::SecretsKey::kBytes + crypto::kTagBytes;
  if (!found || found->size() != kBytes || at_rest_.get() == nullptr) return {};
  crypto::Nonce nonce;
  std::ranges::copy(found->first<kNonceBytes>(), nonce.begin());
  Bytes secret(found->begin() + kNonceBytes, found->end() - crypto::kTagBytes);
  const Status opened =
      cipher_of(at_rest_).open(nonce, id, secret, found->last<crypto::kTagBytes>());
  if (!opened) log::error("functions", "the key of the secrets of {} is damaged", to_hex(id));
  auto key = opened ? bundle::SharedKey::from(secret) : bundle::SharedKey();
  crypto::wipe(secret);
  return key ? *key : bundle::SharedKey();
}

Status FunctionStore::put(Table table, const Row& row, ByteView source) {
  THEMIS_ASSERT(crypto::blake2b(source) == row.id, "a row names its own code");
  THEMIS_CHECK(write_code(source));
  CodeId before = row.id;
  const auto write_row = [&](WriteTransaction& txn) -> Status {
    if (const auto old = txn.get(table, as_bytes(row.name)); old && old->size() == kRowBytes)
      std::ranges::copy(old->subspan(kIdOffset, before.size()), before.begin());
    THEMIS_CHECK(put_key(txn, row));
    if (row.owner) THEMIS_CHECK(txn.put(owners_, as_bytes(row.name), *row.owner));
    return txn.put(table, as_bytes(row.name), row.value);
  };
  THEMIS_CHECK(environment_->write(write_row));
  return before == row.id ? Status{} : erase_unused(before);
}

Status FunctionStore::save(const DeployedRow& row, ByteView source) {
  const Bytes value = encode_row(row.version, row.instances);
  THEMIS_CHECK(put(deployed_, {row.name, value, row.version.id, row.key}, source));
  let_go(row.version.id);
  return {};
}

Status FunctionStore::save_attempt(const HostedRow& row) {
  return environment_->write([&](WriteTransaction& txn) {
    return txn.put(attempted_, as_bytes(row.name), encode_row(row.version, 0));
  });
}

Status FunctionStore::save(const HostedRow& row, ByteView source) {
  return put(hosted_, {row.name, encode_row(row.version, 0), row.version.id, row.key, row.owner},
             source);
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
