// The versions that a function store keeps.

#include <algorithm>

#include "actors/services/function_store.hpp"
#include "actors/services/version_rows.hpp"

namespace themis {
namespace {

using storage::ReadTransaction;
using storage::WriteTransaction;

constexpr uint8_t kFormat = 1;
constexpr size_t kIdOffset = 1;
constexpr size_t kInstancesOffset = 33;
constexpr size_t kRestoresOffset = 37;
constexpr size_t kTimeOffset = 41;
constexpr size_t kVersionBytes = 49;
constexpr size_t kNumberBytes = sizeof(uint32_t);

std::string numbers_of(const std::vector<KeptVersion>& versions) {
  std::string text;
  for (const KeptVersion& kept : versions)
    text += (text.empty() ? "" : ", ") + std::to_string(kept.version.number);
  return text.empty() ? "none" : text;
}

}  // namespace

Bytes key_of_version(std::string_view name, std::optional<uint32_t> number) {
  Bytes key = to_bytes(name);
  key.push_back(std::byte{0});
  // Most significant first: in the order of the numbers.
  if (number)
    for (int shift = 24; shift >= 0; shift -= 8)
      key.push_back(static_cast<std::byte>(*number >> shift));
  return key;
}

Bytes encode_version(const KeptVersion& kept) {
  Bytes value(kVersionBytes);
  store(value.data(), kFormat);
  std::ranges::copy(kept.version.id, value.begin() + kIdOffset);
  store(value.data() + kInstancesOffset, kept.instances);
  store(value.data() + kRestoresOffset, kept.restores);
  store(value.data() + kTimeOffset, kept.deployed_ms);
  return value;
}

std::optional<KeptVersion> decode_version(ByteView key, ByteView value) {
  if (key.size() < kNumberBytes || value.size() != kVersionBytes ||
      load<uint8_t>(value.data()) != kFormat)
    return std::nullopt;
  KeptVersion kept;
  for (const std::byte part : key.last(kNumberBytes))
    kept.version.number = kept.version.number << 8 | static_cast<uint32_t>(part);
  std::ranges::copy(value.subspan(kIdOffset, kept.version.id.size()), kept.version.id.begin());
  kept.instances = load<uint32_t>(value.data() + kInstancesOffset);
  kept.restores = load<uint32_t>(value.data() + kRestoresOffset);
  kept.deployed_ms = load<int64_t>(value.data() + kTimeOffset);
  return kept;
}

Result<std::vector<KeptVersion>> FunctionStore::versions(const std::string& name) const {
  std::vector<KeptVersion> all;
  THEMIS_TRY(const ReadTransaction txn, environment_->read());
  THEMIS_CHECK(txn.scan(versions_, key_of_version(name, {}), [&](ByteView key, ByteView value) {
    if (const auto kept = decode_version(key, value)) all.push_back(*kept);
    return true;
  }));
  std::ranges::reverse(all);
  return all;
}

Result<FunctionStore::Restored> FunctionStore::load_version(const std::string& name,
                                                            std::optional<uint32_t> number) const {
  THEMIS_TRY(const std::vector<KeptVersion> all, versions(name));
  const auto found = std::ranges::find_if(all, [&](const KeptVersion& kept) {
    return number ? kept.version.number == *number : kept.version.id != all.front().version.id;
  });
  if (found == all.end()) {
    const std::string wanted = number ? "version " + std::to_string(*number) : "other code";
    return fail(Code::not_found,
                "no " + wanted + " of \"" + name + "\" is kept here; there is: " + numbers_of(all));
  }
  THEMIS_TRY(Bytes source, code(found->version.id));
  THEMIS_TRY(const ReadTransaction txn, environment_->read());
  return Restored{*found, std::move(source), key_of(txn, found->version.id)};
}

Status FunctionStore::put_version(WriteTransaction& txn, const Row& row,
                                  std::vector<CodeId>& gone) {
  const bool has_room = *codes_bytes_ <= codes_bytes_max_ / 2;
  THEMIS_CHECK(erase_versions(txn, row.name, has_room ? kVersionsMax - 1 : 0, gone));
  return txn.put(versions_, key_of_version(row.name, row.version->version.number),
                 encode_version(*row.version));
}

/// All but the newest `kept`; their codes go into `gone`, once for each.
Status FunctionStore::erase_versions(WriteTransaction& txn, const std::string& name, size_t kept,
                                     std::vector<CodeId>& gone) const {
  std::vector<std::pair<Bytes, CodeId>> all;
  THEMIS_CHECK(txn.scan(versions_, key_of_version(name, {}), [&](ByteView key, ByteView value) {
    const auto version = decode_version(key, value);
    all.emplace_back(Bytes(key.begin(), key.end()), version ? version->version.id : CodeId{});
    return true;
  }));
  for (size_t i = 0; i + kept < all.size(); ++i) {
    THEMIS_CHECK(txn.erase(versions_, all[i].first));
    gone.push_back(all[i].second);
  }
  return {};
}

/// Rows that are gone: one use less for each, and the code with the last.
Status FunctionStore::release(const std::vector<CodeId>& gone) {
  for (const CodeId& id : gone) count(id, false);
  for (const CodeId& id : gone) THEMIS_CHECK(erase_unused(id));
  return {};
}

}  // namespace themis
