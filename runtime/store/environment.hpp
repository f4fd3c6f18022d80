#pragma once
// An ordered key-value store in one directory: named tables, read and write transactions, prefix
// scans. LMDB stays behind.

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/base/bytes.hpp"
#include "runtime/store/directory_lock.hpp"

struct MDB_env;
struct MDB_txn;

namespace themis::storage {

/// LMDB's own bound for a key at its default page size (mdb_env_get_maxkeysize).
inline constexpr size_t kKeyBytesMax = 511;
/// A value takes consecutive pages; larger things belong into several values.
inline constexpr size_t kValueBytesMax = 64 * 1024 * 1024;

struct Options {
  size_t map_bytes = 256 * 1024 * 1024;  ///< Address space; disk is used as data comes.
  size_t map_bytes_max = 64ull * 1024 * 1024 * 1024;  ///< Growth stops here with Code::overloaded.
  uint32_t tables_max = 64;
  uint32_t readers_max = 126;  ///< Read transactions open at once; LMDB's default.
  /// True: an acknowledged write survives a power cut. False: the last ones may be lost, nothing
  /// gets corrupt.
  bool durable = true;
};

/// A named table; a small value, valid as long as its environment.
struct Table {
  unsigned handle = 0;
};

/// Called for each pair in key order, borrowed for the call; false ends the scan.
using Visitor = std::function<bool(ByteView key, ByteView value)>;

/// Counts the open transactions, so that the map is only resized when there are none. Any thread.
class Gate {
 public:
  class Pass {
   public:
    explicit Pass(Gate& gate) : gate_(&gate) {}
    Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Pass& operator=(Pass&& other) noexcept {
      std::swap(gate_, other.gate_);
      return *this;
    }
    ~Pass() {
      if (gate_) gate_->leave();
    }

   private:
    Gate* gate_;
  };

  /// Waits while the gate is closed.
  Pass enter();
  /// Waits until nobody is inside, runs `work` alone. Errors: timeout after 5 s (someone stays
  /// inside), or work's own.
  Status alone(const std::function<Status()>& work);

 private:
  void leave();

  std::mutex mutex_;
  std::condition_variable changed_;
  size_t inside_ = 0;
  bool closed_ = false;
};

/// A snapshot of the store. Spans it returns are valid until it is destroyed. May move to another
/// thread; one thread at a time. Keep it short: pages freed meanwhile are not used again. Not
/// across Environment::write in the same thread.
class ReadTransaction {
 public:
  ReadTransaction(ReadTransaction&& other) noexcept
      : pass_(std::move(other.pass_)), txn_(std::exchange(other.txn_, nullptr)) {}
  ReadTransaction& operator=(ReadTransaction&&) = delete;
  ~ReadTransaction();

  /// Errors: not_found; invalid (an empty key); too_large (a key over kKeyBytesMax); io.
  [[nodiscard]] Result<ByteView> get(Table table, ByteView key) const;
  /// Visits every pair whose key starts with `prefix` (empty: all), in key order. Errors:
  /// too_large, io.
  [[nodiscard]] Status scan(Table table, ByteView prefix, const Visitor& visit) const;

 private:
  friend class Environment;
  ReadTransaction(Gate::Pass pass, MDB_txn* txn) : pass_(std::move(pass)), txn_(txn) {}

  Gate::Pass pass_;
  MDB_txn* txn_;
};

/// The one write transaction, seen by the body of Environment::write. Spans it returns are valid
/// until its next put or erase. Of the thread that called write() only.
class WriteTransaction {
 public:
  WriteTransaction(const WriteTransaction&) = delete;
  WriteTransaction& operator=(const WriteTransaction&) = delete;

  /// As in ReadTransaction; sees this transaction's own writes.
  [[nodiscard]] Result<ByteView> get(Table table, ByteView key) const;
  [[nodiscard]] Status scan(Table table, ByteView prefix, const Visitor& visit) const;
  /// Inserts or replaces. Errors: invalid (an empty key); too_large (key or value); overloaded (the
  /// map is full: write() grows it and runs the body again); io.
  [[nodiscard]] Status put(Table table, ByteView key, ByteView value);
  /// Errors: not_found; as put.
  [[nodiscard]] Status erase(Table table, ByteView key);

 private:
  friend class Environment;
  explicit WriteTransaction(MDB_txn* txn) : txn_(txn) {}

  MDB_txn* txn_;
  bool full_ = false;
};

struct Usage {
  size_t map_bytes = 0;
  size_t used_bytes = 0;
};

class Environment {
  /// Only open() makes one.
  struct Key {
    explicit Key() = default;
  };

 public:
  /// Opens the store in `directory`, created with mode 0700 when absent, and locks it against every
  /// other process.
  /// Errors: exists ("data/node-1 is in use by process 123"), io (the path and the reason).
  static Result<std::unique_ptr<Environment>> open(const std::filesystem::path& directory,
                                                   const Options& options = {});
  Environment(Key, std::string name, const Options& options, DirectoryLock lock);
  /// No transaction may be open.
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  /// The table of that name, created when absent. Errors: overloaded (tables_max), invalid (an
  /// empty name), io. Any thread, but not inside a write body.
  Result<Table> table(std::string_view name);

  /// Errors: overloaded (readers_max read transactions are open), io. Any thread.
  Result<ReadTransaction> read() const;

  /// Runs `body` in a write transaction, waiting for the one before it, and commits when it returns
  /// a value; an error aborts, changes nothing and is returned. On return the writes are on disk
  /// (Options::durable). `body` may run again after the map was full, so it must not change
  /// anything but the transaction.
  /// Errors: the body's; overloaded (map_bytes_max reached; or a read transaction was open for 5 s
  /// while the map had to grow); io. Any thread, but never inside another write body or while this
  /// thread holds a read transaction.
  Status write(const std::function<Status(WriteTransaction&)>& body);

  /// Any thread, but never inside a write body or while this thread holds a read transaction: it
  /// waits while the map grows.
  Usage usage() const;

 private:
  struct CloseEnv {
    void operator()(MDB_env* env) const;
  };
  Status start();
  Status attempt(const std::function<Status(WriteTransaction&)>& body, bool& full);
  Status grow(size_t full_at);
  /// usage() for who is inside the gate or alone.
  Usage measure() const;

  std::string name_;
  Options options_;
  DirectoryLock lock_;
  std::unique_ptr<MDB_env, CloseEnv> env_;
  mutable Gate gate_;
};

}  // namespace themis::storage
