#include "runtime/store/environment.hpp"

#include <fmt/format.h>
#include <lmdb.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>

#include "runtime/base/log.hpp"
#include "runtime/store/lmdb_codes.hpp"

namespace themis::storage {
namespace {

constexpr auto kGrowWait = std::chrono::seconds(5);  // a read transaction lives for one request
constexpr int kGrowthsMax = 32;                      // each doubles: more than the address space

MDB_val as_val(ByteView bytes) { return {bytes.size(), const_cast<std::byte*>(bytes.data())}; }
ByteView as_view(const MDB_val& value) {
  return {static_cast<const std::byte*>(value.mv_data), value.mv_size};
}

Status check_key(ByteView key) {
  if (key.empty()) return fail(Code::invalid, "a key must not be empty");
  if (key.size() > kKeyBytesMax)
    return fail(Code::too_large,
                fmt::format("a key of {} bytes; at most {}", key.size(), kKeyBytesMax));
  return {};
}

Result<ByteView> get_from(MDB_txn* txn, Table table, ByteView key) {
  THEMIS_CHECK(check_key(key));
  MDB_val name = as_val(key);
  MDB_val value{};
  const int code = mdb_get(txn, table.handle, &name, &value);
  if (code == MDB_NOTFOUND) return fail(Code::not_found, "no such key");
  if (code != MDB_SUCCESS) return fail(lmdb_error(code, "get"));
  return as_view(value);
}

struct AbortTransaction {
  void operator()(MDB_txn* txn) const { mdb_txn_abort(txn); }
};

struct CloseCursor {
  void operator()(MDB_cursor* cursor) const { mdb_cursor_close(cursor); }
};

Status scan_from(MDB_txn* txn, Table table, ByteView prefix, const Visitor& visit) {
  if (!prefix.empty()) THEMIS_CHECK(check_key(prefix));
  MDB_cursor* raw = nullptr;
  if (const int code = mdb_cursor_open(txn, table.handle, &raw); code != MDB_SUCCESS)
    return fail(lmdb_error(code, "scan"));
  const std::unique_ptr<MDB_cursor, CloseCursor> cursor(raw);
  MDB_val key = as_val(prefix);
  MDB_val value{};
  int code = mdb_cursor_get(raw, &key, &value, prefix.empty() ? MDB_FIRST : MDB_SET_RANGE);
  while (code == MDB_SUCCESS) {
    const ByteView name = as_view(key);
    if (name.size() < prefix.size() || !std::ranges::equal(name.first(prefix.size()), prefix))
      return {};
    if (!visit(name, as_view(value))) return {};
    code = mdb_cursor_get(raw, &key, &value, MDB_NEXT);
  }
  if (code != MDB_NOTFOUND) return fail(lmdb_error(code, "scan"));
  return {};
}

/// A new store's file appears whole or not at all. LMDB's own creation can be cut in two by a power
/// cut or a full disk, and what is left is then no store for it.
Status create_file(const std::filesystem::path& directory, size_t map_bytes) {
  const std::filesystem::path file = directory / "data.mdb", made = directory / "data.new";
  std::error_code error;
  if (std::filesystem::exists(file, error)) return {};
  std::filesystem::remove(made, error);
  MDB_env* env = nullptr;
  int code = mdb_env_create(&env);
  if (code == MDB_SUCCESS) code = mdb_env_set_mapsize(env, map_bytes);
  if (code == MDB_SUCCESS) code = mdb_env_open(env, made.c_str(), MDB_NOSUBDIR | MDB_NOLOCK, 0600);
  if (code == MDB_SUCCESS) code = mdb_env_sync(env, 1);
  mdb_env_close(env);
  if (code != MDB_SUCCESS) return fail(lmdb_error(code, made.string()));
  if (::rename(made.c_str(), file.c_str()) != 0) return fail(lmdb_error(errno, file.string()));
  return sync_directory(directory);
}

}  // namespace

Gate::Pass Gate::enter() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !closed_; });
  ++inside_;
  return Pass(*this);
}

void Gate::leave() {
  const std::lock_guard lock(mutex_);
  --inside_;
  changed_.notify_all();
}

Status Gate::alone(const std::function<Status()>& work) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !closed_; });
  closed_ = true;
  const bool empty = changed_.wait_for(lock, kGrowWait, [&] { return inside_ == 0; });
  const Status status = empty ? work() : fail(Code::timeout, "a transaction stays open");
  closed_ = false;
  changed_.notify_all();
  return status;
}

ReadTransaction::~ReadTransaction() {
  if (txn_) mdb_txn_abort(txn_);
}

Result<ByteView> ReadTransaction::get(Table table, ByteView key) const {
  return get_from(txn_, table, key);
}

Status ReadTransaction::scan(Table table, ByteView prefix, const Visitor& visit) const {
  return scan_from(txn_, table, prefix, visit);
}

Result<ByteView> WriteTransaction::get(Table table, ByteView key) const {
  return get_from(txn_, table, key);
}

Status WriteTransaction::scan(Table table, ByteView prefix, const Visitor& visit) const {
  return scan_from(txn_, table, prefix, visit);
}

Status WriteTransaction::put(Table table, ByteView key, ByteView value) {
  THEMIS_CHECK(check_key(key));
  if (value.size() > kValueBytesMax)
    return fail(Code::too_large,
                fmt::format("a value of {} bytes; at most {}", value.size(), kValueBytesMax));
  MDB_val name = as_val(key);
  MDB_val data = as_val(value);
  const int code = mdb_put(txn_, table.handle, &name, &data, 0);
  full_ = full_ || code == MDB_MAP_FULL;
  if (code != MDB_SUCCESS) return fail(lmdb_error(code, "put"));
  return {};
}

Status WriteTransaction::erase(Table table, ByteView key) {
  THEMIS_CHECK(check_key(key));
  MDB_val name = as_val(key);
  const int code = mdb_del(txn_, table.handle, &name, nullptr);
  full_ = full_ || code == MDB_MAP_FULL;
  if (code == MDB_NOTFOUND) return fail(Code::not_found, "no such key");
  if (code != MDB_SUCCESS) return fail(lmdb_error(code, "erase"));
  return {};
}

void Environment::CloseEnv::operator()(MDB_env* env) const { mdb_env_close(env); }

Environment::Environment(Key, std::string name, const Options& options, DirectoryLock lock)
    : name_(std::move(name)), options_(options), lock_(std::move(lock)) {}

Environment::~Environment() = default;

Result<std::unique_ptr<Environment>> Environment::open(const std::filesystem::path& directory,
                                                       const Options& options) {
  THEMIS_TRY(DirectoryLock lock, lock_directory(directory));
  auto environment =
      std::make_unique<Environment>(Key(), directory.string(), options, std::move(lock));
  THEMIS_CHECK(environment->start());
  return environment;
}

Status Environment::start() {
  THEMIS_CHECK(create_file(name_, options_.map_bytes));
  MDB_env* env = nullptr;
  int code = mdb_env_create(&env);
  if (code != MDB_SUCCESS) return fail(lmdb_error(code, name_));
  env_.reset(env);
  // MDB_NOTLS: a read transaction belongs to its object, not to a thread.
  const unsigned flags = MDB_NOTLS | (options_.durable ? 0u : unsigned{MDB_NOMETASYNC});
  if ((code = mdb_env_set_mapsize(env, options_.map_bytes)) != MDB_SUCCESS ||
      (code = mdb_env_set_maxdbs(env, options_.tables_max)) != MDB_SUCCESS ||
      (code = mdb_env_set_maxreaders(env, options_.readers_max)) != MDB_SUCCESS ||
      (code = mdb_env_open(env, name_.c_str(), flags, 0600)) != MDB_SUCCESS)
    return fail(lmdb_error(code, name_));
  // What a killed process wrote last may only be with the kernel yet: nobody builds on it before it
  // is on disk.
  if (options_.durable && (code = mdb_env_sync(env, 1)) != MDB_SUCCESS)
    return fail(lmdb_error(code, name_ + ": sync"));
  return {};
}

Result<Table> Environment::table(std::string_view name) {
  if (name.empty()) return fail(Code::invalid, "a table needs a name");
  Table table;
  const std::string text(name);
  THEMIS_CHECK(write([&](WriteTransaction& txn) -> Status {
    const int code = mdb_dbi_open(txn.txn_, text.c_str(), MDB_CREATE, &table.handle);
    txn.full_ = txn.full_ || code == MDB_MAP_FULL;
    if (code != MDB_SUCCESS) return fail(lmdb_error(code, name_ + ": table " + text));
    return {};
  }));
  return table;
}

Result<ReadTransaction> Environment::read() const {
  Gate::Pass pass = gate_.enter();
  MDB_txn* txn = nullptr;
  const int code = mdb_txn_begin(env_.get(), nullptr, MDB_RDONLY, &txn);
  if (code != MDB_SUCCESS) return fail(lmdb_error(code, name_ + ": read"));
  return ReadTransaction(std::move(pass), txn);
}

Status Environment::attempt(const std::function<Status(WriteTransaction&)>& body, bool& full) {
  const Gate::Pass pass = gate_.enter();
  MDB_txn* txn = nullptr;
  int code = mdb_txn_begin(env_.get(), nullptr, 0, &txn);
  if (code != MDB_SUCCESS) return fail(lmdb_error(code, name_ + ": write"));
  std::unique_ptr<MDB_txn, AbortTransaction> owned(txn);  // the body may throw
  WriteTransaction transaction(txn);
  const Status status = body(transaction);
  full = transaction.full_;
  if (!status || full) return status;
  code = mdb_txn_commit(owned.release());
  full = code == MDB_MAP_FULL;
  if (code != MDB_SUCCESS) return fail(lmdb_error(code, name_ + ": commit"));
  return {};
}

Status Environment::write(const std::function<Status(WriteTransaction&)>& body) {
  for (int growths = 0; growths <= kGrowthsMax; ++growths) {
    const size_t map_bytes = usage().map_bytes;
    bool full = false;
    Status status = attempt(body, full);
    if (!full) return status;
    THEMIS_CHECK(grow(map_bytes));
  }
  return fail(Code::too_large, name_ + ": one transaction does not fit into the store");
}

Status Environment::grow(size_t full_at) {
  const Status status = gate_.alone([&]() -> Status {
    const size_t now = measure().map_bytes;
    if (now > full_at) return {};  // another thread was here first
    if (now >= options_.map_bytes_max)
      return fail(
          Code::overloaded,
          fmt::format("{}: full at {} MB (map_bytes_max); erase something", name_, now >> 20));
    const size_t next = std::min(now * 2, options_.map_bytes_max);
    if (const int code = mdb_env_set_mapsize(env_.get(), next); code != MDB_SUCCESS)
      return fail(lmdb_error(code, name_ + ": grow"));
    log::info("store", "{}: the map grew to {} MB", name_, next >> 20);
    return {};
  });
  if (!status && status.error().code == Code::timeout)
    return fail(Code::overloaded, name_ + ": is full, and a read transaction kept it from growing");
  return status;
}

Usage Environment::usage() const {
  const Gate::Pass pass = gate_.enter();
  return measure();
}

Usage Environment::measure() const {
  MDB_envinfo info{};
  MDB_stat stat{};
  mdb_env_info(env_.get(), &info);
  mdb_env_stat(env_.get(), &stat);
  return {info.me_mapsize, (info.me_last_pgno + 1) * stat.ms_psize};
}

}  // namespace themis::storage
