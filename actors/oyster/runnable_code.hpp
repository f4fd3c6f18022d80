#pragma once
// Code that is ready to run, and what the front asks of whoever runs it on this node.

#include <caf/allowed_unsafe_message_type.hpp>
#include <memory>
#include <optional>

#include "actors/mesh/balancer.hpp"
#include "actors/worker/worker_api.hpp"

namespace themis {

/// The name on the ring of the nodes that run codes for the fronts of others.
inline constexpr const char* kRunsRingName = "oyster/run";
/// The names under which a node exports who runs codes, and who has those that it asks for.
inline constexpr const char* kRunnerActorName = "oyster-runner";
inline constexpr const char* kFrontActorName = "oyster-front";

/// Its source is a bundle whose main module is called "main", as workerd's is in what Oyster tells
/// of syntax errors.
struct RunnableCode {
  CodeId id{};  ///< BLAKE2b-256 of `source`.
  std::shared_ptr<const Bytes> source;
  bool is_string = true;  ///< Of a transaction: as the ABI has one.
};
using RunnablePtr = std::shared_ptr<const RunnableCode>;

/// Runs code with a request on this node. -> wire::Msg<schema::Outcome>; what follows of its body
/// is read at this node's hub. Errors: overloaded (it was not run: no place, or too crowded);
/// syntax, invalid (the code); those of CallFunction.
struct RunCode {
  RunnablePtr code;
  wire::Msg<schema::Invoke> invoke;
  /// Another node that would take it, and does when this one is more crowded; nothing: there is
  /// none.
  std::optional<mesh::KnownLoad> other = {};
};
/// From the front, one-way: whether other nodes may send codes here, if the config allows it.
struct OfferRuns {
  bool is_offered = false;
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::RunCode)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::OfferRuns)
