#pragma once
// The application behind functions' and services' state: namespaces of keys, and transactions.

#include "enclave/applications/key_value.hpp"

namespace themis::monitor {

/// A namespace, a zero byte, and the key in it.
struct StateKey : Blob<192> {
  /// `name_space` has no zero byte; the parts fit together.
  static StateKey of(ByteView name_space, ByteView key) {
    StateKey made;
    made.size = static_cast<uint16_t>(name_space.size() + 1 + key.size());
    std::byte* to = themis::monitor::put(made.bytes.data(), name_space);
    themis::monitor::put(themis::monitor::put(to, uint8_t{0}), key);
    return made;
  }
  static StateKey decode(Reader& reader) { return {Blob::decode(reader)}; }
  /// The lowest six bits follow from the namespace, so that all of it belongs to one monitor
  /// thread; a namespace chosen to share a thread with others gains nothing but their company.
  TreeKey place() const {
    TreeKey leaf = Blob::place();
    constexpr uint64_t kThreadBits = 63;
    leaf.path[0] = (leaf.path[0] & ~kThreadBits) | (thread_bits() & kThreadBits);
    return leaf;
  }
  uint64_t thread_bits() const {
    uint64_t mixed = 0xcbf29ce484222325;  // FNV-1a
    for (const std::byte byte : view()) {
      if (byte == std::byte{0}) break;
      mixed = (mixed ^ static_cast<uint64_t>(byte)) * 0x100000001b3;
    }
    return mixed ^ (mixed >> 32);
  }
};

struct StateStore : EncodedCalls {
  using Key = StateKey;
  using Value = Blob<1'024>;
  using Result = Answer<Value>;
  /// Of a transaction: for each record a check (u8 0; or 1 and hash() of what must be there), then
  /// a write (u8 0: none, 1: deletes, 2: the value follows).
  using Changes = Blob<2'032>;
  enum Function : uint8_t {
    read = 1,          ///< Done when there is a value: that one.
    write,             ///< value.
    erase,             ///< Done when there was something.
    compare_and_swap,  ///< expected, value: writes when expected is there; answers what was.
    transact,          ///< changes of one record, all or nothing; + n of n + 1 records.
  };
  static constexpr uint8_t kLastFunction = transact + kRecordsPerCallMax - 1;
  struct Arguments {
    Value value;
    std::optional<Value> expected{};  ///< Nothing: the key must be absent.
    Changes changes;
  };

  static size_t arity(uint8_t function) {
    if (function > kLastFunction) return 0;
    return function >= transact ? 1u + function - transact : function >= read ? 1 : 0;
  }
  static bool only_reads(uint8_t function) { return function == read; }
  static Arguments decode(uint8_t function, Reader& reader) {
    Arguments arguments{};
    if (function == compare_and_swap) arguments.expected = read_optional<Value>(reader);
    if (function == write || function == compare_and_swap) arguments.value = Value::decode(reader);
    if (function < transact) return arguments;
    arguments.changes = Changes::decode(reader);
    Reader parts(arguments.changes.view());
    for (size_t i = 0; i < arity(function); ++i) (void)Change::decode(parts);
    if (!parts.ok() || parts.left() != 0) reader.refuse();
    return arguments;
  }
  static std::byte* encode(uint8_t function, const Arguments& arguments, std::byte* to) {
    if (function == compare_and_swap) to = put_optional(to, arguments.expected);
    if (function == write || function == compare_and_swap) to = arguments.value.encode(to);
    return function >= transact ? arguments.changes.encode(to) : to;
  }
  template <class App>
  static void pass(uint8_t function, Reader& reader) {
    if (function >= transact) return void(decode(function, reader));
    if (function == compare_and_swap && reader.boolean()) Value::pass(reader);
    if (function == write || function == compare_and_swap) Value::pass(reader);
  }
  /// As run() without a copy of any value, and that for a transaction.
  template <class App>
  static bool run_encoded(uint8_t function, ByteView arguments, EncodedRecord& record,
                          std::byte* spare, std::byte*& end) {
    const auto answer = [&end](bool done, ByteView value) {
      end = put(put(put(end, uint8_t{done}), uint8_t{!value.empty()}), value);
      return true;
    };
    const ByteView before = record.value;
    switch (function) {
      case read:
        return answer(!before.empty(), before);
      case write:
        record.value = arguments;
        return answer(true, {});
      case erase:
        record.value = {};
        return answer(!before.empty(), {});
      case compare_and_swap: {
        Reader reader(arguments);
        const ByteView expected = reader.boolean() ? monitor::pass<Value>(reader) : ByteView();
        const bool done = equal_bytes(before, expected);
        if (done) record.value = ByteView(reader.position(), reader.left());
        return answer(done, before);
      }
      default:
        return EncodedCalls::run_encoded<App>(function, arguments, record, spare, end);
    }
  }
  static bool run(uint8_t function, const Arguments& arguments,
                  std::span<Record<StateStore>> records, Result& result) {
    std::optional<Value>& value = records[0].value;
    result.done = true;
    result.value.reset();
    switch (function) {
      case read:
        result.done = value.has_value();
        result.value = value;
        return true;
      case write:
        value = arguments.value;
        return true;
      case erase:
        result.done = value.has_value();
        value.reset();
        return true;
      case compare_and_swap:
        result.done = value == arguments.expected;
        result.value = value;
        if (result.done) value = arguments.value;
        return true;
      default:
        return change_all(arguments.changes, records, result);
    }
  }

  /// One record's part of Changes.
  struct Change {
    bool checks = false;
    crypto::Digest expected{};
    enum Write : uint8_t { none, deletes, writes } write = none;
    ByteView value;

    static Change decode(Reader& reader) {
      Change change;
      change.checks = reader.boolean();
      if (change.checks)
        if (const ByteView hash = reader.bytes(change.expected.size()); !hash.empty())
          std::memcpy(change.expected.data(), hash.data(), hash.size());
      const auto write = reader.integer<uint8_t>();
      if (write > writes) reader.refuse();
      change.write = static_cast<Write>(write);
      if (write != writes) return change;
      const auto size = reader.integer<uint16_t>();
      if (size > sizeof(Value::bytes)) reader.refuse();
      if (reader.ok()) change.value = reader.bytes(size);
      return change;
    }
  };

 private:
  static bool change_all(const Changes& changes, std::span<Record<StateStore>> records,
                         Result& result) {
    std::array<Change, kRecordsPerCallMax> parts;
    Reader reader(changes.view());
    for (size_t i = 0; i < records.size(); ++i) {
      parts[i] = Change::decode(reader);
      if (parts[i].checks && parts[i].expected != hash(records[i].value)) result.done = false;
    }
    if (!reader.ok() || reader.left() != 0) return false;
    for (size_t i = 0; i < records.size() && result.done; ++i) {
      if (parts[i].write == Change::deletes) records[i].value.reset();
      if (parts[i].write == Change::writes) records[i].value = Value::from(parts[i].value);
    }
    return true;
  }
};

}  // namespace themis::monitor
