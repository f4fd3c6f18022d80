#pragma once
// Stack traces that name the lines a person wrote, also where a function reads them. Internal:
// shows V8.

#include <v8.h>

#include "runtime/base/bytes.hpp"
#include "runtime/bundle/source_map.hpp"
#include "runtime/js/array_buffers.hpp"

namespace themis::js {

/// The source map of one worker. Nothing of it runs before an error's `stack` is read, and V8 is
/// told of it only where there is a map.
class MappedStacks {
 public:
  /// Longer traces keep their places as V8 knows them.
  static constexpr size_t kTraceBytesMax = 64 << 10;

  /// Before the function's own code runs, in its context. `map`: of the module; empty: there is
  /// none.
  void open(v8::Local<v8::Context> context, std::string module, std::string map);
  /// A text of V8's that is no trace.
  std::string rewrite(std::string text, size_t bytes_max);
  /// Nobody calls the function: what it keeps is a third of the map. `buffers`: where memory for
  /// that is counted.
  void rest(ArrayBuffers& buffers);
  /// What stands for `error.stack`: what the function's own Error.prepareStackTrace makes of the
  /// sites, else V8's text with the places put right.
  v8::MaybeLocal<v8::Value> prepare(v8::Local<v8::Context> context, v8::Local<v8::Value> error,
                                    v8::Local<v8::Array> sites, ArrayBuffers& buffers);

 private:
  void wake(ArrayBuffers& buffers);
  std::string trace_of(v8::Local<v8::Context> context, v8::Local<v8::Value> error,
                       v8::Local<v8::Array> sites) const;

  std::string module_;
  std::string map_;                     ///< Until it rests.
  Bytes packed_;                        ///< From then on.
  bundle::TraceMapper mapper_;          ///< Once a trace was read.
  v8::Global<v8::Object> errors_;       ///< Error, as the function finds it.
  v8::Global<v8::Function> to_string_;  ///< Error.prototype.toString.
  bool is_preparing_ = false;  ///< Errors of the function's own preparation have V8's text.
};

}  // namespace themis::js
