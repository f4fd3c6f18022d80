#pragma once
// The verified store's tables on disk: records of the checkpoint, the calls since, the sealed
// state.

#include <functional>

#include "runtime/store/environment.hpp"

namespace themis::host {

/// Each method is one transaction, so the three tables always fit together. One thread.
class StoreTables {
 public:
  /// Key and value, or thread and calls; borrowed for the call. An error ends the scan.
  using VisitRecord = std::function<Status(ByteView key, ByteView value)>;
  using VisitCalls = std::function<Status(uint16_t thread, ByteView calls)>;
  using PutRecord = std::function<Status(ByteView key, ByteView value)>;

  /// `environment` is borrowed for the object's life. Errors: as Environment::table.
  static Result<StoreTables> open(storage::Environment& environment);

  /// Empty when there is no store yet. Errors: io.
  Result<Bytes> sealed() const;
  /// Errors: the visitor's; io.
  Status records(const VisitRecord& visit) const;
  /// The value of one. Errors: malformed (there is none: the store is damaged); io. Any thread.
  Result<Bytes> record(ByteView key) const;
  /// In the order of the commits, and of the threads in each. Errors: the visitor's; malformed; io.
  Status journal(const VisitCalls& visit) const;
  uint64_t journal_bytes() const { return journal_bytes_; }

  /// Adds to the journal what each thread has called. Errors: as Environment::write.
  Status commit(std::span<const ByteView> calls, ByteView sealed);
  /// Puts the records that changed, erases those put with an empty value, and empties the journal.
  /// `write` may run more than once.
  Status checkpoint(const std::function<Status(const PutRecord&)>& write, ByteView sealed);

 private:
  StoreTables(storage::Environment& environment, storage::Table records, storage::Table journal,
              storage::Table sealed)
      : environment_(&environment), records_(records), journal_(journal), sealed_(sealed) {}

  storage::Environment* environment_;
  storage::Table records_, journal_, sealed_;
  uint64_t next_entry_ = 0;
  uint64_t journal_bytes_ = 0;
};

}  // namespace themis::host
