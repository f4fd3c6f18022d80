#pragma once
// What the parts of a function service share: the actor they act for and the actors they ask.

#include <caf/actor.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/response_promise.hpp>

#include "actors/node/node_api.hpp"
#include "actors/services/function_codec.hpp"
#include "actors/services/function_store_actor.hpp"
#include "actors/worker/worker_api.hpp"
#include "runtime/net/loop.hpp"

namespace themis {

/// Of one actor; its thread only.
struct FunctionContext {
  caf::event_based_actor& actor;
  const net::Loop& loop;
  caf::actor node;
  caf::actor workers;  ///< Empty: this node runs no functions.
  caf::actor store;
  ring::Contact self;
  FunctionLimits limits;
};

/// Whether an error lies in the function, so that no other node would do better with it.
inline bool is_functions_own(Code code) {
  return code == Code::syntax || code == Code::threw || code == Code::too_large ||
         code == Code::invalid;
}

}  // namespace themis
