#pragma once
// The application of counters that only go up: an absent one is 0.

#include "enclave/applications/key_value.hpp"

namespace themis::monitor {

struct Counters : EncodedCalls {
  using Key = Word;
  using Value = Word;
  using Arguments = Word;
  using Result = Answer<Word>;  ///< The value after the call.
  enum Function : uint8_t {
    read = 1,
    increase,  ///< By how much; done unless it would pass 2^64 - 1.
    raise,     ///< To which value; done when that is higher.
  };

  static size_t arity(uint8_t function) { return function >= read && function <= raise ? 1 : 0; }
  static bool only_reads(uint8_t function) { return function == read; }
  static Arguments decode(uint8_t function, Reader& reader) {
    return function == read ? Word{} : Word::decode(reader);
  }
  static std::byte* encode(uint8_t function, const Arguments& arguments, std::byte* to) {
    return function == read ? to : arguments.encode(to);
  }
  static bool run(uint8_t function, const Arguments& arguments, std::span<Record<Counters>> records,
                  Result& result) {
    const uint64_t old = records[0].value.value_or(Word{}).value;
    const uint64_t next = function == read       ? old
                          : function == increase ? old + arguments.value
                                                 : arguments.value;
    result.done = function == read || next > old || (function == increase && next == old);
    if (result.done && function != read) records[0].value = Word{next};
    result.value = Word{result.done ? next : old};
    return true;
  }
};

}  // namespace themis::monitor
