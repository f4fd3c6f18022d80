#pragma once
// Brings a function's code here, from wherever it is.

#include <functional>
#include <optional>

#include "actors/services/function_context.hpp"

namespace themis {

/// How long a peer may take to send a code: 1 MB at 200 KB/s.
inline constexpr Duration kFetchTimeout = 5s;
/// Holders asked for one code.
inline constexpr size_t kHoldersMax = 8;

struct FoundCode {
  CodePtr source;  ///< It hashes to the id.
  bool was_fetched = false;
};
/// From this node's disk, else from `first`, whose session is open, else from a holder that the
/// ring names. `found` is called once, on the service's thread, unless that ends before. Errors:
/// unavailable.
void find_code(FunctionContext& context, const CodeId& id, std::optional<NodeId> first,
               std::function<void(const Result<FoundCode>&)> found);

}  // namespace themis
