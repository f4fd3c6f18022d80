#pragma once
// What the parts of a function service share: the actor they act for and the actors they ask.

#include <caf/actor.hpp>
#include <caf/behavior.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/response_promise.hpp>

#include "actors/node/node_api.hpp"
#include "actors/services/function_store_actor.hpp"
#include "actors/services/service_codec.hpp"
#include "actors/system/message_types.hpp"
#include "actors/system/owed.hpp"
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
  bool alone = false;      ///< No two functions share a process, whoever their owners are.
  caf::actor router = {};  ///< A StateRouter; empty: this node reaches no state.
};

/// Whether an error lies in the function, so that no other node would do better with it.
inline bool is_functions_own(Code code) {
  return code == Code::syntax || code == Code::threw || code == Code::too_large ||
         code == Code::invalid;
}

/// `then` for answers that only say "done": nothing, or one caf::unit, as CAF makes of a handler's
/// caf::unit one or the other.
template <class Response, class Done, class Failed>
void when_done(const Response& response, Done done, Failed failed) {
  Response handle = response;
  handle.self()->add_multiplexed_response_handler(
      handle.id(), caf::behavior{[done]() mutable { done(); },
                                 [done](caf::unit_t) mutable { done(); }, std::move(failed)});
}
/// The same when nobody needs to know.
template <class Response>
void when_done(const Response& response) {
  when_done(
      response, [] {}, [](const caf::error&) {});
}

}  // namespace themis
