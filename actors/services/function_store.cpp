#include "actors/services/function_store.hpp"

#include "actors/services/version_rows.hpp"

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
/// wanted), u8 whether it has events. Rows of the first format lack the last byte: they may.
constexpr uint8_t kFirstRowFormat = 1;
constexpr uint8_t kRowFormat = 2;
constexpr size_t kFirstRowBytes = 41;
constexpr size_t kRowBytes = 42;
constexpr size_t kEventsOffset = 41;
constexpr size_t kIdOffset = 5;
constexpr size_t kInstancesOffset = 37;
constexpr size_t kNonceBytes = std::tuple_size_v<crypto::Nonce>;

crypto::AeadKey cipher_of(const bundle::SharedKey& key) {
  crypto::SecretBytes<crypto::kAeadKeyBytes> own(key.get()->view());
  return {crypto::Suite::chacha20poly1305, std::move(own)};
}

bool is_row(ByteView value) {
  if (value.empty()) return false;
  const auto format = load<uint8_t>(value.data());
  return (format == kRowFormat && value.size() == kRowBytes) ||
         (format == kFirstRowFormat && value.size() == kFirstRowBytes);
}
bool has_events(ByteView row) {
  return row.size() == kFirstRowBytes || row[kEventsOffset] != std::byte{0};
}

CodeId code_of(ByteView row) {
  CodeId id{};
  std::ranges::copy(row.subspan(kIdOffset, id.size()), id.begin());
  return id;
}

Bytes encode_row(const FunctionVersion& version, uint32_t instances, bool events = false) {
  Bytes row(kRowBytes);
  store(row.data(), kRowFormat);
  store(row.data() + 1, version.number);
  std::ranges::copy(version.id, row.begin() + kIdOffset);
  store(row.data() + kInstancesOffset, instances);
  store(row.data() + kEventsOffset, static_cast<uint8_t>(events));
  return row;
}

Result<DeployedRow> decode_row(ByteView key, ByteView value) {
  DeployedRow row{.name = std::string(as_text(key)), .version = {}, .instances = 0};
  if (!is_function_name(row.name) || !is_row(value))
    return fail(Code::malformed, "not a row of this version");
  row.version.number = load<uint32_t>(value.data() + 1);
  row.version.id = code_of(value);
  row.instances = load<uint32_t>(value.data() + kInstancesOffset);
  if (row.instances > kInstancesMax) return fail(Code::malformed, "too many instances");
  return row;
}

}  // namespace

Result<FunctionStore> FunctionStore::open(storage::Environment& environment,
                                          bundle::SharedKey at_rest, size_t codes_bytes_max) {
  THEMIS_TRY(const storage::BlobStore code,
             storage::BlobStore::open(environment, "function_code", crypto::blake2b));
  FunctionStore store(environment, code);
  THEMIS_TRY(store.deployed_, environment.table("functions_deployed"));
  THEMIS_TRY(store.attempted_, environment.table("functions_attempted"));
  THEMIS_TRY(store.hosted_, environment.table("functions_hosted"));
  THEMIS_TRY(store.versions_, environment.table("functions_versions"));
  THEMIS_TRY(store.owners_, environment.table("functions_owners"));
  THEMIS_TRY(store.keys_, environment.table("function_keys"));
  THEMIS_TRY(store.caches_, environment.table("function_code_caches"));
  store.at_rest_ = std::move(at_rest);
  store.codes_bytes_max_ = codes_bytes_max;
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
          take(std::move(*row), has_events(value));
        } else {
          log::error("functions", "row {} is left out: {}", to_hex(key), row.error().text());
        }
        return true;
      });
    };
    THEMIS_CHECK(read(deployed_, [&](DeployedRow row, bool) {
      row.key = key_of(txn, row.version.id);
      all.deployed.push_back(std::move(row));
    }));
    const auto into = [&](std::vector<HostedRow>& rows) {
      return [&](const DeployedRow& row, bool events) {
        rows.push_back({row.name, row.version, {}, key_of(txn, row.version.id), events});
      };
    };
    THEMIS_CHECK(read(attempted_, into(all.attempted)));
    THEMIS_CHECK(read(hosted_, into(all.hosted)));
    for (HostedRow& row : all.hosted) {
      const auto owner = txn.get(owners_, as_bytes(row.name));
      if (owner && owner->size() == row.owner.size()) std::ranges::copy(*owner, row.owner.begin());
    }
  }
  THEMIS_CHECK(count_uses());
  std::vector<CodeId> unused;
  THEMIS_CHECK(code_.list([&](const CodeId& id, size_t) {
    if (!uses_->contains(id)) unused.push_back(id);
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
  THEMIS_CHECK(count_codes());
  THEMIS_TRY(const bool known, code_.contains(crypto::blake2b(source)));
  if (!known && *codes_bytes_ + source.size() > codes_bytes_max_)
    return fail(Code::overloaded, "this node keeps as much code of functions as it may");
  THEMIS_CHECK(code_.put(source));
  *codes_bytes_ += known ? 0 : source.size();
  return {};
}

/// Once.
Status FunctionStore::count_codes() {
  if (codes_bytes_) return {};
  size_t bytes = 0;
  THEMIS_CHECK(code_.list([&](const CodeId&, size_t size) {
    bytes += size;
    return true;
  }));
  codes_bytes_ = bytes;
  return {};
}

/// Once: a row that is written or goes is counted from then on.
Status FunctionStore::count_uses() {
  if (uses_) return {};
  std::unordered_map<CodeId, uint32_t, CodeHash> uses;
  THEMIS_TRY(const ReadTransaction txn, environment_->read());
  const auto add = [&](ByteView, ByteView value) {
    if (is_row(value)) ++uses[code_of(value)];
    return true;
  };
  THEMIS_CHECK(txn.scan(deployed_, {}, add));
  THEMIS_CHECK(txn.scan(hosted_, {}, add));
  THEMIS_CHECK(txn.scan(versions_, {}, [&](ByteView key, ByteView value) {
    if (const auto kept = decode_version(key, value)) ++uses[kept->version.id];
    return true;
  }));
  uses_ = std::move(uses);
  return {};
}

Result<bool> FunctionStore::is_used(const CodeId& id) {
  THEMIS_CHECK(count_uses());
  return pending_.contains(id) || uses_->contains(id);
}

void FunctionStore::count(const CodeId& id, bool more) {
  if (more) {
    ++(*uses_)[id];
  } else if (const auto found = uses_->find(id); found != uses_->end() && --found->second == 0) {
    uses_->erase(found);
  }
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
  THEMIS_CHECK(erase_caches(id));
  const auto code = code_.get(id);
  bool has_key = false;
  {
    THEMIS_TRY(const ReadTransaction txn, environment_->read());
    has_key = txn.get(keys_, id).has_value();
  }
  if (has_key)
    THEMIS_CHECK(environment_->write([&](WriteTransaction& txn) { return txn.erase(keys_, id); }));
  const Status erased = code_.erase(id);
  if (!code) {
    codes_bytes_.reset();  // of a damaged one it is counted anew
  } else if (erased && codes_bytes_) {
    *codes_bytes_ -= code->size();
  }
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
  THEMIS_CHECK(count_uses());
  THEMIS_CHECK(write_code(source));
  std::vector<CodeId> gone;
  const auto write_row = [&](WriteTransaction& txn) -> Status {
    gone.clear();
    if (const auto old = txn.get(table, as_bytes(row.name)); old && is_row(*old))
      gone.push_back(code_of(*old));
    if (row.version) THEMIS_CHECK(put_version(txn, row, gone));
    THEMIS_CHECK(put_key(txn, row));
    if (row.owner) THEMIS_CHECK(txn.put(owners_, as_bytes(row.name), *row.owner));
    return txn.put(table, as_bytes(row.name), row.value);
  };
  THEMIS_CHECK(environment_->write(write_row));
  count(row.id, true);
  if (row.version) count(row.id, true);
  return release(gone);
}

Status FunctionStore::save(const DeployedRow& row, ByteView source, const Origin& origin) {
  const Bytes value = encode_row(row.version, row.instances);
  const KeptVersion kept{row.version, row.instances, origin.restores, origin.deployed_ms};
  THEMIS_CHECK(put(deployed_, {row.name, value, row.version.id, row.key, {}, kept}, source));
  let_go(row.version.id);
  return {};
}

Status FunctionStore::save_attempt(const HostedRow& row) {
  return environment_->write([&](WriteTransaction& txn) {
    return txn.put(attempted_, as_bytes(row.name), encode_row(row.version, 0));
  });
}

Status FunctionStore::save(const HostedRow& row, ByteView source) {
  return put(
      hosted_,
      {row.name, encode_row(row.version, 0, row.has_events), row.version.id, row.key, row.owner},
      source);
}

Status FunctionStore::erase(Table table, const std::string& name) {
  THEMIS_CHECK(count_uses());
  std::vector<CodeId> codes;
  const auto erase_row = [&](WriteTransaction& txn) -> Status {
    codes.clear();
    if (table.handle == deployed_.handle) {
      THEMIS_CHECK(erase_versions(txn, name, 0, codes));
      const Status gone = txn.erase(attempted_, as_bytes(name));
      if (!gone && gone.error().code != Code::not_found) return gone;
    }
    if (table.handle == hosted_.handle) {
      const Status gone = txn.erase(owners_, as_bytes(name));
      if (!gone && gone.error().code != Code::not_found) return gone;
    }
    const auto row = txn.get(table, as_bytes(name));
    if (!row) return row.error().code == Code::not_found ? Status{} : fail(row.error());
    if (is_row(*row)) codes.push_back(code_of(*row));
    return txn.erase(table, as_bytes(name));
  };
  THEMIS_CHECK(environment_->write(erase_row));
  return release(codes);
}

}  // namespace themis
