// What a function asks of the node, env.STATE and env.SERVICES: questions to the Host, and the
// promises of their answers.
#include <algorithm>
#include <array>

#include "runtime/js/errors.hpp"
#include "runtime/js/messages.hpp"
#include "runtime/js/text.hpp"
#include "runtime/js/worker.hpp"

namespace themis::js {
namespace {

constexpr std::string_view kActorWord = "actor/";

uint32_t upload_of(const Result<Request>& request) {
  return request ? static_cast<uint32_t>(request->flow) : 0;
}

}  // namespace

std::pair<v8::Local<v8::Promise>, uint32_t> WorkerImpl::begin_ask(v8::Local<v8::Context> context,
                                                                  const char* refused) {
  v8::Isolate* isolate = box_.get();
  v8::Local<v8::Promise::Resolver> promise;
  if (!v8::Promise::Resolver::New(context).ToLocal(&promise)) return {};
  if (!calls_.contains(current_)) refused = "this can be used within a request only";
  if (refused == nullptr && asks_.size() >= kAsksMax) refused = "too many questions wait";
  if (refused != nullptr) {
    (void)promise->Reject(context, v8::Exception::Error(text(isolate, refused))).IsNothing();
    return {promise->GetPromise(), 0};
  }
  const uint32_t id = ++last_ask_;
  Ask& ask = asks_[id];
  ask.promise.Reset(isolate, promise);
  ask.call = current_;
  return {promise->GetPromise(), id};
}

/// Nothing when the call has ended meanwhile. `whose` begins the message of an error.
void WorkerImpl::settle_ask(uint32_t id, const char* whose, const ToValue& answer) {
  auto node = asks_.extract(id);
  if (node.empty()) return;
  call_turn(node.mapped().call, [&](v8::Local<v8::Context> context) {
    v8::Isolate* isolate = box_.get();
    const v8::Local<v8::Promise::Resolver> promise = node.mapped().promise.Get(isolate);
    const Result<v8::Local<v8::Value>> value = answer();
    const auto settled =
        value ? promise->Resolve(context, *value)
              : promise->Reject(context, v8::Exception::Error(
                                             text(isolate, whose + (": " + value.error().text()))));
    (void)settled.IsNothing();  // only when the turn was ended
  });
  deliver();
}

/// Of what the current call asks for: its caller's, until it has its answer.
TimePoint WorkerImpl::ask_deadline() const {
  const TimePoint own = host_.now() + limits_.wall;
  const auto call = calls_.find(current_);
  return call == calls_.end() || !call->second.done ? own : std::min(own, call->second.deadline);
}

v8::Local<v8::Value> WorkerImpl::ask_state(v8::Local<v8::Context> context,
                                           const std::string& question,
                                           const std::string& name_space, Kind kind) {
  const auto [promise, id] = begin_ask(context, question.size() + name_space.size() > kAskBytesMax
                                                    ? "a question to STATE is too long"
                                                    : nullptr);
  if (id == 0) return promise;
  asks_.at(id).kind = kind;
  host_.ask_state(
      name_space.empty() ? calls_.at(current_).name_space : name_space, question, ask_deadline(),
      [this, id = id, alive = std::weak_ptr(alive_)](const Result<std::string>& answer) {
        if (alive.expired()) return;
        when_in(id, [this, id, answer] {
          settle_ask(id, "STATE", [&]() -> Result<v8::Local<v8::Value>> {
            if (!answer) return fail(answer.error());
            return text(box_.get(), *answer);
          });
        });
      });
  return promise;
}

std::pair<v8::Local<v8::Promise>, uint32_t> WorkerImpl::begin_subrequest(
    v8::Local<v8::Context> context, const char* refused) {
  const auto call = calls_.find(current_);
  if (call != calls_.end() && call->second.subrequests >= kSubrequestsMax)
    refused = "over the subrequests that one call may make";
  const auto begun = begin_ask(context, refused);
  if (begun.second != 0) ++call->second.subrequests;
  return begun;
}

/// [status, headers, body, flow]
Result<v8::Local<v8::Value>> WorkerImpl::response_value(Result<Response>& answer) {
  if (!answer) return fail(answer.error());
  v8::Isolate* isolate = box_.get();
  v8::Local<v8::String> headers;
  if (!from_latin1(isolate, join_headers(answer->headers)).ToLocal(&headers))
    return fail(Code::too_large, "the answer's headers");
  v8::Local<v8::Value> body = v8::Undefined(isolate);
  if (!answer->body.empty()) {
    if (!box_.buffers().take(answer->body.size()))
      return fail(Code::memory_exceeded, "no room for the answer's body");
    body = body_value(isolate, box_.buffers(), std::move(answer->body));
  }
  const uint32_t flow = answer->flow == 0 ? 0 : add_flow(answer->flow, current_);
  std::array<v8::Local<v8::Value>, 4> parts{v8::Integer::New(isolate, answer->status), headers,
                                            body, v8::Integer::NewFromUnsigned(isolate, flow)};
  return v8::Array::New(isolate, parts.data(), parts.size());
}

/// `upload`: the body that is sent, or 0; of a request that failed nobody reads it.
Host::ServiceAnswered WorkerImpl::response_to(uint32_t id, std::string whose, uint32_t upload) {
  return [this, id, whose = std::move(whose), upload,
          alive = std::weak_ptr(alive_)](Result<Response> answer) {
    if (alive.expired()) return;
    if (!answer) drop_stream(upload, answer.error());
    const bool is_late = !asks_.contains(id);  // its call has ended
    if (is_late && answer && answer->flow != 0) host_.leave_flow(answer->flow);
    if (!is_actor_) return settle_ask(id, whose.c_str(), [&] { return response_value(answer); });
    when_in(id, [this, id, whose, answer = std::move(answer)]() mutable {
      settle_ask(id, whose.c_str(), [&] { return response_value(answer); });
    });
  };
}

v8::Local<v8::Value> WorkerImpl::call_service(v8::Local<v8::Context> context,
                                              const std::string& service, Result<Request> request) {
  const char* refused = request ? nullptr : "the body of a request to others is too long";
  const auto call = calls_.find(current_);
  const bool is_actor = service.starts_with(kActorWord);
  const bool is_call = service.starts_with("fn/") || is_actor;
  if (call != calls_.end() && is_call && call->second.depth >= kDepthMax)
    refused = "functions call each other too deep";
  const uint32_t upload = upload_of(request);
  const auto [promise, id] = begin_subrequest(context, refused);
  if (id == 0) {
    drop_stream(upload, {Code::cancelled, ""});
    return promise;
  }
  request->depth = static_cast<uint8_t>(call->second.depth + 1);
  if (is_actor) {  // "actor/CLASS/ID" of whatever function this is
    const size_t slash = service.find('/', kActorWord.size());
    request->actor = {service.substr(kActorWord.size(), slash - kActorWord.size()),
                      slash == std::string::npos ? "" : service.substr(slash + 1)};
    host_.call_service(std::string(kActorWord) + call->second.name_space, std::move(*request),
                       ask_deadline(), response_to(id, "actor", 0));
    return promise;  // which runs its calls to their ends
  }
  // "fn/cart" and "queue/jobs" say what failed; a service is known by the binding that was asked.
  const bool is_named = service.starts_with("fn/") || service.starts_with("queue/");
  auto give_up = host_.call_service(service, std::move(*request), ask_deadline(),
                                    response_to(id, is_named ? service : "SERVICES", upload));
  // What is on its way into a queue arrives there.
  if (!service.starts_with("queue/")) asks_.at(id).give_up = std::move(give_up);
  return promise;
}

void WorkerImpl::give_up_ask(v8::Local<v8::Value> promise) {
  v8::Isolate* isolate = box_.get();
  const auto found = std::ranges::find_if(asks_, [&](const auto& entry) {
    return entry.second.promise.Get(isolate)->GetPromise() == promise;
  });
  if (found == asks_.end()) return;
  const Host::GiveUp give_up = std::move(found->second.give_up);
  asks_.erase(found);
  if (give_up) give_up();
}

v8::Local<v8::Value> WorkerImpl::fetch_outward(v8::Local<v8::Context> context,
                                               Result<Request> request) {
  const auto [promise, id] =
      begin_subrequest(context, request ? nullptr : "fetch: the body of the request is too long");
  const uint32_t upload = upload_of(request);
  if (id == 0) {
    drop_stream(upload, {Code::cancelled, ""});
    return promise;
  }
  asks_.at(id).give_up =
      host_.fetch_outward(std::move(*request), ask_deadline(), response_to(id, "fetch", upload));
  return promise;
}

}  // namespace themis::js
