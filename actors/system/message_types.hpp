#pragma once
// The schemas that may travel between processes: how a received frame becomes a typed CAF message and back.

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/mailbox_element.hpp>
#include <typeindex>
#include <unordered_map>

#include "wire/msg.hpp"

namespace caf {

/// Msg<S> only travels inside a process as a CAF element; between processes sessions carry its frame.
template <class S>
struct allowed_unsafe_message_type<themis::wire::Msg<S>> : std::true_type {};

}  // namespace caf

namespace themis {

/// Filled at start-up, read-only afterwards: any thread.
class MessageTypes {
 public:
  using Wrap = caf::mailbox_element_ptr (*)(caf::strong_actor_ptr, caf::message_id, wire::FramePtr);

  /// Lets Msg<S> cross sessions. Adding a type twice is fine.
  template <class S>
  void add() {
    static_assert(sizeof(wire::Msg<S>) == sizeof(wire::FramePtr));
    by_wire_.insert_or_assign(wire::Msg<S>::kType, &wrap<S>);
    by_cpp_.insert_or_assign(std::type_index(typeid(wire::Msg<S>)), wire::Msg<S>::kType);
  }

  /// Null for a type that nobody added.
  Wrap find(uint64_t type) const {
    const auto it = by_wire_.find(type);
    return it == by_wire_.end() ? nullptr : it->second;
  }
  /// The frame of a message that is exactly one Msg<S> of a known S; else null.
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

  std::unordered_map<uint64_t, Wrap> by_wire_;
  std::unordered_map<std::type_index, uint64_t> by_cpp_;
};

}  // namespace themis
