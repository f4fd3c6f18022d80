#pragma once
// The functions of a module that other functions may call. Internal: shows V8.

#include <v8.h>

#include <string>
#include <vector>

#include "runtime/base/error.hpp"

namespace themis::js {

/// The exported functions of one main module, but for its default export. Engine thread.
class Remotes {
 public:
  /// `to_all`: the names that functions of other owners may call. Errors: invalid (one of these is
  /// no exported function).
  Status open(v8::Local<v8::Context> context, v8::Local<v8::Object> exports,
              std::vector<std::string> to_all, const std::string& file);
  /// The one of that name; undefined when there is none, or none for a caller that is not `is_own`.
  v8::Local<v8::Value> find(v8::Local<v8::Context> context, const std::string& name,
                            bool is_own) const;

 private:
  v8::Global<v8::Object> exports_;  ///< Empty: there are none.
  std::vector<std::string> to_all_;
};

}  // namespace themis::js
