#include "runtime/js/errors.hpp"

#include "runtime/js/engine.hpp"
#include "runtime/js/text.hpp"

namespace themis::js {
namespace {

std::string describe(v8::Local<v8::Context> context, v8::Local<v8::Value> value) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  v8::Local<v8::String> out;
  if (value->IsNativeError() || value->IsObject()) {
    v8::Local<v8::Value> stack;
    if (value.As<v8::Object>()->Get(context, literal(isolate, "stack")).ToLocal(&stack) &&
        stack->IsString() && stack.As<v8::String>()->Length() > 0)
      return to_utf8(isolate, stack.As<v8::String>(), kErrorDetailMax);
  }
  if (!value->ToDetailString(context).ToLocal(&out)) return "an exception without a text";
  return to_utf8(isolate, out, kErrorDetailMax);
}

}  // namespace

std::string cut_detail(std::string detail) {
  if (detail.size() <= kErrorDetailMax) return detail;
  size_t end = kErrorDetailMax;
  while (end > 0 && (static_cast<unsigned char>(detail[end]) & 0xC0) == 0x80) --end;
  detail.resize(end);
  return detail;
}

std::string describe_exception(v8::Local<v8::Context> context, v8::Local<v8::Value> exception) {
  v8::TryCatch hostile(v8::Isolate::GetCurrent());  // a getter of the exception may throw again
  return cut_detail(describe(context, exception));
}

Error syntax_error(v8::Local<v8::Context> context, const v8::TryCatch& caught) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  const v8::Local<v8::Message> message = caught.Message();
  if (message.IsEmpty()) return {Code::syntax, "the source does not compile"};
  std::string what = to_utf8(isolate, message->Get(), kErrorDetailMax);
  constexpr std::string_view kPrefix = "Uncaught SyntaxError: ";
  if (what.starts_with(kPrefix)) what.erase(0, kPrefix.size());
  const v8::Local<v8::Value> resource = message->GetScriptResourceName();
  const std::string file = resource->IsString()
                               ? to_utf8(isolate, resource.As<v8::String>(), kErrorDetailMax)
                               : std::string("function");
  const int line = message->GetLineNumber(context).FromMaybe(0);
  const int column = message->GetStartColumn(context).FromMaybe(0) + 1;
  return {Code::syntax, cut_detail(file + ":" + std::to_string(line) + ":" +
                                   std::to_string(column) + ": " + what)};
}

}  // namespace themis::js
