#pragma once
// What JavaScript threw, as an Error of ours. Internal: shows V8.

#include <v8.h>

#include "runtime/base/error.hpp"

namespace themis::js {

/// "TypeError: x is not a function\n    at fetch (f.js:2:9)". Reads `stack`, so JavaScript may run.
std::string describe_exception(v8::Local<v8::Context> context, v8::Local<v8::Value> exception);

/// For a module that did not compile: `f.js:3:7: Unexpected token '}'`, line and column from 1.
Error syntax_error(v8::Local<v8::Context> context, const v8::TryCatch& caught);

/// Cuts to kErrorDetailMax bytes, between characters.
std::string cut_detail(std::string detail);

}  // namespace themis::js
