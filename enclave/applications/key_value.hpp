#pragma once
// The application of a key-value store.

#include "enclave/applications/types.hpp"

namespace themis::monitor {

/// What most calls answer: whether something changed or matched, and a value.
template <class Value>
struct Answer {
  static constexpr size_t kBytesMax = 2 + Value::kBytesMax;
  bool done = false;
  std::optional<Value> value;

  Answer() {}  // not defaulted: a constant would be written to all of its bytes
  Answer(bool is_done, std::optional<Value> what) : done(is_done), value(std::move(what)) {}
  friend bool operator==(const Answer&, const Answer&) = default;
  std::byte* encode(std::byte* to) const { return put_optional(put(to, uint8_t{done}), value); }
};

template <class KeyType, class ValueType>
struct KeyValue : EncodedCalls {
  using Key = KeyType;
  using Value = ValueType;
  using Result = Answer<Value>;
  enum Function : uint8_t {
    get = 1,           ///< The value; cannot be called on an absent key.
    get_absent,        ///< That the key is absent; cannot be called on another.
    put,               ///< value: writes it.
    remove,            ///< Done when there was something to delete.
    compare_and_swap,  ///< expected, value: writes when expected is there; answers what was.
    transfer,          ///< Two keys: moves the value of the first to the second, which is absent.
  };
  struct Arguments {
    Value value{};
    std::optional<Value> expected;  ///< Nothing: the key must be absent.
  };

  static size_t arity(uint8_t function) {
    return function == transfer ? 2 : function >= get && function < transfer ? 1 : 0;
  }
  static bool only_reads(uint8_t function) { return function == get || function == get_absent; }
  static Arguments decode(uint8_t function, Reader& reader) {
    Arguments arguments;
    if (function == compare_and_swap) arguments.expected = read_optional<Value>(reader);
    if (function == put || function == compare_and_swap) arguments.value = Value::decode(reader);
    return arguments;
  }
  static std::byte* encode(uint8_t function, const Arguments& arguments, std::byte* to) {
    if (function == compare_and_swap) to = put_optional(to, arguments.expected);
    return function == put || function == compare_and_swap ? arguments.value.encode(to) : to;
  }
  static bool run(uint8_t function, const Arguments& arguments, std::span<Record<KeyValue>> records,
                  Result& result) {
    std::optional<Value>& value = records[0].value;
    result.done = true;
    result.value.reset();
    switch (function) {
      case get:
        result.value = value;
        return value.has_value();
      case get_absent:
        return !value.has_value();
      case put:
        value = arguments.value;
        return true;
      case remove:
        result.done = value.has_value();
        value.reset();
        return true;
      case compare_and_swap:
        result.done = value == arguments.expected;
        result.value = value;
        if (result.done) value = arguments.value;
        return true;
      case transfer:
        result.done = value.has_value() && !records[1].value.has_value();
        if (result.done) std::swap(value, records[1].value);
        return true;
      default:
        return false;
    }
  }
};

/// 8-byte keys and values, for which the hot path is laid out.
using WordStore = KeyValue<Word, Word>;
/// Byte strings; what functions keep is in a StateStore.
using ByteStore = KeyValue<Blob<128>, Blob<1'024>>;

}  // namespace themis::monitor
