#pragma once
// The schemas that may travel between processes: how a received frame becomes a typed CAF message
// and back.

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/make_message.hpp>
#include <caf/message.hpp>
#include <typeindex>
#include <unordered_map>

#include "wire/msg.hpp"

namespace caf {

/// Msg<S> only travels inside a process as a CAF element; between processes sessions carry its
/// frame.
template <class S>
struct allowed_unsafe_message_type<themis::wire::Msg<S>> : std::true_type {};

}  // namespace caf

namespace themis {

/// A frame of a schema that this process has no handlers for by type: what typed services take and
/// give.
struct AnyMessage {
  wire::FramePtr frame;
};

/// To who runs or forwards a request: whoever asked waits no longer (frame->cancelled() says so
/// too). The request may be answered all the same; nobody hears it. One-way; who has nothing to
/// stop ignores it.
struct CancelRequest {
  wire::FramePtr frame;  ///< The request's own: it tells which.
};

/// Filled at start-up, read-only afterwards: any thread.
class MessageTypes {
 public:
  MessageTypes() { by_cpp_.emplace(typeid(AnyMessage), 0); }

  /// Makes a received frame of schema S a Msg<S>; others become an AnyMessage. Adding a type twice
  /// is fine.
  template <class S>
  void add() {
    static_assert(sizeof(wire::Msg<S>) == sizeof(wire::FramePtr) &&
                  std::is_standard_layout_v<wire::Msg<S>>);
    by_wire_.insert_or_assign(wire::Msg<S>::kType, Wraps{&wrap<S>, &wrap_message<S>});
    by_cpp_.insert_or_assign(std::type_index(typeid(wire::Msg<S>)), wire::Msg<S>::kType);
  }

  /// A frame as the mailbox element of a message.
  caf::mailbox_element_ptr element_of(caf::strong_actor_ptr sender, caf::message_id id,
                                      wire::FramePtr frame) const {
    const auto it = by_wire_.find(frame->type());
    if (it == by_wire_.end())
      return caf::make_mailbox_element(std::move(sender), id, {}, AnyMessage{std::move(frame)});
    return it->second.element(std::move(sender), id, std::move(frame));
  }
  /// A frame as a CAF message.
  caf::message message_of(wire::FramePtr frame) const {
    const auto it = by_wire_.find(frame->type());
    if (it == by_wire_.end()) return caf::make_message(AnyMessage{std::move(frame)});
    return it->second.message(std::move(frame));
  }
  /// The frame of a message that is exactly one AnyMessage or one Msg<S> of an added S; else null.
  const wire::FramePtr* frame_of(const caf::type_erased_tuple& content) const {
    if (content.size() != 1) return nullptr;
    const std::type_info* type = content.type(0).second;
    if (type == nullptr || !by_cpp_.contains(std::type_index(*type))) return nullptr;
    return static_cast<const wire::FramePtr*>(content.get(0));
  }

 private:
  template <class S>
  static caf::mailbox_element_ptr wrap(caf::strong_actor_ptr sender, caf::message_id id,
                                       wire::FramePtr frame) {
    return caf::make_mailbox_element(std::move(sender), id, {}, wire::Msg<S>(std::move(frame)));
  }

  template <class S>
  static caf::message wrap_message(wire::FramePtr frame) {
    return caf::make_message(wire::Msg<S>(std::move(frame)));
  }

  struct Wraps {
    caf::mailbox_element_ptr (*element)(caf::strong_actor_ptr, caf::message_id, wire::FramePtr);
    caf::message (*message)(wire::FramePtr);
  };
  std::unordered_map<uint64_t, Wraps> by_wire_;
  std::unordered_map<std::type_index, uint64_t> by_cpp_;
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::AnyMessage)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::CancelRequest)
