#pragma once
// What an application gives a monitor: key and value types with one encoding each, and functions.

#include <utility>

#include "enclave/monitor/tree_node.hpp"

namespace themis::monitor {

/// One key and what it holds. Every key of the 2^256 exists and is absent until it is written.
template <class App>
struct Record {
  typename App::Key key;
  std::optional<typename App::Value> value;
};

/// A record's encoding in memory of others; an absent value is empty, which no encoding is.
struct EncodedRecord {
  ByteView key, value;
};
template <class App>
inline std::byte* put_record(std::byte* to, const Record<App>& record) {
  return put_optional(record.key.encode(to), record.value);
}
inline std::byte* put_record(std::byte* to, const EncodedRecord& record) {
  return put(put(put(to, record.key), uint8_t{!record.value.empty()}), record.value);
}

template <class Value>
crypto::Digest hash(const std::optional<Value>& value) {
  std::array<std::byte, 1 + Value::kBytesMax> bytes;
  const ValueTag tag = value ? ValueTag::present : ValueTag::absent;
  std::byte* end = put(bytes.data(), static_cast<uint8_t>(tag));
  if (value) end = value->encode(end);
  return crypto::blake2b(ByteView(bytes.data(), end));
}

/// The most records one call reads and writes; a transaction of more is several calls.
constexpr size_t kRecordsPerCallMax = 8;

/// An application is a class of static functions without state, clock or randomness:
/// - `arity(function)`: how many records it takes, 1 to 8; 0 when there is no such function;
/// - `decode(function, reader)`: its arguments, refusing what is not their one encoding;
/// - `run(function, arguments, records, result)`: changes records and result, or answers false
///   when the call cannot be, which ends the monitor; a swap that did not match is a result;
/// - `pass<App>(function, reader)` and `run_encoded<App>(...)`: the same for a record as it is
///   encoded, see EncodedCalls;
/// - `only_reads(function)`: it never changes a record, whatever the records and arguments are.
template <class App>
concept Application = requires(uint8_t function, Reader& reader,
                               const typename App::Arguments& arguments,
                               std::span<Record<App>> records, typename App::Result& result,
                               std::byte* to) {
  { App::arity(function) } -> std::same_as<size_t>;
  { App::only_reads(function) } -> std::same_as<bool>;
  { App::decode(function, reader) } -> std::same_as<typename App::Arguments>;
  { App::run(function, arguments, records, result) } -> std::same_as<bool>;
  { result.encode(to) } -> std::same_as<std::byte*>;
  { App::Key::decode(reader).place() } -> std::same_as<TreeKey>;
  { App::Value::decode(reader) } -> std::same_as<typename App::Value>;
};

}  // namespace themis::monitor
