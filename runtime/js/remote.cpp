#include "runtime/js/remote.hpp"

#include <algorithm>
#include <array>

#include "runtime/js/enter.hpp"
#include "runtime/js/messages.hpp"
#include "runtime/js/text.hpp"

namespace themis::js {

Status Remotes::open(v8::Local<v8::Context> context, v8::Local<v8::Object> exports,
                     std::vector<std::string> to_all, const std::string& file) {
  exports_.Reset(v8::Isolate::GetCurrent(), exports);
  for (const std::string& name : to_all)
    if (find(context, name, true)->IsUndefined())
      return fail(Code::invalid, file + ": `remote` of the manifest names " + name +
                                     ", and no function of that name is exported");
  to_all_ = std::move(to_all);
  return {};
}

v8::Local<v8::Value> Remotes::find(v8::Local<v8::Context> context, const std::string& name,
                                   bool is_own) const {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  const v8::Local<v8::Value> none = v8::Undefined(isolate);
  // A namespace object inherits nothing.
  if (exports_.IsEmpty() || name == "default" ||
      (!is_own && std::ranges::find(to_all_, name) == to_all_.end()))
    return none;
  v8::Local<v8::Value> found;
  return exports_.Get(isolate)->Get(context, text(isolate, name)).ToLocal(&found) &&
                 found->IsFunction()
             ? found
             : none;
}

/// The body's size was taken from the buffers.
void WorkerImpl::dispatch_remote(v8::Local<v8::Context> context, uint32_t id, Request& request) {
  v8::Isolate* isolate = box_.get();
  const v8::TryCatch caught(isolate);  // of an export that has no value yet
  v8::Local<v8::Value> body = v8::Undefined(isolate);
  if (!request.body.empty()) body = body_value(isolate, box_.buffers(), std::move(request.body));
  const v8::Local<v8::Value> method = remotes_.find(context, request.method, request.is_own);
  std::array<v8::Local<v8::Value>, 5> arguments{v8::Integer::NewFromUnsigned(isolate, id), method,
                                                text(isolate, request.method), body,
                                                v8::Boolean::New(isolate, request.is_own)};
  enter_prelude(*this, id, context, isolate_->dispatch_remote.Get(isolate), arguments);
}

}  // namespace themis::js
