#pragma once
// Requests of functions to the outside. Only within a process.

#include <caf/allowed_unsafe_message_type.hpp>
#include <memory>
#include <string>
#include <vector>

#include "actors/system/message_types.hpp"
#include "function.capnp.h"

namespace themis {

/// Host patterns, as http::is_allowed_host takes them.
using FetchHosts = std::vector<std::string>;

/// To the fetcher: one request to a host that each of `allowed` names, redirects not followed; the
/// last list is the function's own, and the same object for all of its requests. ->
/// Outcome, whose body may go on as a flow of this node. Errors: denied (no allowed host, no
/// address that functions may reach), unavailable (nobody answers), timeout (the frame's deadline),
/// forged (its certificate), malformed (the request, or the answer), too_large, overloaded; what
/// ended `body` early.
struct FetchOutward {
  wire::Msg<schema::Invoke> invoke;
  std::vector<std::shared_ptr<const FetchHosts>> allowed;
  /// Not 0: a flow of this node has the body, of the frame's content-length if there is one. It is
  /// read as the server takes it, to its end or until the request is over, then left.
  uint64_t body = 0;
};

/// To the fetcher. -> FetchCounts.
struct CountFetches {};
struct FetchCounts {
  size_t open = 0;  ///< Now; the rest since the start.
  uint64_t begun = 0;
  uint64_t denied = 0;    ///< No allowed host, or no address that functions may reach.
  uint64_t limited = 0;   ///< As many were under way as may be, of the node or of the function.
  uint64_t failed = 0;    ///< Begun, and ended without an answer, but for those denied.
  uint64_t oversize = 0;  ///< Ended because their streamed bodies passed the limit of one.
  uint64_t streamed = 0;  ///< Begun with a body that was sent as it was made.
  size_t sending = 0;     ///< Such bodies under way, now.
  size_t held_bytes = 0;  ///< Of those that wait here for their servers, now.
  uint64_t sent_bytes = 0;
  uint64_t received_bytes = 0;  ///< Of bodies.
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::FetchOutward)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::CountFetches)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::FetchCounts)
