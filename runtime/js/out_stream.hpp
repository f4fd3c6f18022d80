#pragma once
// What a call gives out bit by bit, its answer or a request to others, between its JavaScript and
// whoever reads it. Internal: shows V8.

#include <v8.h>

#include <deque>
#include <optional>

#include "runtime/js/engine.hpp"

namespace themis::js {

/// A bounded queue: full at kStreamBytesMax, when its writer gets a promise instead of
/// going on. Engine thread.
struct OutStream {
  Response head;  ///< Until it is given out, with what there is by the end of that turn.
  bool has_head = true;
  bool is_socket = false;
  bool is_upload = false;  ///< The body of a request that the call makes; it has no head.
  uint32_t call = 0;       ///< Whose it is.
  std::deque<Part> parts;  ///< Small ones of bytes are put together.
  size_t waiting_bytes = 0;
  size_t total_bytes = 0;
  Worker::PartDone reader;                 ///< Waits for the next part.
  TimerId poll_timer = 0;                  ///< While it waits.
  v8::Global<v8::Promise::Resolver> room;  ///< The writer's, while the queue is full.
  v8::Global<v8::Promise::Resolver> gone;  ///< Of an upload: its reader has left.
  bool ended = false;
  std::optional<Error> failed;
  TimePoint moved{};  ///< When a part went out.

  bool is_full() const { return waiting_bytes >= kStreamBytesMax; }
  bool is_over() const { return ended || failed.has_value(); }

  void push(Part part) {
    waiting_bytes += part.data.size();
    total_bytes += part.data.size();
    if (part.kind == Part::Kind::bytes && !parts.empty() &&
        parts.back().data.size() + part.data.size() <= kStreamBytesMax) {
      Bytes& last = parts.back().data;
      last.insert(last.end(), part.data.begin(), part.data.end());
    } else {
      parts.push_back(std::move(part));
    }
  }
  Part pop() {
    Part first = std::move(parts.front());
    parts.pop_front();
    waiting_bytes -= first.data.size();
    return first;
  }
};

}  // namespace themis::js
