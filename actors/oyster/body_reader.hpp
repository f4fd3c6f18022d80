#pragma once
// The whole answer of a function or of an outward request, whose body may come bit by bit.

#include <caf/actor.hpp>
#include <caf/event_based_actor.hpp>
#include <functional>
#include <optional>

#include "actors/gateway/invocation.hpp"

namespace themis {

/// Where what follows of a body is read.
struct BodySource {
  caf::actor flows;                 ///< The hub of this node.
  std::optional<NodeId> node = {};  ///< Who answered; nothing: this one.
};

/// Reads what follows of `outcome`'s body. `then` is called once, on the actor's thread, unless
/// that ends before. Errors: malformed, too_large (over `bytes_max`; the rest is left), what ended
/// the body early.
void read_answer(caf::event_based_actor& actor, const BodySource& source, const OutcomeMsg& outcome,
                 size_t bytes_max, std::function<void(Result<http::Response>)> then);

}  // namespace themis
