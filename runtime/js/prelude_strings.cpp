#include "runtime/js/prelude_strings.hpp"

#include <deque>
#include <vector>

#include "runtime/js/text.hpp"

namespace themis::js {

std::span<PreludeString* const> prelude_strings() {
  static std::deque<PreludeString> strings;
  static const std::vector<PreludeString*> pointers = [] {
    std::vector<PreludeString*> out;
    for (const PreludeSource& part : prelude_sources())
      out.push_back(&strings.emplace_back(part.source));
    return out;
  }();
  return pointers;
}

v8::MaybeLocal<v8::Value> run_prelude_part(v8::Local<v8::Context> context, size_t index,
                                           std::span<v8::Local<v8::Value>> arguments) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  v8::Local<v8::String> names[] = {literal(isolate, "native"), literal(isolate, "primordials"),
                                   literal(isolate, "web")};
  const auto source =
      v8::String::NewExternalOneByte(isolate, prelude_strings()[index]).ToLocalChecked();
  v8::ScriptCompiler::Source part(source,
                                  v8::ScriptOrigin(text(isolate, prelude_sources()[index].name)));
  v8::Local<v8::Function> body;
  if (!v8::ScriptCompiler::CompileFunction(context, &part, std::size(names), names).ToLocal(&body))
    return {};
  return body->Call(context, v8::Undefined(isolate), static_cast<int>(arguments.size()),
                    arguments.data());
}

}  // namespace themis::js
