#include "bench/plain_keeper.hpp"

#include <caf/all.hpp>

#include "enclave/applications/state_store.hpp"
#include "enclave/host/call_bytes.hpp"
#include "enclave/host/key_index.hpp"
#include "enclave/host/packed_record.hpp"
#include "enclave/host/store_tables.hpp"
#include "enclave/host/verified_store.hpp"
#include "runtime/base/rng.hpp"

namespace themis::bench {
namespace {

using App = monitor::StateStore;

/// Records in memory, and what was called since on disk.
class PlainStore {
 public:
  explicit PlainStore(const std::filesystem::path& data)
      : environment_(storage::Environment::open(data / "plain").value()),
        tables_(host::StoreTables::open(*environment_).value()),
        key_(random_key()) {}

  void prefetch(std::span<const App::Key> keys) const { index_.prefetch(keys); }
  App::Result call(uint8_t function, const App::Key& key, const App::Arguments& arguments) {
    host::RecordId id = index_.find(key);
    if (id == Index::kNone) {
      id = static_cast<host::RecordId>(entries_.size());
      entries_.emplace_back().record.start(slab_, key);
      index_.add(id);
    }
    Entry& entry = entries_[id];
    App::Result result;
    host::Record<App> record{key, entry.record.value()};
    const bool can = App::run(function, arguments, std::span(&record, 1), result);
    THEMIS_ASSERT(can, "calls of the bench are right");
    if (function != App::read) {
      entry.record.write(slab_, record.value);
      entry.changed = true;
    }
    if (!App::only_reads(function))
      append(calls_, host::CallBytes<App>(function, std::span(&key, 1), arguments).history());
    return result;
  }
  Status commit() {
    if (calls_.empty()) return {};
    const ByteView calls[] = {calls_};
    THEMIS_CHECK(tables_.commit(calls, as_bytes("no seal")));
    calls_.clear();
    return {};
  }
  /// A checkpoint when one is due, as VerifiedStore::is_checkpoint_due() says.
  Status end_epoch() {
    THEMIS_CHECK(commit());
    const host::VerifiedStoreOptions due;
    const uint64_t of_records = due.journal_bytes_per_record * records();
    if (tables_.journal_bytes() <= std::max(due.journal_bytes_max, of_records)) return {};
    const auto write = [this](const host::StoreTables::PutRecord& put) -> Status {
      std::array<std::byte, App::Key::kBytesMax> key;
      std::array<std::byte, 1 + App::Value::kBytesMax> value;
      for (const Entry& entry : entries_) {
        if (!entry.changed) continue;
        const host::Record<App> record = entry.record.unpacked();
        const ByteView bytes(value.data(), monitor::put_optional(value.data(), record.value));
        THEMIS_CHECK(put(ByteView(key.data(), record.key.encode(key.data())), bytes));
      }
      return {};
    };
    THEMIS_CHECK(tables_.merge_all());
    THEMIS_CHECK(tables_.checkpoint(write, {}, [] { return as_bytes("no seal"); }));
    for (Entry& entry : entries_) entry.changed = false;
    return {};
  }
  size_t records() const { return entries_.size(); }
  uint64_t journal_bytes() const { return tables_.journal_bytes(); }

 private:
  /// A line each, as a shard's.
  struct alignas(64) Entry {
    host::PackedRecord<App> record;
    bool changed = false;
  };
  using Index = host::KeyIndex<HugeVector<Entry>>;
  static host::IndexKey random_key() {
    host::IndexKey key;
    SystemRng().fill(std::as_writable_bytes(std::span(key)));
    return key;
  }

  std::unique_ptr<storage::Environment> environment_;
  host::StoreTables tables_;
  host::IndexKey key_;
  host::Slab slab_;
  HugeVector<Entry> entries_;
  Index index_{entries_, key_};
  Bytes calls_;
};

class PlainKeeper final : public caf::event_based_actor {
 public:
  PlainKeeper(caf::actor_config& config, const StateKeeperOptions& options)
      : caf::event_based_actor(config), store_(options.data) {}
  const char* name() const override { return "plain-keeper"; }

 private:
  caf::behavior make_behavior() override {
    return {[this](const OpenStore&) { return tell({}, {}); },
            [this](const CloseStore&) { return tell({}, {}); },
            [this](const RunCalls& ask) { return run(ask); }};
  }
  StoreTold run(const RunCalls& ask) {
    StoreTold told;
    for (const StateBatch& batch : ask.batches) run(batch, told.answers.emplace_back());
    if (!ask.end_epoch) return tell(std::move(told), store_.commit());
    const Status ended = store_.end_epoch();
    certified_ = epoch_++;
    return tell(std::move(told), ended);
  }
  void run(const StateBatch& batch, StateAnswers& answers) {
    constexpr size_t kWindow = 16;
    std::array<StateCallView, kWindow> calls;
    std::array<App::Key, kWindow> keys;
    StateCallReader reader = batch.calls();
    size_t count = 0;
    do {
      for (count = 0; count < kWindow && reader.next(calls[count]); ++count)
        keys[count] = {App::Key::from(calls[count].name)};
      store_.prefetch(std::span(keys).first(count));
      for (size_t i = 0; i < count; ++i) run(calls[i], keys[i], answers);
    } while (count == kWindow);
  }
  void run(const StateCallView& call, const App::Key& key, StateAnswers& answers) {
    const bool puts = call.op == StateOp::put;
    if (puts) arguments_.value = App::Value::from(call.value);
    const App::Result result = store_.call(puts ? App::write : App::read, key, arguments_);
    answers.add(result.done, result.value ? std::optional(result.value->view()) : std::nullopt,
                epoch_);
  }
  StoreTold tell(StoreTold told, const Status& status) const {
    THEMIS_ASSERT(status, "the disk works");
    told.epoch = epoch_;
    told.certified = certified_;
    told.records = store_.records();
    told.journal_bytes = store_.journal_bytes();
    return told;
  }

  PlainStore store_;
  App::Arguments arguments_;
  uint32_t epoch_ = 0;
  std::optional<uint32_t> certified_;
};

}  // namespace

caf::actor spawn_plain_keeper(caf::actor_system& system, const StateKeeperOptions& options) {
  return caf::actor_cast<caf::actor>(system.spawn<PlainKeeper, caf::detached>(options));
}

}  // namespace themis::bench
