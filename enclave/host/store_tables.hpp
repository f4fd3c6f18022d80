#pragma once
// The verified store's tables on disk: records of the checkpoint, the calls since, the sealed
// state.

#include <functional>

#include "enclave/host/record_runs.hpp"
#include "runtime/store/environment.hpp"

namespace themis::host {

/// Each method is one transaction but for merge_all(), so the tables always fit together. What a
/// checkpoint has to write it writes in one go, as runs; later commits bring it to its place among
/// the records, piece by piece, which may be done any number of times. One thread.
class StoreTables {
 public:
  /// Key and value, or thread and bytes; borrowed for the call. An error ends the scan.
  using VisitRecord = std::function<Status(ByteView key, ByteView value)>;
  using VisitThread = std::function<Status(uint16_t thread, ByteView bytes)>;
  using PutRecord = VisitRecord;

  /// `environment` is borrowed for the object's life. Errors: as Environment::table.
  static Result<StoreTables> open(storage::Environment& environment);

  /// Empty when there is no store yet. Errors: io.
  Result<Bytes> sealed() const;
  /// Of the checkpoint, if it is_merged(). Errors: the visitor's; io.
  Status records(const VisitRecord& visit) const;
  /// The value of one. Errors: malformed (there is none: the store is damaged); io. Any thread.
  Result<Bytes> record(ByteView key) const;
  /// What the checkpoint listed of each thread that has any. Errors: the visitor's; malformed; io.
  Status listed(const VisitThread& visit) const;
  /// In the order of the commits, and of the threads in each. Errors: the visitor's; malformed; io.
  Status journal(const VisitThread& visit) const;
  uint64_t journal_bytes() const { return journal_bytes_; }

  /// Adds to the journal what each thread has called, and brings a part of what the checkpoint
  /// wrote to its place. Errors: malformed (the checkpoint); as Environment::write.
  Status commit(std::span<const ByteView> calls, ByteView sealed);
  /// Writes the records that changed, those that are gone with an empty value, and what each thread
  /// has listed; empties the journal. `write` may run more than once. The last one is_merged().
  /// `seal` is asked last, once a try: the trusted side may work until then; what it gives is
  /// borrowed for the call. Errors: theirs too.
  Status checkpoint(const std::function<Status(const PutRecord&)>& write,
                    std::span<const ByteView> listed,
                    const std::function<Result<ByteView>()>& seal);
  /// Whether records() and record() have all that the last checkpoint wrote.
  bool is_merged() const { return runs_ == 0; }
  /// Errors: malformed (the checkpoint); as Environment::write.
  Status merge_all();

 private:
  explicit StoreTables(storage::Environment& environment) : environment_(&environment) {}
  Result<Bytes> next_records(size_t count);
  Status merge(storage::WriteTransaction& txn, ByteView records) const;
  void merged();
  Status for_each_of_thread(storage::Table table, const VisitThread& visit) const;

  storage::Environment* environment_;
  storage::Table records_, changes_, listed_, journal_, sealed_;
  uint64_t next_entry_ = 0;
  uint64_t journal_bytes_ = 0;
  uint64_t runs_ = 0;  // of the last checkpoint, on disk
  RecordRuns merge_;
};

}  // namespace themis::host
