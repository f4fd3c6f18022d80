#pragma once
// The modules of a function in its isolate: compiled when somebody imports them, linked by their
// names in the bundle. Internal: shows V8.

#include <v8.h>

#include <map>

#include "runtime/bundle/bundle.hpp"
#include "runtime/js/array_buffers.hpp"
#include "runtime/js/code_cache.hpp"
#include "runtime/js/limits.hpp"

namespace themis::js {

/// An ES module may import every kind and is importable by every kind; what is no ES module has one
/// export, `default`: of CommonJS its module.exports, of JSON the value, of text a string, of data
/// an ArrayBuffer, of WebAssembly a WebAssembly.Module. A specifier that starts with "./" or "../"
/// is a path from the importing module, any other one a name of the bundle. Inside a turn of its
/// worker only.
class Modules {
 public:
  Modules(v8::Isolate* isolate, ArrayBuffers& buffers, std::vector<bundle::Module> modules);

  /// Compiles a module and all that it imports statically, and links them. Errors: syntax (with the
  /// place; also of an import of a module that is not there), too_large.
  Result<v8::Local<v8::Module>> link(v8::Local<v8::Context> context, const std::string& name,
                                     const ModuleCaches& caches = {});
  /// What was linked came from caches, or is less than kCodeCacheSourceMin.
  bool is_cached() const { return compiled_bytes_ < kCodeCacheSourceMin; }
  /// See Worker::make_code_cache.
  Bytes make_cache();

 private:
  enum class State : uint8_t { fresh, running, done };
  struct Entry {
    bundle::Module source;  ///< Without its content once that is not needed any more.
    v8::Global<v8::Module> module;
    v8::Global<v8::Object> commonjs;  ///< The object `module` of a CommonJS module.
    v8::Global<v8::Value> value;      ///< Of JSON, text, data and Wasm, once somebody imported it.
    State state = State::fresh;       ///< Of a CommonJS module.
  };

  static Modules& of(v8::Isolate* isolate);
  static v8::MaybeLocal<v8::Module> resolve(v8::Local<v8::Context>, v8::Local<v8::String>,
                                            v8::Local<v8::FixedArray>, v8::Local<v8::Module>);
  static v8::MaybeLocal<v8::Promise> import(v8::Local<v8::Context>, v8::Local<v8::Data>,
                                            v8::Local<v8::Value>, v8::Local<v8::String>,
                                            v8::Local<v8::FixedArray>);
  static void describe(v8::Local<v8::Context>, v8::Local<v8::Module>, v8::Local<v8::Object> meta);
  static v8::MaybeLocal<v8::Value> evaluate_synthetic(v8::Local<v8::Context>,
                                                      v8::Local<v8::Module>);
  static void require(const v8::FunctionCallbackInfo<v8::Value>& info);

  Entry* find(std::string_view name);
  /// The module that `specifier` means in `from`. Errors: syntax.
  Result<Entry*> target_of(std::string_view from, std::string_view specifier);
  Status compile(v8::Local<v8::Context> context, Entry& entry, const ModuleCaches& caches);
  Status compile_es(v8::Local<v8::Context> context, Entry& entry, const ModuleCaches& caches);
  /// Compiles what an ES module imports. Errors: syntax, with the place of the import.
  Status compile_imports(v8::Local<v8::Context> context, Entry& entry,
                         std::vector<Entry*>& compiled, const ModuleCaches& caches);
  /// The default export of what is no ES module, the same for all who ask; empty with an exception
  /// pending.
  v8::MaybeLocal<v8::Value> value_of(v8::Local<v8::Context> context, Entry& entry);
  v8::MaybeLocal<v8::Value> read_value(v8::Local<v8::Context> context, const Entry& entry);
  v8::MaybeLocal<v8::Value> run_commonjs(v8::Local<v8::Context> context, Entry& entry);
  v8::MaybeLocal<v8::Value> require_es(v8::Local<v8::Context> context, Entry& entry);

  v8::Isolate* isolate_;
  ArrayBuffers& buffers_;
  std::map<std::string, Entry, std::less<>> entries_;
  size_t compiled_bytes_ = 0;  ///< Of the ES modules for which there was no cache.
};

}  // namespace themis::js
