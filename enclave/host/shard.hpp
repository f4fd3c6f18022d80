#pragma once
// The untrusted half of one monitor thread: where every record is, and which commands bring it
// where a call needs it.

#include "enclave/host/command_log.hpp"
#include "enclave/host/key_index.hpp"
#include "enclave/monitor/aggregator.hpp"

namespace themis::host {

/// A node given from one thread to another through the deferred set.
struct Handover {
  TreeKey key;
  Timestamp time;
};

struct ShardOptions {
  monitor::InstanceId instance{};
  uint16_t thread = 0;
  /// A power of two, at most 64; a record belongs to thread `place.path[0] % threads`.
  uint16_t threads = 1;
  /// As the monitor has them: 256 for a path made to be deep, and as many as threads above the
  /// tops.
  uint32_t node_slots = 1'024;
  uint32_t record_slots = 1'024;
  /// Calls in one epoch after which a record stays in a slot as long as there is one.
  uint32_t hot_calls = 16;
  /// Of records, absent ones until they are cold: Shard::bytes(); a table that grows is there
  /// twice.
  uint64_t bytes_max = uint64_t{4} << 30;
  /// Records that the end of one epoch may bring into the tree, and nodes that it may load for
  /// them, about 1 us each; what else is cold is carried on for a twentieth of that, and its turn
  /// comes: 1 M touched records in under 150 ms. Not for come_to_rest().
  uint32_t to_tree_max = 16'384;
  /// Random, and nobody who chooses keys knows it: they could make them meet in the index.
  IndexKey index_key{};
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
                       const crypto::Signature& grant = {}) {
    room();
    log_.register_client(number, share, grant);
  }
  /// Writes the end of the clock's epoch: everything in the deferred set goes to the next epoch, or
  /// to the tree when the epoch did not touch it (see to_tree_max), and hands it over. Absent
  /// records that come to the tree are forgotten. `certified`: the last epoch that the aggregator
  /// certified, if any. Errors: overloaded (too far ahead of that, which would end the instance:
  /// end the others' epochs, idle ones' too, and let the aggregator have their reports): no writes.
  Status end_epoch(std::optional<uint32_t> certified);
  /// The same twice, which brings everything into the tree and nothing is left in slots but the top
  /// node: the monitor is at rest. Errors: as end_epoch(); overloaded (too few node slots for some
  /// path alone).
  Status come_to_rest(std::optional<uint32_t> certified);
  /// Brings records that are in memory from the tree into the deferred set, in the order of the
  /// tree: they share their paths, six times cheaper a record than by calls in any other order.
  void warm(std::span<const Key> keys);
  /// The same for all that the epochs before come_to_rest() used.
  void warm_again();
  /// Hands over what is written.
  void flush();

  /// Before the first command: a record of a monitor at rest, present, of this thread; each once.
  void load(const Record<App>& record);
  /// After all of them: starts there, at the start of `epoch`. Answers the top node's value, which
  /// the monitor must have. Errors: malformed (two keys of one place).
  Result<NodeValue> loaded(uint32_t epoch);
  /// Visits what differs from the last saved(): first the keys that are gone, as absent records,
  /// then those that were written.
  template <class Visit>
  Status for_each_changed(Visit visit) const;
  /// Of the present records.
  template <class Visit>
  void for_each_key(Visit visit) const {
    for (const Entry& entry : entries_)
      if (entry.record.present() || entry.saved == Saved::alone) visit(entry.record.key());
  }
  void saved();  ///< All that for_each_changed() visited is on disk: values may leave memory.
  bool is_short() const { return swept_; }      ///< Of memory, until the next saved().
  const auto& index() const { return index_; }  ///< To fetch what the next few calls will look at.

  uint32_t epoch() const { return clock_.epoch(); }
  struct Counts {
    size_t records = 0, nodes = 0, deferred = 0, pinned = 0;
    uint64_t nodes_loaded = 0, nodes_evicted = 0;
  };
  Counts counts() const;

 private:
  enum class Where : uint8_t { unborn, tree, deferred, pinned, loaded };
  /// Whether the disk has a value since saved(); alone: memory has not got it.
  enum class Saved : uint8_t { no, yes, alone };

  /// A cache line. Host metadata: 24 bytes beside the record.
  struct alignas(64) Entry {
    Timestamp time;           // of its eviction, when deferred
    NodeId parent = kNoNode;  // when it is born
    uint16_t thread = 0;      // that evicted it
    uint16_t slot = kNoSlot;  // when pinned or loaded
    uint16_t calls = 0;       // in this epoch
    Where where = Where::unborn;
    bool listed = false;   // in deferred_
    bool changed = false;  // since saved()
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
  Timestamp tick() {
    ++clock_.value;
    return clock_;
  }
  void room(size_t commands = 1) {
    if (!log_.has_room(commands)) flush();
  }
  /// The same for a command that has a result: the monitor wants room for the longest one.
  void room_for_call() {
    constexpr size_t kBefore = monitor::kOutputBytesMax - monitor::kCallOutputBytesMax<App>;
    if (!log_.has_room() || output_in_batch_ > kBefore) flush();
    output_in_batch_ += output_bytes_;
  }
  /// What the monitor will give for a call.
  static size_t output_of(const typename App::Result& result, const Caller& caller);
  void write(Entry& entry, const std::optional<typename App::Value>& value);
  Status may_end(uint32_t epochs, std::optional<uint32_t> certified) const;
  void finish_epoch(bool rest);
  void sort_by_place(std::vector<RecordId>& ids) const;
  /// Of a node that is the parent of this record: its place is the edge's key.
  unsigned side_of(RecordId id, const ShadowNode& parent) const {
    const bool left = parent.child[0] == id && parent.value.edge[0].key.is_leaf();
    return left && parent.value.edge[0].used ? 0 : 1;
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
  size_t sweep_ = 0;  // of leave_values(), through entries_
  bool swept_ = false;
  std::vector<ShadowTree::Leaf> leaves_;  // from load() to loaded()
  CommandLog<App> log_;
  ShadowTree tree_;
  Slab slab_;
  HugeVector<Entry> entries_;
  std::vector<RecordId> free_entries_;
  std::vector<Key> gone_;  // saved once and forgotten since
  KeyIndex<HugeVector<Entry>> index_{entries_, options_.index_key};
  std::vector<RecordId> deferred_;  // listed; some were pinned since
  std::vector<RecordId> pinned_;
  std::vector<RecordId> used_;  // before the last rest
  std::vector<uint16_t> free_record_slots_, free_node_slots_;
  std::vector<NodeId> in_node_slot_;  // by slot; kNoNode: free or not to be evicted
  size_t hand_ = 0;                   // of the cache's clock
  Timestamp clock_;
  size_t output_bytes_ = 0, output_in_batch_ = 0;  // of the call that runs, and of those before
  uint64_t nodes_loaded_ = 0, nodes_evicted_ = 0;
  bool was_present_ = false;
  std::array<std::byte, App::Result::kBytesMax> result_;  // of call_encoded()
};

}  // namespace themis::host

#include "enclave/host/shard_calls.hpp"
#include "enclave/host/shard_encoded.hpp"
#include "enclave/host/shard_memory.hpp"
#include "enclave/host/shard_rest.hpp"
#include "enclave/host/shard_tree.hpp"
