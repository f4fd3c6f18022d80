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
/// forged (its certificate), malformed (the request, or the answer), too_large, overloaded.
struct FetchOutward {
  wire::Msg<schema::Invoke> invoke;
  std::vector<std::shared_ptr<const FetchHosts>> allowed;
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::FetchOutward)
