// env.STATE of a worker: questions to the Host and the promises of their answers.
#include "runtime/js/errors.hpp"
#include "runtime/js/text.hpp"
#include "runtime/js/worker.hpp"

namespace themis::js {

v8::Local<v8::Value> WorkerImpl::ask_state(v8::Local<v8::Context> context,
                                           const std::string& question) {
  v8::Isolate* isolate = box_.get();
  v8::Local<v8::Promise::Resolver> promise;
  if (!v8::Promise::Resolver::New(context).ToLocal(&promise)) return v8::Undefined(isolate);
  const auto refuse = [&](const char* why) {
    (void)promise->Reject(context, v8::Exception::Error(text(isolate, why))).IsNothing();
    return promise->GetPromise();
  };
  const auto call = calls_.find(current_);
  if (call == calls_.end()) return refuse("STATE can be used within a request only");
  if (asks_.size() >= kAsksMax) return refuse("too many questions to STATE wait");
  if (question.size() > kAskBytesMax) return refuse("a question to STATE is too long");
  const uint32_t id = ++last_ask_;
  Ask& ask = asks_[id];
  ask.promise.Reset(isolate, promise);
  ask.call = current_;
  host_.ask_state(call->second.name_space, question, host_.now() + limits_.wall,
                  [this, id, alive = std::weak_ptr(alive_)](const Result<std::string>& answer) {
                    if (!alive.expired()) answer_ask(id, answer);
                  });
  return promise->GetPromise();
}

/// Nothing when the call has ended meanwhile.
void WorkerImpl::answer_ask(uint32_t id, const Result<std::string>& answer) {
  auto node = asks_.extract(id);
  if (node.empty()) return;
  call_turn(node.mapped().call, [&](v8::Local<v8::Context> context) {
    v8::Isolate* isolate = box_.get();
    const v8::Local<v8::Promise::Resolver> promise = node.mapped().promise.Get(isolate);
    const auto settled =
        answer
            ? promise->Resolve(context, text(isolate, *answer))
            : promise->Reject(
                  context, v8::Exception::Error(text(isolate, "STATE: " + answer.error().text())));
    (void)settled.IsNothing();  // only when the turn was ended
  });
  deliver();
}

}  // namespace themis::js
