#pragma once
// Calls of one record on encodings, for applications that have them on values only.

#include "enclave/monitor/application.hpp"

namespace themis::monitor {

/// What applications inherit. `App` is given with each call: it may be one derived from another.
struct EncodedCalls {
  /// Reads past the arguments of a function and refuses what App::decode() refuses.
  template <class App>
  static void pass(uint8_t function, Reader& reader) {
    (void)App::decode(function, reader);
  }
  /// App::run() of one record that was passed, as its arguments were: `record.value` becomes what
  /// the call leaves, in `spare`, which has room for a value, or where it was, or in `arguments`;
  /// `end` moves from where the result goes to its end. False: as run().
  template <class App>
  static bool run_encoded(uint8_t function, ByteView arguments, EncodedRecord& record,
                          std::byte* spare, std::byte*& end) {
    Reader key(record.key), value(record.value), reader(arguments);
    Record<App> made{App::Key::decode(key), std::nullopt};
    if (!record.value.empty()) made.value = App::Value::decode(value);
    typename App::Result result;
    if (!App::run(function, App::decode(function, reader), std::span(&made, 1), result))
      return false;
    end = result.encode(end);
    record.value = ByteView(spare, made.value ? made.value->encode(spare) : spare);
    return true;
  }
};

}  // namespace themis::monitor
