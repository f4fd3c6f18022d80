#include "enclave/host/store_tables.hpp"

#include <array>

#include "runtime/base/codec.hpp"

namespace themis::host {
namespace {

using storage::Table;
using storage::WriteTransaction;

/// The one key of the table.
constexpr std::string_view kSealed = "sealed";
constexpr size_t kThreadBytes = sizeof(uint16_t);
/// Records that one transaction brings to their place at a start: some 20 ms.
constexpr size_t kMergedAtOnce = 65'536;
/// And a commit: so many, 0.3 ms, and one more for so many bytes of calls, which is twice as fast
/// as VerifiedStoreOptions lets the next checkpoint come.
constexpr size_t kMergedByCommit = 1'024, kBytesOfMerged = 256;

/// Big-endian, so that entries are in order.
std::array<std::byte, sizeof(uint64_t)> entry_key(uint64_t number) {
  return std::bit_cast<std::array<std::byte, sizeof number>>(__builtin_bswap64(number));
}

Status erase_all(WriteTransaction& txn, Table table) {
  std::vector<Bytes> keys;
  THEMIS_CHECK(txn.scan(table, {}, [&](ByteView key, ByteView) {
    keys.emplace_back(key.begin(), key.end());
    return true;
  }));
  for (const Bytes& key : keys) THEMIS_CHECK(txn.erase(table, key));
  return {};
}

Bytes of_thread(uint16_t thread, ByteView bytes) {
  Bytes value(kThreadBytes);
  store(value.data(), thread);
  append(value, bytes);
  return value;
}

}  // namespace

Result<StoreTables> StoreTables::open(storage::Environment& environment) {
  StoreTables tables(environment);
  THEMIS_TRY(tables.records_, environment.table("verified/records"));
  THEMIS_TRY(tables.changes_, environment.table("verified/changes"));
  THEMIS_TRY(tables.listed_, environment.table("verified/listed"));
  THEMIS_TRY(tables.journal_, environment.table("verified/journal"));
  THEMIS_TRY(tables.sealed_, environment.table("verified/sealed"));
  THEMIS_TRY(const auto txn, environment.read());
  THEMIS_CHECK(txn.scan(tables.journal_, {}, [&](ByteView key, ByteView calls) {
    if (key.size() == sizeof(uint64_t))
      tables.next_entry_ = __builtin_bswap64(load<uint64_t>(key.data())) + 1;
    tables.journal_bytes_ += calls.size();
    return true;
  }));
  THEMIS_CHECK(txn.scan(tables.changes_, {}, [&](ByteView, ByteView) {
    ++tables.runs_;
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

Status StoreTables::for_each_of_thread(Table table, const VisitThread& visit) const {
  THEMIS_TRY(const auto txn, environment_->read());
  Status status;
  THEMIS_CHECK(txn.scan(table, {}, [&](ByteView, ByteView value) {
    status = value.size() < kThreadBytes
                 ? fail(Code::malformed, "the store's journal is damaged: restore its directory")
                 : visit(load<uint16_t>(value.data()), value.subspan(kThreadBytes));
    return status.has_value();
  }));
  return status;
}

Status StoreTables::listed(const VisitThread& visit) const {
  std::vector<std::pair<uint16_t, Bytes>> threads;
  THEMIS_CHECK(for_each_of_thread(listed_, [&](uint16_t thread, ByteView piece) -> Status {
    if (threads.empty() || threads.back().first != thread) threads.push_back({thread, {}});
    append(threads.back().second, piece);
    return {};
  }));
  for (const auto& [thread, keys] : threads) THEMIS_CHECK(visit(thread, keys));
  return {};
}

Status StoreTables::journal(const VisitThread& visit) const {
  return for_each_of_thread(journal_, visit);
}

Status StoreTables::commit(std::span<const ByteView> calls, ByteView sealed) {
  size_t called = 0;
  for (const ByteView each : calls) called += each.size();
  THEMIS_TRY(const Bytes records, next_records(kMergedByCommit + called / kBytesOfMerged));
  uint64_t entry = 0, bytes = 0;
  const Status written = environment_->write([&](WriteTransaction& txn) -> Status {
    entry = next_entry_;
    bytes = journal_bytes_;
    for (uint16_t thread = 0; thread < calls.size(); ++thread) {
      if (calls[thread].empty()) continue;
      const Bytes value = of_thread(thread, calls[thread]);
      THEMIS_CHECK(txn.put(journal_, entry_key(entry++), value));
      bytes += value.size();
    }
    THEMIS_CHECK(merge(txn, records));
    return txn.put(sealed_, as_bytes(kSealed), sealed);
  });
  if (!written) return written;
  next_entry_ = entry;
  journal_bytes_ = bytes;
  merged();
  return {};
}

Status StoreTables::checkpoint(const std::function<Status(const PutRecord&)>& write,
                               std::span<const ByteView> listed,
                               const std::function<Result<ByteView>()>& seal) {
  THEMIS_ASSERT(is_merged(), "one checkpoint is merged before the next");
  uint64_t runs = 0;
  const Status written = environment_->write([&](WriteTransaction& txn) -> Status {
    runs = 0;
    Bytes run;
    const auto end_run = [&] {
      const Status put = run.empty() ? Status() : txn.put(changes_, entry_key(runs++), run);
      run.clear();
      return put;
    };
    THEMIS_CHECK(write([&](ByteView key, ByteView value) -> Status {
      append_record(run, key, value);
      return run.size() < kRunBytes ? Status() : end_run();
    }));
    THEMIS_CHECK(end_run());
    THEMIS_CHECK(erase_all(txn, listed_));
    uint64_t pieces = 0;
    for (uint16_t thread = 0; thread < listed.size(); ++thread)
      for (size_t at = 0; at < listed[thread].size(); at += kRunBytes) {
        const size_t bytes = std::min(kRunBytes, listed[thread].size() - at);
        THEMIS_CHECK(txn.put(listed_, entry_key(pieces++),
                             of_thread(thread, listed[thread].subspan(at, bytes))));
      }
    THEMIS_CHECK(erase_all(txn, journal_));
    THEMIS_TRY(const ByteView sealed, seal());
    return txn.put(sealed_, as_bytes(kSealed), sealed);
  });
  if (!written) return written;
  next_entry_ = journal_bytes_ = 0;
  runs_ = runs;
  return {};
}

/// Copies of the next ones to bring to their place; none while there is still a run to be sorted.
Result<Bytes> StoreTables::next_records(size_t count) {
  Bytes records;
  if (is_merged()) return records;
  THEMIS_TRY(const auto txn, environment_->read());
  if (merge_.runs() < runs_) {
    const Result<ByteView> run = txn.get(changes_, entry_key(merge_.runs()));
    if (!run && run.error().code == Code::not_found)
      return fail(Code::malformed, "a checkpoint of the store is gone: restore its directory");
    if (!run) return fail(run.error());
    THEMIS_CHECK(merge_.add(*run));
    return records;
  }
  std::vector<ByteView> runs;
  for (uint64_t i = 0; i < runs_; ++i) {
    THEMIS_TRY(const ByteView run, txn.get(changes_, entry_key(i)));
    runs.push_back(run);
  }
  THEMIS_CHECK(merge_.next(runs, count, [&](ByteView key, ByteView value) -> Status {
    append_record(records, key, value);
    return {};
  }));
  return records;
}

Status StoreTables::merge(WriteTransaction& txn, ByteView records) const {
  for (Reader reader(records); reader.left() > 0;) {
    const auto key_bytes = reader.integer<uint16_t>();
    const auto value_bytes = reader.integer<uint32_t>();
    const ByteView key = reader.bytes(key_bytes), value = reader.bytes(value_bytes);
    const Status done = value.empty() ? txn.erase(records_, key) : txn.put(records_, key, value);
    const bool again = value.empty() && !done && done.error().code == Code::not_found;
    if (!done && !again) return done;
  }
  return merge_.is_last() ? erase_all(txn, changes_) : Status();
}

/// What next_records() gave is on disk.
void StoreTables::merged() {
  const bool last = merge_.is_last();
  merge_.visited();
  if (!last) return;
  merge_ = {};
  runs_ = 0;
}

Status StoreTables::merge_all() {
  while (!is_merged()) {
    THEMIS_TRY(const Bytes records, next_records(kMergedAtOnce));
    THEMIS_CHECK(environment_->write([&](WriteTransaction& txn) { return merge(txn, records); }));
    merged();
  }
  return {};
}

}  // namespace themis::host
