#pragma once
// How a verified store is made, or brought to where it was. Included by verified_store.hpp.

#include "enclave/host/verified_store.hpp"
#include "runtime/base/rng.hpp"

namespace themis::host {

template <class App>
Result<std::unique_ptr<VerifiedStore<App>>> VerifiedStore<App>::open(
    storage::Environment& environment, seal::TrustedSide& trusted,
    const VerifiedStoreOptions& options) {
  THEMIS_TRY(StoreTables tables, StoreTables::open(environment));
  auto store = std::make_unique<VerifiedStore>(Private(), std::move(tables), trusted, options);
  THEMIS_CHECK(store->start());
  return store;
}

template <class App>
Status VerifiedStore<App>::start() {
  THEMIS_TRY(const Bytes sealed, tables_.sealed());
  THEMIS_CHECK(trusted_.start(sealed));
  seal::SealedState state;
  if (!sealed.empty()) {
    THEMIS_TRY(state, seal::read_sealed(sealed));
  }
  for (uint16_t thread = 0; thread < options_.threads; ++thread) {
    ShardOptions shard{trusted_.instance(),   thread,
                       options_.threads,      options_.node_slots,
                       options_.record_slots, options_.hot_calls,
                       options_.bytes_max};
    SystemRng().fill(std::as_writable_bytes(std::span(shard.index_key)));
    Thread& at = threads_[thread];
    at.shard = std::make_unique<Shard<App>>(
        shard,
        [this, thread](ByteView batch) {
          if (Status& first = threads_[thread].trusted; first)
            first = trusted_.apply(thread, batch);
        },
        [this](const Key& key) { return read_value(key); });
  }
  THEMIS_CHECK(tables_.merge_all());
  THEMIS_CHECK(load_records());
  for (uint16_t thread = 0; thread < options_.threads; ++thread) {
    THEMIS_TRY(const NodeValue top, threads_[thread].shard->loaded(state.epoch));
    if (top != (sealed.empty() ? NodeValue{} : state.threads[thread].value))
      return fail(Code::forged,
                  "the records of monitor thread " + std::to_string(thread) +
                      " are not those of the checkpoint: restore the store's directory");
    threads_[thread].shard->restore();
  }
  for (Thread& each : threads_) each.shard->keep_to_limit(false);
  THEMIS_CHECK(replay_journal());
  for (Thread& each : threads_) each.shard->keep_to_limit(true);
  THEMIS_CHECK(trusted_.started());
  anybody_ = trusted_.clients() == nullptr || trusted_.clients()->admits(0, {}, {});
  certified_ = trusted_.certified();
  if (!sealed.empty()) return {};
  // Nobody has called anything: the empty store becomes the counter's first state.
  THEMIS_CHECK(save_calls());
  return {};
}

template <class App>
Status VerifiedStore<App>::load_records() {
  THEMIS_CHECK(tables_.listed([&](uint16_t thread, ByteView keys) -> Status {
    monitor::Reader reader(keys);
    while (reader.left() > 0) {
      const Key key = Key::decode(reader);
      if (!reader.ok() || thread >= options_.threads || thread_of(key) != thread)
        return fail(Code::malformed, "a list of the store is damaged: restore its directory");
      threads_[thread].shard->load_listed(key);
    }
    return {};
  }));
  return tables_.records([&](ByteView key, ByteView value) -> Status {
    monitor::Reader key_reader(key), value_reader(value);
    Record<App> record;
    record.key = Key::decode(key_reader);
    record.value = monitor::read_optional<typename App::Value>(value_reader);
    if (!key_reader.ok() || key_reader.left() != 0 || !value_reader.ok() ||
        value_reader.left() != 0 || !record.value)
      return fail(Code::malformed, "a record of the store is damaged: restore its directory");
    threads_[thread_of(record.key)].shard->load(record);
    return {};
  });
}

template <class App>
Result<typename App::Value> VerifiedStore<App>::read_value(const Key& key) const {
  std::array<std::byte, Key::kBytesMax> bytes;
  THEMIS_TRY(const Bytes found, tables_.record(ByteView(bytes.data(), key.encode(bytes.data()))));
  monitor::Reader reader(found);
  auto value = monitor::read_optional<typename App::Value>(reader);
  if (!reader.ok() || reader.left() != 0 || !value)
    return fail(Code::malformed, "a record of the store is damaged: restore its directory");
  return std::move(*value);
}

template <class App>
Status VerifiedStore<App>::for_each_call(ByteView calls, const Visit& visit) const {
  monitor::Reader reader(calls);
  while (reader.left() > 0) {
    const auto function = reader.integer<uint8_t>();
    const size_t count = App::arity(function);
    std::array<Key, monitor::kRecordsPerCallMax> keys;
    for (size_t i = 0; i < count; ++i) keys[i] = Key::decode(reader);
    typename App::Arguments arguments{};
    if (count != 0) arguments = App::decode(function, reader);
    if (!reader.ok() || (count == 0 && function != 0))
      return fail(Code::malformed, "the store's journal is damaged: restore its directory");
    THEMIS_CHECK(visit(function, std::span(keys).first(count), arguments));
  }
  return {};
}

/// An epoch of a thread at a time: its records are warmed together before its calls.
template <class App>
Status VerifiedStore<App>::replay_journal() {
  std::vector<Replay> waiting(options_.threads);
  const Status read = tables_.journal([&](uint16_t thread, ByteView calls) -> Status {
    if (thread >= options_.threads)
      return fail(Code::malformed, "the store's journal is damaged: restore its directory");
    Replay& at = waiting[thread];
    bool ends = false;
    at.calls.push_back(calls);
    THEMIS_CHECK(for_each_call(
        calls, [&](uint8_t function, std::span<const Key> keys, const auto&) -> Status {
          at.keys.insert(at.keys.end(), keys.begin(), keys.end());
          ends = ends || function == 0;
          return {};
        }));
    return ends ? replay(thread, std::exchange(at, {})) : Status();
  });
  if (!read) return read;
  for (uint16_t thread = 0; thread < options_.threads; ++thread)
    THEMIS_CHECK(replay(thread, waiting[thread]));
  return flush_all();
}

/// The shard may bring records another way than it did before.
template <class App>
Status VerifiedStore<App>::replay(uint16_t thread, const Replay& replay) {
  Thread& at = threads_[thread];
  at.shard->warm(replay.keys);
  const Visit run = [&](uint8_t function, std::span<const Key> keys,
                        const typename App::Arguments& arguments) -> Status {
    if (function == 0) {
      // The trusted side certified it when the journal was written. What it has certified by now it
      // need not have told yet.
      const uint32_t epoch = at.shard->epoch();
      THEMIS_CHECK(at.shard->end_epoch(epoch == 0 ? std::nullopt : std::optional(epoch - 1)));
      if (at.trusted) at.trusted = trusted_.certify();
    } else if (const auto result = at.shard->call(function, keys, arguments); !result) {
      return fail(result.error().code,
                  "the store's journal cannot be run again: " + result.error().detail);
    }
    return at.trusted;
  };
  for (const ByteView each : replay.calls) THEMIS_CHECK(for_each_call(each, run));
  return {};
}

}  // namespace themis::host
