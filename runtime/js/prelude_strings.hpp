#pragma once
// The prelude's sources as strings of V8 that stay where the addon has them. Internal: shows V8.

#include <v8.h>

#include <span>

#include "runtime/js/prelude.hpp"

namespace themis::js {

/// A snapshot refers to these by their addresses, so the text is in memory once a process, not once
/// an isolate. ASCII only (embed.py refuses anything else).
class PreludeString final : public v8::String::ExternalOneByteStringResource {
 public:
  explicit PreludeString(std::string_view text) : text_(text) {}
  const char* data() const override { return text_.data(); }
  size_t length() const override { return text_.size(); }
  void Dispose() override {}  // lives as long as the process

 private:
  const std::string_view text_;
};

/// One for each of prelude_sources(), in their order.
std::span<PreludeString* const> prelude_strings();

/// Compiles one of prelude_sources(), calls it with native, primordials and web. Empty: it threw.
v8::MaybeLocal<v8::Value> run_prelude_part(v8::Local<v8::Context> context, size_t index,
                                           std::span<v8::Local<v8::Value>> arguments);

}  // namespace themis::js
