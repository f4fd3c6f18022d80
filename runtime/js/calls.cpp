// From an HTTP request to the handler's fetch.
#include <array>

#include "runtime/js/ada.hpp"
#include "runtime/js/enter.hpp"
#include "runtime/js/errors.hpp"
#include "runtime/js/messages.hpp"
#include "runtime/js/text.hpp"
#include "runtime/js/worker.hpp"

namespace themis::js {
namespace {

/// By number of Event.
constexpr const char* kEventNames[] = {"fetch", "scheduled", "queue", "alarm", "remote"};

bool is_token(char c) {  // RFC 9110, section 5.6.2
  const bool alphanumeric =
      (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  return alphanumeric || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}
/// RFC 9110, section 5.5: what must not be passed on; other control characters may be.
bool is_value(char c) { return c != '\0' && c != '\r' && c != '\n'; }

template <class Check>
bool all_of(std::string_view text, Check check) {
  for (const char c : text)
    if (!check(c)) return false;
  return true;
}

/// Writes the absolute, normalised URL back and checks what the prelude relies on.
Status check(Request& request) {
  if (request.method.empty() || !all_of(request.method, is_token))
    return fail(Code::malformed, "a method that is no token");
  const AdaUrl url(request.url);
  if (!url.valid()) return fail(Code::malformed, "a URL that is not absolute");
  request.url = url.href();
  for (const auto& [name, value] : request.headers) {
    if (name.empty() || !all_of(name, is_token))
      return fail(Code::malformed, "a header's name that is no token");
    if (!all_of(value, is_value))
      return fail(Code::malformed, "a header's value with a NUL, CR or LF");
  }
  return {};
}

}  // namespace

uint32_t WorkerImpl::call(Request request, Done done) {
  const auto refuse = [&done](Code code, std::string why) {
    done(fail(code, std::move(why)));
    return 0u;
  };
  if (closing_) return refuse(Code::cancelled, "the worker was dropped");
  if (retired()) return refuse(Code::memory_exceeded, "the worker is retired");
  if (calls_.size() >= kCallsInFlightMax)
    return refuse(Code::overloaded, "too many calls of this worker wait");
  if (const Status checked = check(request); !checked)
    return refuse(checked.error().code, checked.error().detail);
  const bool is_fetch = request.event == Event::fetch;
  if (is_fetch && fetch_.IsEmpty())
    return refuse(Code::threw, "the function has no fetch handler: it takes no requests");
  if (request.event == Event::remote && is_actor_)
    return refuse(Code::malformed, "an actor exports nothing");
  const bool has_bytes = is_fetch || request.event == Event::remote;
  if (has_bytes && !request.body.empty() && !box_.buffers().take(request.body.size()))
    return refuse(Code::memory_exceeded, "no room for the request's body");
  const uint32_t id = ++last_call_;
  ++unanswered_;
  Call& call = calls_[id];
  call.done = std::move(done);
  call.name_space = std::move(request.name_space);
  call.depth = request.depth;
  call.deadline = request.deadline;
  call.buffers_refused = box_.buffers().refused();
  if (is_actor_) {
    watch_wall(id);  // it may wait at the gate
    enter(id, Kind::event, [this, id, request = std::move(request)]() mutable {
      if (calls_.contains(id)) begin(id, request);
    });
  } else {
    begin(id, request);
  }
  deliver();
  return id;
}

void WorkerImpl::begin(uint32_t id, Request& request) {
  call_turn(id, [&](v8::Local<v8::Context> context) {
    if (request.event == Event::fetch) return dispatch(context, id, request);
    if (request.event == Event::remote) return dispatch_remote(context, id, request);
    dispatch_event(context, id, request);
  });
}

void WorkerImpl::dispatch(v8::Local<v8::Context> context, uint32_t id, Request& request) {
  v8::Isolate* isolate = box_.get();
  const v8::Local<v8::Value> undefined = v8::Undefined(isolate);
  std::array<v8::Local<v8::Value>, 9> arguments{handler_.Get(isolate),
                                                fetch_.Get(isolate),
                                                v8::Integer::NewFromUnsigned(isolate, id),
                                                undefined,
                                                undefined,
                                                undefined,
                                                undefined,
                                                undefined,
                                                v8::Boolean::New(isolate, request.socket)};
  if (!request.body.empty())
    arguments[6] = body_value(isolate, box_.buffers(), std::move(request.body));
  if (request.flow != 0)
    arguments[7] = v8::Integer::NewFromUnsigned(isolate, add_flow(request.flow, id));
  v8::TryCatch caught(isolate);
  v8::Local<v8::String> method;
  v8::Local<v8::String> url;
  v8::Local<v8::String> headers;
  if (!from_latin1(isolate, request.method).ToLocal(&method) ||
      !from_latin1(isolate, request.url).ToLocal(&url) ||
      !from_latin1(isolate, join_headers(request.headers)).ToLocal(&headers))
    return answer(id, fail(Code::too_large, "the request's head"), false);
  arguments[3] = method;
  arguments[4] = url;
  arguments[5] = headers;
  v8::Local<v8::Value> object;
  if (!isolate_->dispatch.Get(isolate)
           ->Call(context, undefined, static_cast<int>(arguments.size()), arguments.data())
           .ToLocal(&object)) {
    if (!caught.HasTerminated()) answer_exception(id, caught.Exception(), false);
  } else if (const auto call = calls_.find(id); call != calls_.end()) {
    call->second.object.Reset(isolate, object.As<v8::Object>());
  }
}

void WorkerImpl::dispatch_event(v8::Local<v8::Context> context, uint32_t id,
                                const Request& request) {
  v8::Isolate* isolate = box_.get();
  const auto number = static_cast<uint32_t>(request.event);
  const v8::Global<v8::Function>& method = request.event == Event::queue   ? queue_
                                           : request.event == Event::alarm ? alarm_
                                                                           : scheduled_;
  if (method.IsEmpty())
    return answer(
        id,
        fail(Code::threw, std::string("the function has no ") + kEventNames[number] + " handler"),
        false);
  v8::Local<v8::String> text;
  if (!from_utf8(isolate, as_text(request.body)).ToLocal(&text))
    return answer(id, fail(Code::too_large, "the event"), false);
  std::array<v8::Local<v8::Value>, 5> arguments{
      handler_.Get(isolate), method.Get(isolate), v8::Integer::NewFromUnsigned(isolate, id),
      v8::Integer::NewFromUnsigned(isolate, number), text};
  enter_prelude(*this, id, context, isolate_->dispatch_event.Get(isolate), arguments);
}

}  // namespace themis::js
