#pragma once
// The untrusted half of one monitor thread: where every record is, and which commands bring it
// where a call needs it.

#include "enclave/host/command_log.hpp"
#include "enclave/host/key_index.hpp"
#include "enclave/host/shard_options.hpp"
#include "enclave/monitor/aggregator.hpp"

namespace themis::host {

/// A node given from one thread to another through the deferred set.
struct Handover {
  TreeKey key;
  Timestamp time;
};

/// Keeps hot records and the upper tree in slots, what an epoch touched in the deferred set, and
/// the rest in the tree. A wrong decision costs time or ends the monitor; it never makes an answer
/// wrong. No I/O: finished batches go to `deliver`. In memory. One thread.
template <class App>
class Shard {
 public:
  using Key = typename App::Key;
  /// Gets a batch; its bytes are gone after the call.
  using Deliver = std::function<void(ByteView)>;
  /// Reads a value that saved() was told of. Errors: its own, which are a call's then.
  using ReadSaved = std::function<Result<typename App::Value>(const Key&)>;

  /// Without `read_saved` all values stay in memory.
  Shard(const ShardOptions& options, Deliver deliver, ReadSaved read_saved = {});

  /// The first commands of thread 0: every other thread's top node, in the order of the threads.
  std::vector<Handover> hand_over();
  /// The first command of any other thread.
  void receive(const Handover& handover);

  /// Writes what makes the monitor run the call, and answers what its result will be. `keys`: as
  /// many as the function takes, all different, all of this thread. `caller`: whom the monitor
  /// admits, with a nonce above the last one.
  /// Errors: invalid (keys, or the call cannot be, as a get of an absent key), overloaded (no slots
  /// for the paths, no memory for a new key, or the epoch is full: end it). Nothing was run or kept
  /// then.
  Result<typename App::Result> call(uint8_t function, std::span<const Key> keys,
                                    const typename App::Arguments& arguments,
                                    const Caller& caller = {});
  /// The same for one key, arguments as the application encodes them, and nobody as its caller;
  /// `found`: by look(), or anything. Answers the result's encoding, valid until the next call.
  Result<ByteView> call_encoded(uint8_t function, const Key& key, ByteView arguments,
                                RecordId found);
  bool was_present() const { return was_present_; }  ///< The last call's first key, before it.
  /// Writes what makes the monitor know a client; Monitor's options say how many there may be.
  void register_client(uint16_t number, const crypto::DhShare& share,
                       const crypto::Signature& grant = {});
  /// Writes the end of the clock's epoch: everything in the deferred set goes to the next epoch, or
  /// to the tree when the epoch did not touch it (see to_tree_max), and hands it over. Absent
  /// records that come to the tree are forgotten. `certified`: the last epoch that the aggregator
  /// certified, if any. Errors: overloaded (too far ahead of that, which would end the instance:
  /// end the others' epochs, idle ones' too, and let the aggregator have their reports): no writes.
  Status end_epoch(std::optional<uint32_t> certified);
  /// The same beside calls, which are of the next epoch from here on: each brings kCarriedByCall
  /// more records along, as carry() brings so many at most, and the last one ends it. An end that
  /// has begun is ended first. Errors: as end_epoch().
  Status begin_end(std::optional<uint32_t> certified);
  void carry(size_t records);
  bool is_ending() const { return ending_.has_value(); }
  /// As end_epoch(), and nothing is left in slots but the top node: the monitor is at rest, and has
  /// listed the deferred set. `all`: all that was there before goes to the tree, 2 us each, so that
  /// its values can leave memory. Errors: as end_epoch().
  Status come_to_rest(std::optional<uint32_t> certified, bool all = false);
  /// Brings records that are in memory from the tree into the deferred set, in the order of the
  /// tree: they share their paths, six times cheaper a record than by calls in any other order.
  void warm(std::span<const Key> keys);
  /// Hands over what is written.
  void flush();

  /// Before the first command, of a monitor at rest and this thread, each once: first the keys that
  /// were listed, in their order, then all present records.
  void load_listed(const Key& key);
  void load(const Record<App>& record);
  /// After all of them: starts there, at the start of `epoch`. Answers the top node's value, which
  /// the monitor must have. Errors: malformed (two keys of one place).
  Result<NodeValue> loaded(uint32_t epoch);
  /// Then gives the monitor what was listed.
  void restore();
  /// After come_to_rest(), before anything else: the keys that it listed, as load_listed() wants
  /// them, encoded one after the other.
  ByteView listed() const { return listed_; }
  /// Visits what differs from the last written(), each key once: those that are gone, as absent
  /// records, and those that were written.
  template <class Visit>
  Status for_each_changed(Visit visit) const;
  void written();  ///< All that for_each_changed() visited is on disk, and to be saved().
  /// Of the present records.
  template <class Visit>
  void for_each_key(Visit visit) const {
    for (const Entry& entry : entries_)
      if (entry.record.present() || entry.saved == Saved::alone) visit(entry.record.key());
  }
  void saved();  ///< ReadSaved finds what was written(): its values may leave memory.
  bool is_short() const { return swept_; }  ///< Of memory, until the next saved().
  /// Not while calls run again that fitted once: another order may need up to twice the memory.
  void keep_to_limit(bool keep) { limited_ = keep; }
  const auto& index() const { return index_; }  ///< To fetch what the next few calls will look at.

  uint32_t epoch() const { return clock_.epoch(); }
  struct Counts {
    size_t records = 0, nodes = 0, deferred = 0, pinned = 0;
    uint64_t nodes_loaded = 0, nodes_evicted = 0;
  };
  Counts counts() const;

 private:
  enum class Where : uint8_t { unborn, tree, deferred, pinned, loaded };
  /// Whether the disk has a value since written(); alone: memory has not got it.
  enum class Saved : uint8_t { no, yes, alone };
  static constexpr uint8_t kNoList = 0;  // else 1 or 2, in turn

  /// A cache line. Host metadata: 24 bytes beside the record.
  struct alignas(64) Entry {
    Timestamp time;           // of its eviction, when deferred
    NodeId parent = kNoNode;  // when it is born
    uint16_t thread = 0;      // that evicted it
    uint16_t slot = kNoSlot;  // when pinned or loaded
    uint16_t calls = 0;       // in this epoch
    Where where = Where::unborn;
    uint8_t list = kNoList;  // which one it is in: list_ or the one before
    bool changed = false;    // since written(); it is in changed_
    Saved saved = Saved::no;
    PackedRecord<App> record;  // not used: free
  };
  static_assert(sizeof(Entry) == 64);
  /// Of one record beside its chunk: entry, tree node, and place in the index.
  static constexpr uint64_t kEntryBytes =
      sizeof(Entry) + sizeof(ShadowNode) + KeyIndex<HugeVector<Entry>>::kBytesMax;

 public:
  /// Of the largest record, in ShardOptions::bytes_max.
  static constexpr uint64_t kRecordBytes =
      kEntryBytes + PackedRecord<App>::chunk_bytes(PackedRecord<App>::kBytesMax);
  /// Of all, in ShardOptions::bytes_max.
  uint64_t bytes() const { return live() * kEntryBytes + slab_.bytes(); }

 private:
  /// Slots of records that are only there for one call.
  static constexpr uint16_t kPassing = monitor::kRecordsPerCallMax;
  /// In Entry::thread: it is in a slot and came from the deferred set.
  static constexpr uint16_t kNoThread = 0xffff;
  /// Times of one call: two for each record, one to spare.
  static constexpr uint32_t kTimesPerCall = 2 * kPassing + 1;
  static constexpr size_t kAhead = 16;  // entries on their way from memory
  /// The monitor takes less time for a call than its host: some of what these need is idle now.
  static constexpr size_t kCarriedByCall = 4;
  static constexpr RecordId kNone = KeyIndex<HugeVector<Entry>>::kNone;
  template <size_t kRecordsMax>
  Result<typename App::Result> call_upto(uint8_t function, std::span<const Key> keys,
                                         const typename App::Arguments& arguments,
                                         const Caller& caller);
  Result<ByteView> call_decoded(uint8_t function, const Key& key, ByteView arguments);
  RecordId add(const Key& key);
  void forget(RecordId id);
  size_t live() const { return entries_.size() - free_entries_.size(); }
  Status make_room(std::span<const RecordId> ids, std::span<const Record<App>> after);
  Status bring_back(RecordId id, std::span<const RecordId> with);
  void leave_values(uint64_t more, std::span<const RecordId> but);
  uint64_t bytes_max_of_new() const;
  Status prepare(std::span<const RecordId> ids, std::span<const Key> keys, Where from);
  template <class AnyArguments>
  void run_one(Entry& entry, uint8_t function, const AnyArguments& arguments, const Caller& caller);
  void run_in_slots(std::span<const RecordId> ids, uint8_t function,
                    const typename App::Arguments& arguments, const Caller& caller);
  void add_deferred(Entry& entry, uint16_t slot);
  void evict_deferred(RecordId id);
  bool should_pin(const Entry& entry) const {
    return entry.calls >= options_.hot_calls && !free_record_slots_.empty();
  }
  Timestamp tick() { return clock_ = {clock_.value + 1}; }
  void room(size_t commands = 1);
  /// The same for a command that has a result: the monitor wants room for the longest one.
  void room_for_call();
  /// What the monitor will give for a call.
  static size_t output_of(const typename App::Result& result, const Caller& caller);
  void write(RecordId id, const std::optional<typename App::Value>& value);
  void note_change(RecordId id) {
    if (!std::exchange(entries_[id].changed, true)) changed_.push_back(id);
  }
  Status may_end(uint32_t epochs, std::optional<uint32_t> certified) const;
  /// How an epoch ends: its next one goes on; the monitor comes to rest; with all in the tree.
  enum class End { next, rest, all_in_tree };
  void start_end(End how);
  void finish_end();
  bool has_moved(RecordId id);
  bool is_full() const;
  void empty_node_slots();
  void list_deferred();
  void sort_by_place(std::vector<RecordId>& ids) const;
  /// Of a node that is the parent of this record: its place is the edge's key.
  static unsigned side_of(RecordId id, const ShadowNode& parent) {
    const Edge& left = parent.value.edge[0];
    return parent.child[0] == id && left.used && left.key.is_leaf() ? 0 : 1;
  }
  void warm(std::vector<RecordId> ids);

  // shard_tree.hpp
  size_t missing_nodes(std::span<const NodeId> paths);
  Status make_node_slots(size_t wanted);
  void load_path(NodeId node);
  void load_record(RecordId id, uint16_t slot);
  void evict_node(NodeId node);
  NodeId add_split(NodeId above, const TreeKey& key);
  void to_tree(std::vector<RecordId>& cold, uint64_t nodes_max);

  ShardOptions options_;
  Deliver deliver_;
  ReadSaved read_saved_;
  size_t sweep_ = 0, hand_ = 0;  // of leave_values(), through entries_; of the cache's clock
  size_t full_from_ = SIZE_MAX;  // so many had no room for a new one at saved()
  bool swept_ = false, limited_ = true, was_present_ = false;
  bool saved_ = true;                     // what was written()
  std::vector<ShadowTree::Leaf> leaves_;  // from load() to loaded()
  CommandLog<App> log_;
  ShadowTree tree_;
  Slab slab_;
  HugeVector<Entry> entries_;
  std::vector<Key> gone_;  // written once and forgotten since
  std::vector<RecordId> changed_;
  KeyIndex<HugeVector<Entry>> index_{entries_, options_.index_key};
  std::vector<RecordId> deferred_;  // of list_; some were pinned since
  std::optional<End> ending_;
  std::vector<RecordId> carrying_, cold_;  // when ending: what is left of the epoch before
  size_t carried_ = 0;                     // of carrying_
  uint8_t list_ = 1;
  std::vector<RecordId> pinned_, free_entries_;
  Bytes listed_;  // keys, in the order of the monitor
  std::vector<uint16_t> free_record_slots_, free_node_slots_;
  std::vector<NodeId> in_node_slot_;  // by slot; kNoNode: free or not to be evicted
  Timestamp clock_;
  size_t output_bytes_ = 0, output_in_batch_ = 0;  // of the call that runs, and of those before
  uint64_t nodes_loaded_ = 0, nodes_evicted_ = 0;
  std::array<std::byte, App::Result::kBytesMax> result_;  // of call_encoded()
};

}  // namespace themis::host

#include "enclave/host/shard_calls.hpp"
#include "enclave/host/shard_encoded.hpp"
#include "enclave/host/shard_epochs.hpp"
#include "enclave/host/shard_memory.hpp"
#include "enclave/host/shard_rest.hpp"
#include "enclave/host/shard_tree.hpp"
