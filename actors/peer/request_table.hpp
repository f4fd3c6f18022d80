#pragma once
// The requests a session has sent and not yet seen answered.

#include <caf/actor_control_block.hpp>
#include <caf/message_id.hpp>
#include <optional>
#include <vector>

#include "wire/frame.hpp"

namespace themis {

/// Slots that are used again, so that a request allocates nothing. An id is a slot and its
/// generation: an answer that comes after its deadline, or twice, finds no request. Reactor thread
/// only.
class RequestTable {
 public:
  struct Request {
    caf::strong_actor_ptr sender;  ///< Of one that was received: the actor that runs it.
    caf::message_id id;
    TimePoint deadline = TimePoint::max();
    wire::FramePtr frame = {};
    uint64_t run = 0;   ///< Of one that was received with an idempotency key: KeyedRequests::take.
    uint64_t slot = 0;  ///< What add() returned.
    uint16_t node = 0;  ///< The number of the node that was asked.
  };

  size_t size() const { return used_; }

  uint64_t add(Request request) {
    if (free_.empty()) {
      free_.push_back(static_cast<uint32_t>(slots_.size()));
      slots_.emplace_back();
    }
    const uint32_t index = free_.back();
    free_.pop_back();
    Slot& slot = slots_[index];
    slot.request = std::move(request);
    slot.used = true;
    ++used_;
    return slot.request.slot = (uint64_t{slot.generation} << 32) | index;
  }

  /// Null: it was answered, or never was.
  Request* find(uint64_t id) {
    const auto index = static_cast<uint32_t>(id);
    if (index >= slots_.size()) return nullptr;
    Slot& slot = slots_[index];
    return slot.used && slot.generation == id >> 32 ? &slot.request : nullptr;
  }
  std::optional<Request> take(uint64_t id) {
    if (find(id) == nullptr) return std::nullopt;
    return release(static_cast<uint32_t>(id));
  }

  /// Every request whose deadline has passed.
  std::vector<Request> take_expired(TimePoint now) {
    return take_if([now](const Request& request) { return request.deadline <= now; });
  }
  /// What is asked by those whose callers have given up.
  std::vector<wire::FramePtr> cancelled() const {
    std::vector<wire::FramePtr> frames;
    for (const Slot& slot : slots_)
      if (slot.used && slot.request.frame && slot.request.frame->cancelled())
        frames.push_back(slot.request.frame);
    return frames;
  }
  /// Those that ask with `frame`. Looks at every slot: who gives up is rare.
  std::vector<Request> take_of(const wire::FramePtr& frame) {
    const wire::Frame* wanted = frame.writable();
    return take_if([wanted](const Request& r) { return r.frame.writable() == wanted; });
  }
  std::vector<Request> take_all() {
    return take_if([](const Request&) { return true; });
  }

 private:
  /// 24 bits: an id stays under CAF's 60.
  static constexpr uint32_t kGenerations = 1 << 24;
  struct Slot {
    Request request;
    uint32_t generation = 1;
    bool used = false;
  };

  Request release(uint32_t index) {
    Slot& slot = slots_[index];
    slot.used = false;
    slot.generation = slot.generation + 1 == kGenerations ? 1 : slot.generation + 1;
    free_.push_back(index);
    --used_;
    return std::exchange(slot.request, Request{});
  }
  template <class F>
  std::vector<Request> take_if(F&& wanted) {
    std::vector<Request> taken;
    for (uint32_t index = 0; index < slots_.size(); ++index)
      if (slots_[index].used && wanted(slots_[index].request)) taken.push_back(release(index));
    return taken;
  }

  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
  size_t used_ = 0;
};

}  // namespace themis
