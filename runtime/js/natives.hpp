#pragma once
// The C++ functions that the prelude calls; a handler never sees them. Internal: shows V8.

#include <v8.h>

#include <span>
#include <string>
#include <vector>

namespace themis::js {

struct Native {
  const char* name;
  v8::FunctionCallback callback;
};

/// By subject. Their order is part of what a snapshot is bound to.
std::span<const Native> codec_natives();   // natives_codec.cpp: compression
std::span<const Native> crypto_natives();  // natives_crypto.cpp: crypto.subtle
std::span<const Native> host_natives();    // natives_host.cpp: calls, timers, log, random, clock
std::span<const Native> text_natives();    // natives_text.cpp: UTF-8, UTF-16, base64
std::span<const Native> url_natives();     // natives_url.cpp: URLs and form encoding
std::span<const Native> value_natives();   // natives_value.cpp: kinds of values, structured clone
std::span<const Native> wasm_natives();    // natives_wasm.cpp: WebAssembly

std::vector<Native> all_natives();
/// The addresses a snapshot refers to, closed with 0. Lives as long as the process.
const intptr_t* external_references();
/// The object with one function for each native.
v8::Local<v8::Object> make_natives(v8::Local<v8::Context> context);

/// The name of the first function of the executable that we use and it lacks; empty: all are there.
std::string missing_executable_function();

}  // namespace themis::js
