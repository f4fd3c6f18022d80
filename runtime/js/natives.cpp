#include "runtime/js/natives.hpp"

#include "runtime/js/prelude_strings.hpp"
#include "runtime/js/text.hpp"

namespace themis::js {

std::vector<Native> all_natives() {
  std::vector<Native> all;
  for (const auto part : {codec_natives(), crypto_natives(), host_natives(), text_natives(),
                          url_natives(), value_natives(), wasm_natives()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

const intptr_t* external_references() {
  static const std::vector<intptr_t> references = [] {
    std::vector<intptr_t> out;
    for (const Native& native : all_natives())
      out.push_back(reinterpret_cast<intptr_t>(native.callback));
    for (const PreludeString* part : prelude_strings())
      out.push_back(reinterpret_cast<intptr_t>(part));
    out.push_back(0);
    return out;
  }();
  return references.data();
}

v8::Local<v8::Object> make_natives(v8::Local<v8::Context> context) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  const auto object = v8::Object::New(isolate);
  for (const Native& native : all_natives()) {
    const auto function =
        v8::Function::New(context, native.callback, {}, 0, v8::ConstructorBehavior::kThrow)
            .ToLocalChecked();
    object->Set(context, text(isolate, native.name), function).Check();
  }
  return object;
}

}  // namespace themis::js
