// What reaches the worker and its Host: answers, timers, log, randomness, time.
#include <algorithm>
#include <cmath>

#include "runtime/js/messages.hpp"
#include "runtime/js/natives.hpp"
#include "runtime/js/prelude_strings.hpp"
#include "runtime/js/text.hpp"
#include "runtime/js/worker.hpp"

namespace themis::js {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

/// Longest delay of a timer, 2^31 - 1 ms as in browsers; the wall limit of a call is far less.
constexpr double kDelayMaxMs = 2147483647;

uint32_t id_argument(const Info& info, int index) {
  return info[index]->IsUint32() ? info[index].As<v8::Uint32>()->Value() : 0;
}

/// Status and headers of arguments 1 and 2. Errors: too_large.
Result<Response> head_argument(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Response response;
  response.status = static_cast<uint16_t>(id_argument(info, 1));
  if (!info[2]->IsString()) return response;
  const auto head = info[2].As<v8::String>();
  const auto size = static_cast<size_t>(head->Length());
  if (const size_t most = WorkerImpl::of(isolate).limits().response_head_bytes; size > most)
    return fail(Code::too_large, "response headers of " + std::to_string(size) + " bytes; " +
                                     std::to_string(most) + " is the limit");
  response.headers = split_headers(to_latin1(isolate, head));
  return response;
}

/// respond(id, status, headers, body, more)
void respond(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  WorkerImpl& worker = WorkerImpl::of(isolate);
  const uint32_t id = id_argument(info, 0);
  const bool more = info[4]->IsTrue();
  Result<Bytes> body = body_bytes(isolate, info[3], worker.limits().response_bytes);
  if (!body) return worker.answer(id, fail(body.error()), more);
  Result<Response> response = head_argument(info);
  if (response) response->body = std::move(*body);
  worker.answer(id, std::move(response), more);
}

/// respondStream(id, status, headers): writeStream and endStream follow, then end
void respond_stream(const Info& info) {
  WorkerImpl& worker = WorkerImpl::of(info.GetIsolate());
  const uint32_t id = id_argument(info, 0);
  Result<Response> head = head_argument(info);
  if (!head) return worker.answer(id, fail(head.error()), true);
  worker.begin_stream(id, std::move(*head));
}

/// writeStream(id, bytes): undefined, false (nobody reads on) or a promise of room for more. At
/// most kStreamBytesMax bytes.
void write_stream(const Info& info) {
  const ByteView bytes = bytes_of(info[1]);
  if (bytes.size() > kStreamBytesMax) return info.GetReturnValue().Set(false);
  info.GetReturnValue().Set(WorkerImpl::of(info.GetIsolate())
                                .write_stream(info.GetIsolate()->GetCurrentContext(),
                                              id_argument(info, 0),
                                              {.data = Bytes(bytes.begin(), bytes.end())}));
}

/// openUpload(): [id, promise]; writeStream and endStream follow, and what sends it to others takes
/// the id. The promise resolves when nobody reads it any more before its end.
void open_upload(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const v8::Local<v8::Value> opened =
      WorkerImpl::of(isolate).open_upload(isolate->GetCurrentContext());
  if (!opened.IsEmpty()) info.GetReturnValue().Set(opened);
}

/// respondSocket(id, status, headers): writeSocket and closeSocket follow, then end
void respond_socket(const Info& info) {
  WorkerImpl& worker = WorkerImpl::of(info.GetIsolate());
  Result<Response> head = head_argument(info);
  if (!head) return worker.answer(id_argument(info, 0), fail(head.error()), true);
  worker.begin_socket(id_argument(info, 0), std::move(*head));
}

/// writeSocket(id, text or ArrayBuffer): throws when it is too long, or too much waits
void write_socket(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Part part{.kind = info[1]->IsString() ? Part::Kind::text : Part::Kind::binary};
  Result<Bytes> bytes = body_bytes(isolate, info[1], kSocketMessageMax);
  if (!bytes) return throw_range_error(isolate, "a WebSocket message has at most 1 MB");
  part.data = std::move(*bytes);
  if (!WorkerImpl::of(isolate).write_socket(id_argument(info, 0), std::move(part)))
    throw_range_error(isolate, "the client does not take what is sent to it");
}

/// socketRoom(id): undefined, or a promise of room for more messages
void socket_room(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  info.GetReturnValue().Set(
      WorkerImpl::of(isolate).room_of(isolate->GetCurrentContext(), id_argument(info, 0)));
}

/// closeSocket(id, code, reason)
void close_socket(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Part part{.kind = Part::Kind::close, .code = static_cast<uint16_t>(id_argument(info, 1))};
  if (Result<Bytes> reason = body_bytes(isolate, info[2], 123)) part.data = std::move(*reason);
  WorkerImpl::of(isolate).write_socket(id_argument(info, 0), std::move(part));
}

/// endStream(id)
void end_stream(const Info& info) {
  WorkerImpl::of(info.GetIsolate()).end_stream(id_argument(info, 0));
}

/// failStream(id, exception)
void fail_stream(const Info& info) {
  WorkerImpl& worker = WorkerImpl::of(info.GetIsolate());
  const uint32_t id = id_argument(info, 0);
  worker.fail_stream(id, worker.error_of(id, info[1]));
}

/// readFlow(flow): a promise of a Uint8Array, or of undefined at the end
void read_flow(const Info& info) {
  info.GetReturnValue().Set(
      WorkerImpl::of(info.GetIsolate())
          .read_flow(info.GetIsolate()->GetCurrentContext(), id_argument(info, 0)));
}

/// leaveFlow(flow)
void leave_flow(const Info& info) {
  WorkerImpl::of(info.GetIsolate()).leave_flow(id_argument(info, 0));
}

/// fail(id, exception, more)
void fail_call(const Info& info) {
  WorkerImpl::of(info.GetIsolate())
      .answer_exception(id_argument(info, 0), info[1], info[2]->IsTrue());
}

/// end(id)
void end_call(const Info& info) { WorkerImpl::of(info.GetIsolate()).end(id_argument(info, 0)); }

/// log(level, text)
void log(const Info& info) {
  if (!info[1]->IsString()) return;
  const uint32_t level = std::min<uint32_t>(id_argument(info, 0), 3);
  WorkerImpl::of(info.GetIsolate()).log(static_cast<LogLevel>(level), info[1].As<v8::String>());
}

/// startTimer(callback, delay_ms, repeat): an id; 0 when there can be none
void start_timer(const Info& info) {
  if (!info[0]->IsFunction() || !info[1]->IsNumber()) return;
  const double asked = info[1].As<v8::Number>()->Value();
  const double ms = std::isnan(asked) ? 0 : std::clamp(asked, 0.0, kDelayMaxMs);
  const auto delay = Duration(static_cast<int64_t>(ms * 1e6));
  info.GetReturnValue().Set(WorkerImpl::of(info.GetIsolate())
                                .start_timer(info[0].As<v8::Function>(), delay, info[2]->IsTrue()));
}

/// clearTimer(id)
void clear_timer(const Info& info) {
  WorkerImpl::of(info.GetIsolate()).clear_timer(id_argument(info, 0));
}

/// Method, URL, headers, body and upload (0: none) of the arguments from `first` on, the texts of
/// which are. Errors: too_large.
Result<Request> request_arguments(const Info& info, int first) {
  v8::Isolate* isolate = info.GetIsolate();
  const auto argument = [&](int i) { return to_latin1(isolate, info[first + i].As<v8::String>()); };
  Request request{.method = argument(0), .url = argument(1), .headers = split_headers(argument(2))};
  THEMIS_TRY(request.body,
             body_bytes(isolate, info[first + 3], WorkerImpl::of(isolate).limits().response_bytes));
  request.flow = id_argument(info, first + 4);
  return request;
}

bool are_texts(const Info& info, int count) {
  for (int i = 0; i < count; ++i)
    if (!info[i]->IsString() || is_too_long(info, i)) return false;
  return true;
}

/// askService(service, method, url, headers, body, upload): a promise of [status, headers, body,
/// flow or 0]
void ask_service(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  if (!are_texts(info, 4)) return;
  info.GetReturnValue().Set(WorkerImpl::of(isolate).call_service(
      isolate->GetCurrentContext(), to_utf8(isolate, info[0].As<v8::String>()),
      request_arguments(info, 1)));
}

/// callRemote("fn/NAME", method, arguments): a promise of [status, "", body, flow]
void call_remote(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  if (!are_texts(info, 2) || !info[2]->IsUint8Array()) return;
  Request request{.method = to_utf8(isolate, info[1].As<v8::String>()),
                  .url = kRemoteUrl,
                  .event = Event::remote};
  const ByteView bytes = bytes_of(info[2]);
  request.body.assign(bytes.begin(), bytes.end());
  info.GetReturnValue().Set(WorkerImpl::of(isolate).call_service(
      isolate->GetCurrentContext(), to_utf8(isolate, info[0].As<v8::String>()),
      std::move(request)));
}

/// fetchOutward(method, url, headers, body, upload): the same
void fetch_outward(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  if (!are_texts(info, 3)) return;
  info.GetReturnValue().Set(WorkerImpl::of(isolate).fetch_outward(isolate->GetCurrentContext(),
                                                                  request_arguments(info, 0)));
}

/// giveUp(promise): nobody waits any more for what one of the two above answered
void give_up(const Info& info) { WorkerImpl::of(info.GetIsolate()).give_up_ask(info[0]); }

/// askState(question, namespace, kind): a promise of the answer; question and answer are JSON
/// texts. The namespace is the function's own when it is undefined; `kind` is one of
/// EventKind.
void ask_state(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  if (!info[0]->IsString()) return;
  const auto argument = [&](int at) {
    return to_utf8(isolate, info[at].As<v8::String>(), kAskBytesMax + 1);
  };
  info.GetReturnValue().Set(WorkerImpl::of(isolate).ask_state(
      isolate->GetCurrentContext(), argument(0), info[1]->IsString() ? argument(1) : "",
      static_cast<EventKind>(std::min(id_argument(info, 2), 2u))));
}

/// block(): what unblock(call) takes
void block(const Info& info) {
  info.GetReturnValue().Set(WorkerImpl::of(info.GetIsolate()).block());
}
void unblock(const Info& info) { WorkerImpl::of(info.GetIsolate()).unblock(id_argument(info, 0)); }

/// resetActor(why)
void reset_actor(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  if (info[0]->IsString())
    WorkerImpl::of(isolate).reset(to_utf8(isolate, info[0].As<v8::String>(), kErrorDetailMax));
}

/// join(writes): a promise until saved() says that so many writes of the actor are on disk
void join(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  info.GetReturnValue().Set(
      WorkerImpl::of(isolate).join(isolate->GetCurrentContext(), id_argument(info, 0)));
}
void saved(const Info& info) { WorkerImpl::of(info.GetIsolate()).saved(id_argument(info, 0)); }

/// whenTurnEnds(function)
void when_turn_ends(const Info& info) {
  if (info[0]->IsFunction())
    WorkerImpl::of(info.GetIsolate()).when_turn_ends(info[0].As<v8::Function>());
}

/// responseBytesMax(): the longest body that may leave
void response_bytes_max(const Info& info) {
  info.GetReturnValue().Set(
      static_cast<double>(WorkerImpl::of(info.GetIsolate()).limits().response_bytes));
}

/// random(view)
void random(const Info& info) {
  WorkerImpl::of(info.GetIsolate()).host().random(bytes_of(info[0]));
}

/// now(): milliseconds since the worker was loaded; whole ones, against timing attacks, but for the
/// profile trusted
void now(const Info& info) {
  WorkerImpl& worker = WorkerImpl::of(info.GetIsolate());
  const Duration age = worker.host().now() - worker.started();
  const bool fine = worker.limits().profile == Profile::trusted;
  info.GetReturnValue().Set(fine ? static_cast<double>(age / 1us) / 1000
                                 : static_cast<double>(to_ms(age)));
}

/// wallMs(): milliseconds since 1970 by the Host's clock
void wall_ms(const Info& info) {
  info.GetReturnValue().Set(
      static_cast<double>(WorkerImpl::of(info.GetIsolate()).host().wall_ms()));
}

/// library(name, native, primordials, web): what that part of the prelude exports; it runs now
void library(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const std::string name = to_utf8(isolate, info[0].As<v8::String>());
  const auto parts = prelude_sources();
  const auto found = std::ranges::find(parts, name, &PreludeSource::library);
  THEMIS_ASSERT(found != parts.end() && !name.empty(), "the prelude knows its libraries");
  v8::Local<v8::Value> arguments[] = {info[1], info[2], info[3]};
  v8::Local<v8::Value> exports;
  if (run_prelude_part(isolate->GetCurrentContext(), static_cast<size_t>(found - parts.begin()),
                       arguments)
          .ToLocal(&exports))
    info.GetReturnValue().Set(exports);
}

constexpr Native kNatives[] = {{"respond", respond},
                               {"fail", fail_call},
                               {"end", end_call},
                               {"log", log},
                               {"startTimer", start_timer},
                               {"clearTimer", clear_timer},
                               {"random", random},
                               {"now", now},
                               {"wallMs", wall_ms},
                               {"askState", ask_state},
                               {"askService", ask_service},
                               {"callRemote", call_remote},
                               {"block", block},
                               {"unblock", unblock},
                               {"resetActor", reset_actor},
                               {"whenTurnEnds", when_turn_ends},
                               {"join", join},
                               {"saved", saved},
                               {"responseBytesMax", response_bytes_max},
                               {"respondStream", respond_stream},
                               {"openUpload", open_upload},
                               {"writeStream", write_stream},
                               {"endStream", end_stream},
                               {"failStream", fail_stream},
                               {"fetchOutward", fetch_outward},
                               {"giveUp", give_up},
                               {"respondSocket", respond_socket},
                               {"writeSocket", write_socket},
                               {"socketRoom", socket_room},
                               {"closeSocket", close_socket},
                               {"readFlow", read_flow},
                               {"leaveFlow", leave_flow},
                               {"library", library}};

}  // namespace

std::span<const Native> host_natives() { return kNatives; }

}  // namespace themis::js
