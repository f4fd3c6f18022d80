#pragma once
// An HTTP request as the message that runs a function, and the function's answer as an HTTP
// response.

#include "actors/flows/flow_codec.hpp"
#include "actors/services/service_codec.hpp"
#include "runtime/http/message.hpp"

namespace themis {

/// What a call runs: whatever version of a name is hosted, or exactly one code.
struct CallTarget {
  std::string function;  ///< Empty: by code.
  CodeId code{};
  bool fresh = false;  ///< Uploaded code, in an isolate of its own.
  bool by_code() const { return function.empty(); }
  /// The name under which its instances are on the ring, and its route is kept.
  std::string ring_name() const;
};

/// The origin that the handler sees: "http://HOST" of the Host header, "http://localhost" without
/// one. Errors: malformed (characters that no host has).
Result<std::string> origin_of(const http::Headers& headers);

/// The message; the one copy of the body. Leaves out what is meant for the next hop only (RFC 9110
/// section 7.6.1), and `hide_authorization`, the gateway's own token. `url` is absolute. `flow`: of
/// a body that follows, or with `socket` of a WebSocket's messages; 0: none.
/// Errors: too_large (more headers than a function takes).
Result<InvokeMsg> encode_invoke(const CallTarget& target, const http::Request& request,
                                const std::string& url, bool hide_authorization, TimePoint deadline,
                                FlowId flow = 0, bool socket = false);

/// A function's answer.
struct Reply {
  http::Response response;
  FlowId flow = 0;      ///< Not 0: more of the body is there to read.
  uint32_t cpu_us = 0;  ///< Of the handler until the answer.
};
/// Errors: malformed (a status that is none, a header that is none, over the limits).
Result<Reply> decode_outcome(const OutcomeMsg& message);

}  // namespace themis
