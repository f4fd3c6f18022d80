#pragma once
// Questions of the function service to the verified state, wherever it is kept.

#include "actors/monitor/state_call.hpp"
#include "actors/services/function_context.hpp"

namespace themis {

/// How long the state may take to answer one of them.
inline constexpr Duration kHomeAskMax = std::chrono::seconds(10);

/// Asks the node that keeps the namespace of `ask`, through context.router, which must be there.
/// `found` is called once with the answer, or what kept it from coming, unless the actor ends.
void ask_home(FunctionContext& context, const StateAsk& ask,
              std::function<void(const Result<StateAnswer>&)> found);

}  // namespace themis
