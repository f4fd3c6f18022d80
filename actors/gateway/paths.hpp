#pragma once
// The gateway's paths: which one a request is for. Pure.

#include <string>
#include <string_view>

#include "runtime/base/error.hpp"
#include "runtime/http/message.hpp"

namespace themis {

enum class Path {
  call,        ///< /f/NAME[/PATH]
  serverless,  ///< /api/serverless
  functions,   ///< /v1/functions
  function,    ///< /v1/functions/NAME
  versions,    ///< /v1/functions/NAME/versions
  rollback,    ///< /v1/functions/NAME/rollback
  logs,        ///< /v1/functions/NAME/logs
  promote,     ///< /v1/functions/NAME/promote
  abort,       ///< /v1/functions/NAME/abort
  status,      ///< /v1/status
  top,         ///< /v1/top
  ring,        ///< /v1/ring
  nodes,       ///< /v1/nodes
  find,        ///< /v1/find/NAME
  store,       ///< /v1/store
  state,       ///< /v1/state/NAMESPACE
  metrics,     ///< /metrics
  health,      ///< /healthz
  ready,       ///< /readyz
};

struct Destination {
  Path path = Path::call;
  /// Of function, call, find and state; percent-decoded.
  std::string name;
  /// Of call: what the function sees, "/PATH?query", at least "/".
  std::string rest;
  /// Methods of the path, for the Allow header; empty: any.
  std::string_view allow;
};

/// Errors: not_found (no such path), malformed (percent-encoding), invalid (a function's name).
Result<Destination> find_destination(const http::Request& request);
/// Whether `method` is in `allow`, a list like "GET, PUT"; HEAD goes where GET does.
bool is_allowed(std::string_view allow, std::string_view method);
/// Management: for the owner of the node only.
bool needs_token(Path path);

/// Errors: malformed (a "%" without two hexadecimal digits, or one that stands for a control byte).
Result<std::string> percent_decoded(std::string_view text);
/// The value of `key` in a query "a=1&b=2"; empty when it is missing.
std::string_view query_value(std::string_view query, std::string_view key);

}  // namespace themis
