#pragma once
// What a worker keeps of its calls, and of what they wait for. Internal: shows V8.

#include <v8.h>

#include <functional>
#include <memory>

#include "runtime/js/engine.hpp"
#include "runtime/js/out_stream.hpp"

namespace themis::js {

/// What waits, for the gate of an actor: of its storage reads keep events out, and writes are
/// nobody's to see.
enum class EventKind : uint8_t { event = 0, read = 1, write = 2 };
/// A call in flight.
struct Call {
  Worker::Done done;  ///< Empty once answered; the record then lives on for waitUntil.
  std::string name_space;
  uint8_t depth = 0;
  TimePoint deadline = TimePoint::max();  ///< Of its caller.
  size_t subrequests = 0;
  Duration cpu{};
  size_t log_bytes = 0;
  size_t timers = 0;
  size_t buffers_refused = 0;  ///< ArrayBuffers::refused when it began.
  TimerId wall_timer = 0;
  bool has_wall_timer = false;
  bool waits = false;             ///< Answered, and end() follows: waitUntil or a stream goes on.
  v8::Global<v8::Object> object;  ///< What dispatch answered.
  std::unique_ptr<OutStream> out;
};
/// A body that a call reads bit by bit.
struct InFlow {
  uint64_t flow = 0;
  uint32_t call = 0;
};
/// A timer of a call.
struct Timer {
  v8::Global<v8::Function> callback;
  uint32_t call = 0;
  TimerId host_timer = 0;
  Duration delay{};
  bool repeat = false;
};
/// A question to the Host, without its answer.
struct Ask {
  v8::Global<v8::Promise::Resolver> promise;
  uint32_t call = 0;
  uint32_t in_flow = 0;
  EventKind kind = EventKind::event;
  Host::GiveUp give_up;  ///< Empty: it is of use to others, too, or soon over.
};
/// An event of an actor that waits to come in.
struct Held {
  uint32_t call = 0;
  EventKind kind = EventKind::event;
  std::function<void()> run;
};
/// A call of an actor that waits until so many writes are on disk.
struct Join {
  uint32_t call = 0;
  uint32_t writes = 0;
  v8::Global<v8::Promise::Resolver> promise;
};
/// A promise that was rejected with nobody waiting, or (`handled`) found somebody afterwards.
struct Rejection {
  v8::Global<v8::Promise> promise;
  bool handled = false;
};
/// An answer to be handed out at the end of the turn.
struct Completion {
  Worker::Done done;
  Result<Response> result;
};
/// A part of a body, the same.
struct PartCompletion {
  Worker::PartDone done;
  Result<Part> part;
};

}  // namespace themis::js
