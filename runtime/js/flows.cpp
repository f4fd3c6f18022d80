// Bodies that come and go bit by bit: what a call reads from its Host, and what is read of a call,
// of its answer and of its requests to others.
#include <algorithm>
#include <array>

#include "runtime/js/errors.hpp"
#include "runtime/js/messages.hpp"
#include "runtime/js/text.hpp"
#include "runtime/js/worker.hpp"

namespace themis::js {

uint32_t WorkerImpl::add_flow(uint64_t flow, uint32_t call) {
  in_flows_.emplace(++last_flow_, InFlow{flow, call});
  return last_flow_;
}

v8::Local<v8::Value> WorkerImpl::read_flow(v8::Local<v8::Context> context, uint32_t in_flow) {
  const auto found = in_flows_.find(in_flow);
  const auto [promise, id] =
      begin_ask(context, found == in_flows_.end() ? "the body is over with its request" : nullptr);
  if (id == 0) return promise;
  asks_.at(id).in_flow = in_flow;
  ask_flow(id, found->second.flow);
  return promise;
}

void WorkerImpl::ask_flow(uint32_t id, uint64_t flow) {
  host_.read_flow(flow, [this, id, flow, alive = std::weak_ptr(alive_)](Result<Part> part) {
    if (alive.expired()) return;
    const auto ask = asks_.find(id);
    if (ask == asks_.end()) return;
    if (part && part->kind == Part::Kind::bytes && part->data.empty()) return ask_flow(id, flow);
    if (!part || part->is_last()) in_flows_.erase(ask->second.in_flow);
    // Each message of a WebSocket has the CPU time of a call.
    Call& call = calls_.at(ask->second.call);
    if (call.out && call.out->is_socket) call.cpu = {};
    if (!is_actor_) return settle_ask(id, "the body", [&] { return part_value(part); });
    when_in(id, [this, id, part = std::move(part)]() mutable {
      settle_ask(id, "the body", [&] { return part_value(part); });
    });
  });
}

/// A Uint8Array, a text, undefined at the end, or [code, reason] of a close.
Result<v8::Local<v8::Value>> WorkerImpl::part_value(Result<Part>& part) {
  v8::Isolate* isolate = box_.get();
  if (!part) return fail(part.error());
  if (part->kind == Part::Kind::end) return v8::Undefined(isolate);
  if (part->kind == Part::Kind::close) {
    std::array<v8::Local<v8::Value>, 2> close{v8::Integer::New(isolate, part->code),
                                              text(isolate, as_text(part->data))};
    return v8::Array::New(isolate, close.data(), close.size());
  }
  if (part->kind == Part::Kind::text) return text(isolate, as_text(part->data));
  if (!box_.buffers().take(part->data.size()))
    return fail(Code::memory_exceeded, "no room for a part of it");
  return body_value(isolate, box_.buffers(), std::move(part->data));
}

void WorkerImpl::leave_flow(uint32_t in_flow) {
  const auto found = in_flows_.extract(in_flow);
  if (!found.empty()) host_.leave_flow(found.mapped().flow);
}

OutStream* WorkerImpl::out_of(uint32_t id) {
  if (const auto upload = uploads_.find(id); upload != uploads_.end()) return &upload->second;
  const auto call = calls_.find(id);
  return call == calls_.end() ? nullptr : call->second.out.get();
}

v8::Local<v8::Value> WorkerImpl::open_upload(v8::Local<v8::Context> context) {
  v8::Isolate* isolate = box_.get();
  const char* refused = nullptr;
  if (!calls_.contains(current_)) refused = "this can be used within a request only";
  if (uploads_.size() >= kUploadsMax)
    refused = "too many requests of this function send their bodies bit by bit";
  if (refused != nullptr)
    return isolate->ThrowException(v8::Exception::Error(text(isolate, refused)));
  v8::Local<v8::Promise::Resolver> gone;
  if (!v8::Promise::Resolver::New(context).ToLocal(&gone)) return {};
  const uint32_t id = ++last_call_;
  OutStream& out = uploads_[id];
  out.has_head = false;
  out.is_upload = true;
  out.call = current_;
  out.gone.Reset(isolate, gone);
  std::array<v8::Local<v8::Value>, 2> opened{v8::Integer::NewFromUnsigned(isolate, id),
                                             gone->GetPromise()};
  return v8::Array::New(isolate, opened.data(), opened.size());
}

void WorkerImpl::begin_stream(uint32_t id, Response head) {
  const auto found = calls_.find(id);
  if (found == calls_.end() || !found->second.done) return;
  found->second.waits = true;
  found->second.out = std::make_unique<OutStream>();
  found->second.out->call = id;
  found->second.out->head = std::move(head);
  found->second.out->moved = host_.now();
  ++streams_;
  touched_.push_back(id);
}

void WorkerImpl::begin_socket(uint32_t id, Response head) {
  const auto open = std::ranges::count_if(
      calls_, [](const auto& entry) { return entry.second.out && entry.second.out->is_socket; });
  if (static_cast<size_t>(open) >= limits_.sockets)
    return answer(id,
                  fail(Code::overloaded, "over " + std::to_string(limits_.sockets) +
                                             " WebSockets of this function are open"),
                  false);
  begin_stream(id, std::move(head));
  if (const auto found = calls_.find(id); found != calls_.end() && found->second.out)
    found->second.out->is_socket = true;
}

bool WorkerImpl::write_socket(uint32_t id, Part part) {
  const auto found = calls_.find(id);
  if (found == calls_.end() || !found->second.out) return false;
  OutStream& out = *found->second.out;
  if (out.is_over() || out.waiting_bytes > kSocketBytesMax) return false;
  out.ended = part.is_last();
  out.push(std::move(part));
  touched_.push_back(id);
  return true;
}

v8::Local<v8::Value> WorkerImpl::write_stream(v8::Local<v8::Context> context, uint32_t id,
                                              Part part) {
  v8::Isolate* isolate = box_.get();
  OutStream* const out = out_of(id);
  if (out == nullptr || out->is_over()) return v8::False(isolate);
  touched_.push_back(id);
  out->push(std::move(part));
  if (out->total_bytes > limits_.stream_bytes) {
    out->failed = Error{Code::too_large, "a streamed body of over " +
                                             std::to_string(limits_.stream_bytes) + " bytes"};
    return v8::False(isolate);
  }
  return room_of(context, id);
}

v8::Local<v8::Value> WorkerImpl::room_of(v8::Local<v8::Context> context, uint32_t id) {
  v8::Isolate* isolate = box_.get();
  OutStream* const out = out_of(id);
  if (out == nullptr || !out->is_full()) return v8::Undefined(isolate);
  v8::Local<v8::Promise::Resolver> room;
  if (!v8::Promise::Resolver::New(context).ToLocal(&room)) return v8::False(isolate);
  out->room.Reset(isolate, room);
  return room->GetPromise();
}

void WorkerImpl::end_stream(uint32_t id) {
  OutStream* const out = out_of(id);
  if (out == nullptr || out->is_over()) return;
  out->ended = true;
  touched_.push_back(id);
}

void WorkerImpl::fail_stream(uint32_t id, Error why) {
  OutStream* const out = out_of(id);
  if (out == nullptr || out->is_over()) return;
  // Of a request the function hears itself.
  if (!out->has_head && !out->is_upload)
    host_.log(LogLevel::error, "the stream of a response ended early: " + why.text());
  out->failed = std::move(why);
  touched_.push_back(id);
}

void WorkerImpl::read(uint64_t flow, PartDone done) {
  const auto id = static_cast<uint32_t>(flow);
  OutStream* const out = flow <= UINT32_MAX ? out_of(id) : nullptr;
  if (out == nullptr || out->has_head)
    return done(fail(Code::not_found, "this stream is over, or there is none"));
  end_reader(*out, {Code::cancelled, "it was read once more"});
  out->reader = std::move(done);
  out->poll_timer = host_.after(kPollMax, [this, id] {
    parts_.push_back({std::exchange(out_of(id)->reader, nullptr), Part{}});
    deliver();
  });
  hand_out(id);
  deliver();
}

/// To the reader that waits, if there is one, what waits for it; then there is room for more.
void WorkerImpl::hand_out(uint32_t id) {
  OutStream& out = *out_of(id);
  if (!out.reader || (out.parts.empty() && !out.is_over())) return;
  host_.cancel(out.poll_timer);
  PartDone reader = std::exchange(out.reader, nullptr);
  out.moved = host_.now();
  if (!out.parts.empty()) {
    Part part = out.pop();
    const bool is_last = part.is_last();
    parts_.push_back({std::move(reader), std::move(part)});
    return is_last ? end_of_stream(id) : make_room(out);
  }
  Result<Part> last = Part{Part::Kind::end, {}, 0};
  if (out.failed) last = fail(*out.failed);
  parts_.push_back({std::move(reader), std::move(last)});
  end_of_stream(id);
}

void WorkerImpl::end_of_stream(uint32_t id) {
  if (uploads_.erase(id) > 0) return;
  calls_.at(id).out.reset();
  --streams_;
  erase_if_over(id);
}

/// Something went out: a writer that waits goes on.
void WorkerImpl::make_room(OutStream& out) {
  if (out.room.IsEmpty() || out.is_full()) return;
  const v8::Global<v8::Promise::Resolver> room = std::move(out.room);
  call_turn(out.call, [&](v8::Local<v8::Context> context) {
    v8::Isolate* isolate = box_.get();
    (void)room.Get(isolate)->Resolve(context, v8::Undefined(isolate)).IsNothing();
  });
}

/// A body that ended by now goes out whole, with its length.
void WorkerImpl::announce(uint32_t id, Call& call) {
  OutStream& out = *call.out;
  const bool is_whole = out.ended && out.parts.size() <= 1 && !out.is_socket;
  Result<Response> head = std::move(out.head);
  if (out.failed) head = fail(*out.failed);
  out.has_head = false;
  const bool more = call.waits;
  if (head && !out.parts.empty() && out.parts.front().kind == Part::Kind::bytes)
    head->body = out.pop().data;
  if (is_whole || !head) {
    call.out.reset();
    --streams_;
  } else {
    head->flow = id;
  }
  answer(id, std::move(head), more);
  if (const auto found = calls_.find(id); found != calls_.end() && found->second.out)
    make_room(*found->second.out);
}

void WorkerImpl::settle_streams() {
  while (!touched_.empty()) {
    const std::vector<uint32_t> batch = std::exchange(touched_, {});
    for (const uint32_t id : batch) {
      const OutStream* const out = out_of(id);
      if (out == nullptr) continue;
      if (out->has_head) {
        announce(id, calls_.at(id));
      } else {
        hand_out(id);
      }
    }
  }
}

/// The reader is told why.
void WorkerImpl::drop_stream(uint32_t id, const Error& why) {
  OutStream* const out = out_of(id);
  if (out == nullptr) return;
  end_reader(*out, why);
  if (uploads_.erase(id) > 0) return;
  calls_.at(id).out.reset();
  --streams_;
}

void WorkerImpl::end_reader(OutStream& out, const Error& why) {
  if (!out.reader) return;
  host_.cancel(out.poll_timer);
  parts_.push_back({std::exchange(out.reader, nullptr), fail(why)});
}

/// The handler's fetch goes on: maybe the answer is there already.
void WorkerImpl::leave_upload(uint32_t id) {
  auto left = uploads_.extract(id);
  OutStream& out = left.mapped();
  end_reader(out, {Code::cancelled, "nobody reads it any more"});
  if (!retired() && calls_.contains(out.call)) {
    call_turn(out.call, [&](v8::Local<v8::Context> context) {
      v8::Isolate* isolate = box_.get();
      for (const auto* waits : {&out.gone, &out.room})
        if (!waits->IsEmpty())
          (void)waits->Get(isolate)->Resolve(context, v8::Undefined(isolate)).IsNothing();
    });
  }
  fail_stuck_calls();
  deliver();
}

void WorkerImpl::leave(uint64_t flow) {
  const auto id = static_cast<uint32_t>(flow);
  const OutStream* const out = flow <= UINT32_MAX ? out_of(id) : nullptr;
  if (out == nullptr || out->has_head) return;
  if (out->is_upload) return leave_upload(id);
  drop_stream(id, {Code::cancelled, "nobody reads it any more"});
  tell_gone(id);
  erase_if_over(id);
  fail_stuck_calls();
  deliver();
}

bool WorkerImpl::tell_gone(uint32_t id) {
  bool has_waits = false;
  const auto found = calls_.find(id);
  if (found == calls_.end() || found->second.object.IsEmpty() || retired()) return has_waits;
  call_turn(id, [&](v8::Local<v8::Context> context) {
    v8::Isolate* isolate = box_.get();
    std::array<v8::Local<v8::Value>, 2> arguments{v8::Integer::NewFromUnsigned(isolate, id),
                                                  calls_.at(id).object.Get(isolate)};
    v8::Local<v8::Value> told;
    has_waits = isolate_->on_gone.Get(isolate)
                    ->Call(context, v8::Undefined(isolate), static_cast<int>(arguments.size()),
                           arguments.data())
                    .ToLocal(&told) &&
                told->IsTrue();
  });
  return has_waits;
}

}  // namespace themis::js
