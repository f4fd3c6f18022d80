#pragma once
// One thread of the verifier: takes the untrusted host's commands and refuses the first wrong one.

#include "enclave/monitor/aggregator.hpp"
#include "enclave/monitor/clients.hpp"

namespace themis::monitor {

/// Checks a log of commands over verified records. Node slots are 0..node_slots-1, record slots
/// follow. All memory is taken at construction; then no heap, no exception, no thread, no clock.
/// One thread. Source: Zeta's specification (ThreadStateModel); FastVer (SIGMOD 2021).
///
/// If all threads of an instance accepted their logs and the aggregator certified epoch e, then the
/// calls made up to e have one order, the threads' own orders kept, in which each read what was
/// last written; or two values of one hash, or of the PRF, were found.
template <Application App, class Checks = AllChecks>
class Monitor {
 public:
  /// `master` is shared by the threads of the instance and never by two instances. Slots: at most
  /// 65,535 together, at least one of each kind. Thread 0 starts with the root in slot 0.
  Monitor(const MonitorOptions& options, const MasterKey& master);
  /// The same, but starts where another monitor of the instance was at rest.
  Monitor(const MonitorOptions& options, const MasterKey& master, const Rest& from);

  /// Copies the batch and runs its commands in order; appends what calls give to `output`.
  /// False when a command was wrong, now or in an earlier batch: violation() says which one and
  /// nothing is accepted any more. Results of an open epoch are provisional until it is certified.
  [[nodiscard]] bool apply(ByteView batch, Output& output);
  /// Whether that client made the call with this body: a host asks before it writes the call.
  [[nodiscard]] bool admits(const receipts::Caller& caller, ByteView body) {
    const Client* client = clients_.find(caller.client);
    return client != nullptr && crypto::equal(client->key.evaluate(body), caller.tag);
  }
  /// As the command; a wrong client is only refused and does not end the monitor. None: it is in.
  [[nodiscard]] Reason register_client(uint16_t number, const crypto::DhShare& share,
                                       const crypto::Signature& grant);
  void require_clients() { options_.calls_without_client = false; }  ///< From here on.
  void restored() { restoring_ = false; }  ///< The listing was told of all that was listed.
  /// Reports of the epochs verified since the last call, for the aggregator only; oldest first.
  std::optional<EpochReport> take_report();
  /// Where a new monitor can go on as this one would: only the top node is in a slot, the open
  /// epoch has listed all that it evicted and added nothing, all reports are taken. Else nothing.
  std::optional<Rest> at_rest();

  const Violation& violation() const { return violation_; }
  /// What the last batch did, whichever way records came and went: of each call that may write its
  /// function, keys and arguments, and a byte 0 for each new epoch. Valid until the next batch.
  ByteView history() const { return ByteView(history_.get(), history_bytes_); }
  /// The results of those calls, without what clients get beside them. Valid as long.
  ByteView results() const { return ByteView(results_.get(), results_bytes_); }
  uint16_t thread() const { return options_.thread; }
  Timestamp clock() const { return clock_; }

 private:
  bool check(Reason reason, bool condition) {
    return Checks::holds(reason, condition) || refuse(reason);
  }
  bool refuse(Reason reason) {
    if (!violation_) violation_ = {reason, options_.thread, sequence_, 0};
    return false;
  }

  bool read_header(Reader& reader);
  bool command(Reader& reader, Output& output);
  // merkle_commands.hpp
  bool add_merkle_node(Reader& reader);
  bool add_merkle_record(Reader& reader);
  bool evict_merkle(Reader& reader);
  template <class HashOf>
  bool attach(uint16_t slot, uint16_t parent, const TreeKey& key, bool initial, HashOf hash_of,
              NodeSlot* node);
  bool split(uint16_t slot, NodeSlot& above, unsigned side, const TreeKey& key, NodeSlot* node);
  // deferred_commands.hpp
  bool add_deferred_node(Reader& reader);
  bool add_deferred_record(Reader& reader, bool restore);
  void list(const Record<App>& record);
  bool evict_deferred(Reader& reader);
  bool evict_to_deferred(Reader& reader);
  bool next_epoch(bool listed);
  bool verify_epoch();
  template <class Element>
  bool enter(const Element& element);
  bool leave(uint16_t slot, Timestamp time);
  bool may_evict_at(Timestamp time, const TreeKey* node, const typename App::Key* record);
  bool in_window(uint32_t epoch);
  // run_commands.hpp: who calls what, and where in the batch it says so
  struct Call {
    receipts::Caller caller;
    Client* client = nullptr;  // none: nobody vouches for it
    uint8_t function = 0;
    const std::byte *body = nullptr, *keys = nullptr, *arguments = nullptr, *end = nullptr;
  };
  bool run(Reader& reader, Output& output);
  bool run_once(Reader& reader, Output& output);
  bool register_client(Reader& reader);
  bool read_caller(Reader& reader, Call& call);
  bool authorize(Call& call);
  template <class Run>
  bool execute(const Call& call, Output& output, Run run);
  std::byte* issue(const Call& call, std::span<std::byte> result);
  static_assert(App::Result::kBytesMax <= receipts::kResultBytesMax);
  bool is_node(uint16_t slot) const { return slot < options_.node_slots; }
  RecordSlot<App>& record_slot(uint16_t slot) { return records_[slot - options_.node_slots]; }
  Link& link(uint16_t slot) { return is_node(slot) ? nodes_[slot].link : record_slot(slot).link; }
  // Unlike the others these are not droppable: what follows would read beyond the arrays.
  bool node_slot_exists(uint16_t slot) { return is_node(slot) || refuse(Reason::slot_range); }
  bool record_slot_exists(uint16_t slot) {
    return (!is_node(slot) && slot < options_.node_slots + options_.record_slots) ||
           refuse(Reason::slot_range);
  }
  bool slot_exists(uint16_t slot) { return is_node(slot) || record_slot_exists(slot); }
  TreeKey key_of(uint16_t slot) {
    return is_node(slot) ? nodes_[slot].key : record_slot(slot).record.key.place();
  }
  crypto::Digest hash_of(uint16_t slot) {
    return is_node(slot) ? hash(nodes_[slot].value) : hash(record_slot(slot).record.value);
  }
  bool no_children_cached(uint16_t slot) {
    return check(Reason::children_cached, !is_node(slot) || (nodes_[slot].child[0] == kNoSlot &&
                                                             nodes_[slot].child[1] == kNoSlot));
  }
  void clear(uint16_t slot) { link(slot) = Link{}; }

  /// At the clock's time; a record's place is a hash that only two evictions at one time need.
  struct LastEvicted {
    enum { root, node, record } kind = root;
    TreeKey node_key;
    typename App::Key record_key{};
    TreeKey place() const {
      return kind == node ? node_key : kind == record ? record_key.place() : TreeKey{};
    }
  };

  MonitorOptions options_;
  Epochs epochs_;
  Clients clients_;
  uint64_t calls_ = 0;     // of clients
  crypto::PrfBatch tags_;  // of receipts; empty between batches
  std::unique_ptr<NodeSlot[]> nodes_;
  std::unique_ptr<RecordSlot<App>[]> records_;
  std::unique_ptr<std::byte[]> batch_,
      history_,  // of a command there is no more history than bytes
      results_;
  size_t history_bytes_ = 0, results_bytes_ = 0;
  uint64_t sequence_ = 0;  // of the batch to come or being read
  Timestamp clock_;
  LastEvicted last_evicted_;
  uint32_t to_verify_ = 0;  // the first epoch not verified
  std::array<EpochReport, kEpochsOpen> reports_{};
  uint32_t reported_ = 0, taken_ = 0;
  bool restoring_ = false;
  std::optional<uint32_t> list_epoch_;  // what it evicts is listed
  uint64_t listed_ = 0;
  Violation violation_;
};

template <Application App, class Checks>
Monitor<App, Checks>::Monitor(const MonitorOptions& options, const MasterKey& master)
    : options_(options),
      epochs_(master, options.instance, options.prf),
      clients_(options, master),
      nodes_(std::make_unique<NodeSlot[]>(options.node_slots)),
      records_(std::make_unique<RecordSlot<App>[]>(options.record_slots)),
      batch_(std::make_unique_for_overwrite<std::byte[]>(kBatchBytesMax)),
      history_(std::make_unique_for_overwrite<std::byte[]>(kBatchBytesMax)),
      results_(std::make_unique_for_overwrite<std::byte[]>(kOutputBytesMax)) {
  THEMIS_ASSERT(options.node_slots >= 1 && options.record_slots >= 1 &&
                    options.node_slots + options.record_slots <= kSlotsMax,
                "at least one slot of each kind, 65,535 together");
  if (options.thread == 0) nodes_[0].link.used = true;
}

template <Application App, class Checks>
bool Monitor<App, Checks>::apply(ByteView batch, Output& output) {
  history_bytes_ = results_bytes_ = 0;
  if (violation_) return false;
  if (batch.size() > kBatchBytesMax) return refuse(Reason::malformed);
  // The host may write to `batch` while it is read: the copy is what counts.
  if (!batch.empty()) std::memcpy(batch_.get(), batch.data(), batch.size());
  Reader reader(ByteView(batch_.get(), batch.size()));
  if (!read_header(reader)) return false;
  while (reader.left() > 0 && !violation_) {
    const std::byte* start = reader.position();
    if (!command(reader, output)) violation_.offset = static_cast<uint32_t>(start - batch_.get());
  }
  tags_.flush();
  ++sequence_;
  return !violation_;
}

template <Application App, class Checks>
bool Monitor<App, Checks>::read_header(Reader& reader) {
  const ByteView instance = reader.bytes(options_.instance.size());
  const auto thread = reader.integer<uint16_t>();
  const auto sequence = reader.integer<uint64_t>();
  const auto length = reader.integer<uint32_t>();
  if (!reader.ok() || length != reader.left()) return refuse(Reason::malformed);
  return check(Reason::wrong_instance,
               std::memcmp(instance.data(), options_.instance.data(), instance.size()) == 0) &&
         check(Reason::wrong_thread, thread == options_.thread) &&
         check(Reason::out_of_sequence, sequence == sequence_);
}

template <Application App, class Checks>
bool Monitor<App, Checks>::command(Reader& reader, Output& output) {
  switch (static_cast<Command>(reader.integer<uint8_t>())) {
    case Command::run_once:
      return run_once(reader, output);
    case Command::run:
      return run(reader, output);
    case Command::add_deferred_record:
      return add_deferred_record(reader, false);
    case Command::evict_deferred:
      return evict_deferred(reader);
    case Command::add_merkle_node:
      return add_merkle_node(reader);
    case Command::add_merkle_record:
      return add_merkle_record(reader);
    case Command::evict_merkle:
      return evict_merkle(reader);
    case Command::evict_to_deferred:
      return evict_to_deferred(reader);
    case Command::add_deferred_node:
      return add_deferred_node(reader);
    case Command::register_client:
      return register_client(reader);
    case Command::next_epoch:
      return next_epoch(false);
    case Command::verify_epoch:
      return verify_epoch();
    case Command::list_epoch:
      return next_epoch(options_.listing != nullptr && !restoring_);
    case Command::restore:
      return add_deferred_record(reader, true);
  }
  return refuse(Reason::malformed);
}

template <Application App, class Checks>
std::optional<EpochReport> Monitor<App, Checks>::take_report() {
  if (taken_ == reported_) return std::nullopt;
  return reports_[taken_++ % kEpochsOpen];
}

}  // namespace themis::monitor

#include "enclave/monitor/deferred_commands.hpp"
#include "enclave/monitor/merkle_commands.hpp"
#include "enclave/monitor/run_commands.hpp"
