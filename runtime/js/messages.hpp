#pragma once
// The heads and bodies of requests and responses between C++ and the prelude. Internal: shows V8.

#include <v8.h>

#include "runtime/js/array_buffers.hpp"
#include "runtime/js/engine.hpp"

namespace themis::js {

/// One string "name\0value\0name\0value" for the prelude to split when somebody asks; and back.
std::string join_headers(const Headers& headers);
Headers split_headers(const std::string& flat);

/// The body as a Uint8Array over its own bytes; the caller has taken its size from `buffers`, which
/// gets it back with the array.
v8::Local<v8::Value> body_value(v8::Isolate* isolate, ArrayBuffers& buffers, Bytes body);
/// Of a string or a Uint8Array. Errors: too_large.
Result<Bytes> body_bytes(v8::Isolate* isolate, v8::Local<v8::Value> value, size_t bytes_max);

}  // namespace themis::js
