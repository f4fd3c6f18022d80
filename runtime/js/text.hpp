#pragma once
// Strings and bytes between C++ and V8. Internal: shows V8.

#include <v8.h>

#include <string>
#include <string_view>

#include "runtime/base/bytes.hpp"

namespace themis::js {

/// A literal of the source, kept once an isolate.
template <size_t N>
v8::Local<v8::String> literal(v8::Isolate* isolate, const char (&text)[N]) {
  return v8::String::NewFromUtf8Literal(isolate, text, v8::NewStringType::kInternalized);
}

/// Empty when the text is over V8's limit (512 MB); invalid UTF-8 becomes U+FFFD.
v8::MaybeLocal<v8::String> from_utf8(v8::Isolate* isolate, std::string_view text);
/// Every byte is one character (Latin-1).
v8::MaybeLocal<v8::String> from_latin1(v8::Isolate* isolate, std::string_view text);
/// For short text of ours, which cannot be over V8's limit.
v8::Local<v8::String> text(v8::Isolate* isolate, std::string_view text);

/// Lone surrogates become U+FFFD.
std::string to_utf8(v8::Isolate* isolate, v8::Local<v8::String> text);
/// At most `bytes_max` bytes, cut between characters.
std::string to_utf8(v8::Isolate* isolate, v8::Local<v8::String> text, size_t bytes_max);
/// The low byte of every character: for text known to be Latin-1.
std::string to_latin1(v8::Isolate* isolate, v8::Local<v8::String> text);

/// The bytes of an ArrayBuffer or a view of one; empty for anything else. Valid until JavaScript
/// runs.
std::span<std::byte> bytes_of(v8::Local<v8::Value> value);

/// Longest text, in UTF-16 units, that a native copies out of the heap, where no limit counts it.
inline constexpr int kNativeTextMax = 16 << 20;
/// True, with a RangeError thrown, for a string argument over kNativeTextMax.
bool is_too_long(const v8::FunctionCallbackInfo<v8::Value>& info, int index);

void throw_range_error(v8::Isolate* isolate, std::string_view message);

}  // namespace themis::js
