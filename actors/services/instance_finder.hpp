#pragma once
// Who runs a function, and which version: what the ring tells, and what those say that it only
// lists.

#include <functional>

#include "actors/services/function_context.hpp"

namespace themis {

/// How long a node that lists a function may take to say whether it runs it.
inline constexpr Duration kLocateTimeout = 2s;

/// Finds the instances of `name`, each with its version as payload; `found` is called once. Who is
/// only listed and does not answer, or says no, is left out. Errors: those of FindName; not_found
/// when none is left.
void find_instances(FunctionContext& context, const std::string& name,
                    std::function<void(Result<ring::Records>)> found);

}  // namespace themis
