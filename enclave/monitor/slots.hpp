#pragma once
// What a monitor keeps in its own memory, the names of its commands, and what is shared about them.

#include "enclave/monitor/application.hpp"
#include "enclave/monitor/epochs.hpp"
#include "enclave/receipts/receipt.hpp"

namespace themis::monitor {

/// The first byte of every command; the specification's name follows. Fields are little-endian and
/// without padding: slot u16, time u64, thread u16; a record is its key and an optional value, a
/// node its tree key and two edges. A call is its client u16, that client's tag (16 bytes) and what
/// the tag is over, see receipts::call_body(); without a client, function u8, keys, arguments.
enum class Command : uint8_t {
  add_merkle_node = 1,      ///< AddM: slot, parent slot, node
  add_merkle_record = 2,    ///< AddM: slot, parent slot, record
  evict_merkle = 3,         ///< EvictM: slot, parent slot
  add_deferred_node = 4,    ///< AddB: slot, time, evicting thread, node
  add_deferred_record = 5,  ///< AddB: slot, time, evicting thread, record
  evict_deferred = 6,       ///< EvictB: slot, new time
  evict_to_deferred = 7,    ///< EvictBM: slot, parent slot, new time
  next_epoch = 8,           ///< NextEpoch
  verify_epoch = 9,         ///< VerifyEpoch
  run = 10,                 ///< RunApp: call, a slot for each of its keys
  /// AddB, RunApp with one record, EvictB without a slot between them:
  /// call, time, evicting thread, new time, optional value
  run_once = 11,
  register_client = 12,  ///< Number u16, share, the owner's grant (zeros without an owner)
  restore = 13,          ///< As AddB, of what a list vouches for: slot, record
  list_epoch = 14,       ///< NextEpoch; records that it evicts to the deferred set are listed
};

/// Before the commands of each batch: instance, thread u16, sequence number u64, bytes u32.
constexpr size_t kBatchHeaderBytes = sizeof(InstanceId) + 2 + 8 + 4;
/// A batch is copied before it is read; this much stays in the second-level cache.
constexpr uint32_t kBatchBytesMax = 256 * 1024;

constexpr uint16_t kNoSlot = 0xffff;
/// Node and record slots of one thread together.
constexpr uint32_t kSlotsMax = 0xffff;

/// How what is in a slot came there, and so how it must leave.
enum class Method : uint8_t { merkle, deferred };

/// What both kinds of slot have.
struct Link {
  uint16_t parent = kNoSlot;  ///< The node slot it was added under; none when deferred.
  uint8_t side = 0;           ///< Of that parent.
  Method method = Method::merkle;
  bool used = false;
};

struct NodeSlot {
  Link link;
  uint16_t child[2] = {kNoSlot, kNoSlot};  ///< Children added under it that are still in slots.
  TreeKey key;
  NodeValue value;
};

template <class App>
struct RecordSlot {
  Record<App> record;
  Link link;
};

/// An element of the multiset: what it is, the record or node, its time, the thread that evicted
/// it. Every part says where it ends, so that two elements never have the same bytes. Both live for
/// one call: they refer to what they are made of.
template <class App, class AnyRecord = Record<App>>
struct RecordElement {
  static constexpr size_t kBytesMax = 1 + App::Key::kBytesMax + 1 + App::Value::kBytesMax + 8 + 2;
  const AnyRecord& record;
  Timestamp time;
  uint16_t thread;

  std::byte* encode(std::byte* to) const {
    return put(put(put_record(put(to, uint8_t{1}), record), time.value), thread);
  }
};
struct NodeElement {
  static constexpr size_t kBytesMax = 1 + TreeKey::kBytes + NodeValue::kBytesMax + 8 + 2;
  const TreeKey& key;
  const NodeValue& value;
  Timestamp time;
  uint16_t thread;

  std::byte* encode(std::byte* to) const {
    return put(put(value.encode(key.encode(put(to, uint8_t{0}))), time.value), thread);
  }
};

/// Room for a batch's results: the host ends one that might need more, as large values in slots do.
constexpr size_t kOutputBytesMax = 1024 * 1024;
/// Of one call.
template <class App>
constexpr size_t kCallOutputBytesMax = App::Result::kBytesMax + receipts::OperationReceipt::kBytes +
                                       sizeof(crypto::Digest);

/// Where results go, one after the other in the order of the calls: for a call of a client the
/// operation receipt, and its leaf after it when the receipt is to be transferable.
struct Output {
  std::span<std::byte> room;
  size_t used = 0;
};

/// Is told each record of a list, in order and encoded: the deferred set as a rest leaves it, or as
/// a monitor that starts from there gets it back. One that has the same list has the same set.
struct Listing {
  virtual void clear() = 0;
  virtual void add(ByteView record) = 0;
};

struct MonitorOptions {
  InstanceId instance{};
  uint16_t thread = 0;
  uint32_t node_slots = 1'024;
  uint32_t record_slots = 1'024;
  crypto::PrfKind prf = crypto::best_prf();
  /// Places for clients, 320 bytes each.
  uint16_t clients = 1'024;
  /// For a store that is fed by whoever is trusted with it: the host makes any call it likes.
  bool calls_without_client = false;
  /// Whose grant a client needs; without one the host and whoever reaches it can be a client.
  std::optional<crypto::PublicKey> owner{};
  Listing* listing = nullptr;  ///< Borrowed for the monitor's life; none: no rests.
};

/// A monitor thread between two epochs, its records in the tree or listed.
struct Rest {
  TreeKey top;          ///< Of the tree that this thread's records are in: the root if it is alone.
  NodeValue value;      ///< The top node's, which vouches for everything below.
  uint32_t epoch = 0;   ///< The first epoch that is not verified; the clock is at its start.
  bool listed = false;  ///< It needs the listing's records; else there are none.
};

}  // namespace themis::monitor
