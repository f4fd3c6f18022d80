#pragma once
// Writes the commands of one monitor thread, batch by batch.

#include "enclave/host/packed_record.hpp"

namespace themis::host {

using monitor::Command;
using monitor::NodeValue;
using monitor::Record;
using monitor::Timestamp;
using monitor::TreeKey;
using receipts::Caller;

/// One batch at a time in one buffer. The caller asks has_room() before each command and takes the
/// batch when there is none. One thread.
template <class App>
class CommandLog {
 public:
  CommandLog(const monitor::InstanceId& instance, uint16_t thread)
      : buffer_(std::make_unique_for_overwrite<std::byte[]>(monitor::kBatchBytesMax)) {
    put_header(instance, thread);
  }

  /// For so many commands of whatever size.
  bool has_room(size_t commands = 1) const {
    return monitor::kBatchBytesMax - size() >= commands * kCommandBytesMax;
  }
  /// Bytes of the batch so far.
  size_t size() const { return static_cast<size_t>(at_ - buffer_.get()); }
  bool empty() const { return size() == monitor::kBatchHeaderBytes; }
  /// The finished batch, valid until the next command. Sequence numbers rise by one.
  ByteView take() {
    const size_t bytes = size();
    std::byte* sequence = buffer_.get() + kSequenceAt;
    put(put(sequence, sequence_++), static_cast<uint32_t>(bytes - monitor::kBatchHeaderBytes));
    at_ = buffer_.get() + monitor::kBatchHeaderBytes;
    return ByteView(buffer_.get(), bytes);
  }

  void add_merkle(uint16_t slot, uint16_t parent, const TreeKey& key, const NodeValue& value) {
    at_ = value.encode(key.encode(put(put(begin(Command::add_merkle_node), slot), parent)));
  }
  /// Here and below a record is a Record<App> or an EncodedRecord.
  template <class AnyRecord = Record<App>>
  void add_merkle(uint16_t slot, uint16_t parent, const AnyRecord& record) {
    at_ = encode(record, put(put(begin(Command::add_merkle_record), slot), parent));
  }
  void evict_merkle(uint16_t slot, uint16_t parent) {
    at_ = put(put(begin(Command::evict_merkle), slot), parent);
  }
  void add_deferred(uint16_t slot, Timestamp time, uint16_t thread, const TreeKey& key,
                    const NodeValue& value) {
    std::byte* to = put(put(begin(Command::add_deferred_node), slot), time.value);
    at_ = value.encode(key.encode(put(to, thread)));
  }
  template <class AnyRecord = Record<App>>
  void add_deferred(uint16_t slot, Timestamp time, uint16_t thread, const AnyRecord& record) {
    std::byte* to = put(put(begin(Command::add_deferred_record), slot), time.value);
    at_ = encode(record, put(to, thread));
  }
  void evict_deferred(uint16_t slot, Timestamp time) {
    at_ = put(put(begin(Command::evict_deferred), slot), time.value);
  }
  void evict_to_deferred(uint16_t slot, uint16_t parent, Timestamp time) {
    at_ = put(put(put(begin(Command::evict_to_deferred), slot), parent), time.value);
  }
  void next_epoch() { at_ = begin(Command::next_epoch); }
  void list_epoch() { at_ = begin(Command::list_epoch); }
  template <class AnyRecord = Record<App>>
  void restore(uint16_t slot, const AnyRecord& record) {
    at_ = encode(record, put(begin(Command::restore), slot));
  }
  void verify_epoch() { at_ = begin(Command::verify_epoch); }
  /// `slots` and `keys`: as many as the function takes.
  void run(uint8_t function, std::span<const uint16_t> slots,
           std::span<const typename App::Key> keys, const typename App::Arguments& arguments,
           const Caller& caller = {}) {
    std::byte* to = put(begin(Command::run), caller, function);
    for (const auto& key : keys) to = key.encode(to);
    to = App::encode(function, arguments, to);
    for (const uint16_t slot : slots) to = put(to, slot);
    at_ = to;
  }
  /// `record` as it was evicted by `thread` at `time`; it is evicted again at `new_time`.
  /// Arguments may be encoded too.
  template <class AnyRecord = Record<App>, class AnyArguments = typename App::Arguments>
  void run_once(uint8_t function, const AnyRecord& record, Timestamp time, uint16_t thread,
                Timestamp new_time, const AnyArguments& arguments, const Caller& caller = {}) {
    std::byte* to = put_key(put(begin(Command::run_once), caller, function), record);
    to = put(put_arguments(to, function, arguments), time.value);
    at_ = put_value(put(put(to, thread), new_time.value), record);
  }
  /// `grant` of the instance's owner; any when it has none.
  void register_client(uint16_t number, const crypto::DhShare& share,
                       const crypto::Signature& grant = {}) {
    std::byte* to = put(begin(Command::register_client), number);
    at_ = monitor::put(monitor::put(to, share.view()), grant.view());
  }

 private:
  static constexpr size_t kSequenceAt = sizeof(monitor::InstanceId) + 2;
  static constexpr size_t kRecordBytesMax = App::Key::kBytesMax + 1 + App::Value::kBytesMax;

 public:
  /// Arguments hold at most two values, and fewer bytes than that for the small ones.
  static constexpr size_t kCommandBytesMax =
      128 + TreeKey::kBytes + NodeValue::kBytesMax + kRecordBytesMax + 2 * App::Value::kBytesMax +
      monitor::kRecordsPerCallMax * (2 + App::Key::kBytesMax);

 private:
  template <class T>
  static std::byte* put(std::byte* to, T value) {
    return monitor::put(to, value);
  }
  static std::byte* put(std::byte* to, const Caller& caller, uint8_t function) {
    to = put(to, caller.client);
    if (caller.client == receipts::kNoClient) return put(to, function);
    to = monitor::put(to, std::as_bytes(std::span(caller.tag)));
    return put(put(put(to, static_cast<uint8_t>(caller.use)), caller.nonce), function);
  }
  template <class AnyRecord>
  static std::byte* encode(const AnyRecord& record, std::byte* to) {
    return monitor::put_record(to, record);
  }
  static std::byte* put_key(std::byte* to, const Record<App>& record) {
    return record.key.encode(to);
  }
  static std::byte* put_value(std::byte* to, const Record<App>& record) {
    return monitor::put_optional(to, record.value);
  }
  static std::byte* put_key(std::byte* to, const EncodedRecord& record) {
    return monitor::put(to, record.key);
  }
  static std::byte* put_value(std::byte* to, const EncodedRecord& record) {
    return monitor::put(put(to, uint8_t{!record.value.empty()}), record.value);
  }
  static std::byte* put_arguments(std::byte* to, uint8_t function,
                                  const typename App::Arguments& arguments) {
    return App::encode(function, arguments, to);
  }
  static std::byte* put_arguments(std::byte* to, uint8_t /*function*/, ByteView arguments) {
    return monitor::put(to, arguments);
  }
  std::byte* begin(Command command) {
    THEMIS_ASSERT(has_room(), "the batch was taken before it was full");
    return put(at_, static_cast<uint8_t>(command));
  }
  void put_header(const monitor::InstanceId& instance, uint16_t thread) {
    put(monitor::put(buffer_.get(), ByteView(instance)), thread);
    at_ = buffer_.get() + monitor::kBatchHeaderBytes;
  }

  std::unique_ptr<std::byte[]> buffer_;
  std::byte* at_ = nullptr;
  uint64_t sequence_ = 0;
};

}  // namespace themis::host
