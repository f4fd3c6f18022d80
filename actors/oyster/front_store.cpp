#include "actors/oyster/front_store.hpp"

#include <algorithm>
#include <caf/all.hpp>

#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"

namespace themis {
namespace {

using oyster::Bill;
using storage::ReadTransaction;
using storage::WriteTransaction;

constexpr std::string_view kTable = "oyster";
constexpr std::string_view kCost = "cost/";
constexpr std::string_view kLatest = "latest";
constexpr std::string_view kUnregistered = "unregistered";

Bytes key_of(const Bill::Hash& transaction) {
  Bytes key;
  key.reserve(kCost.size() + transaction.size());
  append(key, as_bytes(kCost));
  append(key, transaction);
  return key;
}

/// Absent is no error.
Status erase(WriteTransaction& txn, storage::Table table, ByteView key) {
  const Status erased = txn.erase(table, key);
  if (!erased && erased.error().code != Code::not_found) return erased;
  return {};
}

}  // namespace

Result<FrontStore> FrontStore::open(storage::Environment& environment) {
  THEMIS_TRY(const storage::Table table, environment.table(kTable));
  return FrontStore(environment, table);
}

Result<FrontStore::Kept> FrontStore::load() const {
  THEMIS_TRY(const ReadTransaction txn, environment_->read());
  Kept kept;
  bool is_whole = true;
  THEMIS_CHECK(txn.scan(table_, as_bytes(kCost), [&](ByteView key, ByteView value) {
    Bill::Hash transaction{};
    is_whole = key.size() == kCost.size() + transaction.size() && value.size() == sizeof(uint64_t);
    if (!is_whole) return false;
    std::ranges::copy(key.subspan(kCost.size()), transaction.begin());
    kept.costs.emplace(transaction, themis::load<uint64_t>(value.data()));
    return true;
  }));
  if (!is_whole)
    return fail(Code::malformed, "the bill of [oyster] in node.data is damaged: restore node.data");
  if (const auto latest = txn.get(table_, as_bytes(kLatest))) kept.latest = as_text(*latest);
  kept.is_unregistered = txn.get(table_, as_bytes(kUnregistered)).has_value();
  return kept;
}

Status FrontStore::save(const Change& change) {
  return environment_->write([&](WriteTransaction& txn) -> Status {
    for (const auto& [transaction, cost] : change.costs) {
      if (cost == 0) {
        THEMIS_CHECK(erase(txn, table_, key_of(transaction)));
        continue;
      }
      std::array<std::byte, sizeof cost> value{};
      store(value.data(), cost);
      THEMIS_CHECK(txn.put(table_, key_of(transaction), value));
    }
    if (change.latest) THEMIS_CHECK(txn.put(table_, as_bytes(kLatest), as_bytes(*change.latest)));
    if (change.is_unregistered && *change.is_unregistered)
      return txn.put(table_, as_bytes(kUnregistered), as_bytes("1"));
    return change.is_unregistered ? erase(txn, table_, as_bytes(kUnregistered)) : Status();
  });
}

caf::behavior FrontStoreActor::make_behavior() {
  set_default_handlers(*this);
  return {[this](const SaveFront& save) -> caf::result<caf::unit_t> {
    if (const Status saved = store_.save(save.change); !saved) return to_caf(saved.error());
    return caf::unit;
  }};
}

}  // namespace themis
