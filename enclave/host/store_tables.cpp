#include "enclave/host/store_tables.hpp"

#include <array>

namespace themis::host {
namespace {

using storage::WriteTransaction;

/// The one key of the table.
constexpr std::string_view kSealed = "sealed";
constexpr size_t kThreadBytes = sizeof(uint16_t);

/// Big-endian, so that entries are in order.
std::array<std::byte, sizeof(uint64_t)> entry_key(uint64_t number) {
  return std::bit_cast<std::array<std::byte, sizeof number>>(__builtin_bswap64(number));
}

}  // namespace

Result<StoreTables> StoreTables::open(storage::Environment& environment) {
  THEMIS_TRY(const storage::Table records, environment.table("verified/records"));
  THEMIS_TRY(const storage::Table journal, environment.table("verified/journal"));
  THEMIS_TRY(const storage::Table sealed, environment.table("verified/sealed"));
  StoreTables tables(environment, records, journal, sealed);
  THEMIS_TRY(const auto txn, environment.read());
  THEMIS_CHECK(txn.scan(journal, {}, [&](ByteView key, ByteView calls) {
    if (key.size() == sizeof(uint64_t))
      tables.next_entry_ = __builtin_bswap64(load<uint64_t>(key.data())) + 1;
    tables.journal_bytes_ += calls.size();
    return true;
  }));
  return tables;
}

Result<Bytes> StoreTables::sealed() const {
  THEMIS_TRY(const auto txn, environment_->read());
  const Result<ByteView> found = txn.get(sealed_, as_bytes(kSealed));
  if (!found && found.error().code == Code::not_found) return Bytes{};
  if (!found) return fail(found.error());
  return Bytes(found->begin(), found->end());
}

Status StoreTables::records(const VisitRecord& visit) const {
  THEMIS_TRY(const auto txn, environment_->read());
  Status status;
  THEMIS_CHECK(txn.scan(records_, {}, [&](ByteView key, ByteView value) {
    status = visit(key, value);
    return status.has_value();
  }));
  return status;
}

Result<Bytes> StoreTables::record(ByteView key) const {
  THEMIS_TRY(const auto txn, environment_->read());
  const Result<ByteView> found = txn.get(records_, key);
  if (!found && found.error().code == Code::not_found)
    return fail(Code::malformed, "a record of the store is gone: restore its directory");
  if (!found) return fail(found.error());
  return Bytes(found->begin(), found->end());
}

Status StoreTables::journal(const VisitCalls& visit) const {
  THEMIS_TRY(const auto txn, environment_->read());
  Status status;
  THEMIS_CHECK(txn.scan(journal_, {}, [&](ByteView, ByteView calls) {
    status = calls.size() < kThreadBytes
                 ? fail(Code::malformed, "the store's journal is damaged: restore its directory")
                 : visit(load<uint16_t>(calls.data()), calls.subspan(kThreadBytes));
    return status.has_value();
  }));
  return status;
}

Status StoreTables::commit(std::span<const ByteView> calls, ByteView sealed) {
  uint64_t entry = 0, bytes = 0;
  const Status written = environment_->write([&](WriteTransaction& txn) -> Status {
    entry = next_entry_;
    bytes = journal_bytes_;
    for (uint16_t thread = 0; thread < calls.size(); ++thread) {
      if (calls[thread].empty()) continue;
      Bytes value(kThreadBytes);
      store(value.data(), thread);
      append(value, calls[thread]);
      THEMIS_CHECK(txn.put(journal_, entry_key(entry++), value));
      bytes += value.size();
    }
    return txn.put(sealed_, as_bytes(kSealed), sealed);
  });
  if (!written) return written;
  next_entry_ = entry;
  journal_bytes_ = bytes;
  return {};
}

Status StoreTables::checkpoint(const std::function<Status(const PutRecord&)>& write,
                               ByteView sealed) {
  const Status written = environment_->write([&](WriteTransaction& txn) -> Status {
    THEMIS_CHECK(write([&](ByteView key, ByteView value) {
      return value.empty() ? txn.erase(records_, key) : txn.put(records_, key, value);
    }));
    std::vector<Bytes> entries;
    THEMIS_CHECK(txn.scan(journal_, {}, [&](ByteView key, ByteView) {
      entries.emplace_back(key.begin(), key.end());
      return true;
    }));
    for (const Bytes& key : entries) THEMIS_CHECK(txn.erase(journal_, key));
    return txn.put(sealed_, as_bytes(kSealed), sealed);
  });
  if (written) next_entry_ = journal_bytes_ = 0;
  return written;
}

}  // namespace themis::host
