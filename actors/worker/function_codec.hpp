#pragma once
// Invoke and Outcome messages as the engine's requests and responses, strictly parsed and bounded.

#include <optional>

#include "actors/worker/worker_api.hpp"
#include "figures.capnp.h"
#include "runtime/js/engine.hpp"
#include "wire/message.hpp"

namespace themis {

/// Body of a response; with its headers it must fit one message (wire::kMessageBytesMax).
inline constexpr size_t kResponseBodyBytesMax = 1 << 20;
/// Names and values of all headers of a message, as a browser bounds them, and their number.
inline constexpr size_t kHeaderBytesMax = 256 * 1024;
inline constexpr size_t kHeadersMax = 1024;

using MeasureHostMsg = wire::Msg<schema::MeasureHost>;
using HostMeasuredMsg = wire::Msg<schema::HostMeasured>;

/// The actor of a call or a load; nothing: the function itself. Errors: those of bundle::check.
Result<std::optional<bundle::ActorName>> read_actor(const schema::Actor::Reader& from);
/// A function that makes requests: its code, and where its bodies are read on the host's session.
struct Requester {
  CodeId code{};
  wire::Target target = 0;
};
/// The request of a function for a service, whose name is where a function's would be. Errors:
/// too_large.
Result<wire::Msg<schema::Invoke>> encode_invoke(const Requester& from, const std::string& service,
                                                const js::Request& request, TimePoint deadline);
/// The same to the outside. Errors: too_large.
Result<wire::Msg<schema::Invoke>> encode_fetch(const Requester& from, const js::Request& request,
                                               TimePoint deadline);
/// Whose function asks for the outside; nothing: a service is asked. Errors: malformed.
Result<std::optional<CodeId>> fetching_code(const wire::Msg<schema::Invoke>& message);
/// Errors: malformed (also a status that is none), too_large.
Result<js::Response> decode_answer(const wire::Msg<schema::Outcome>& message);
/// `deployer`: of the function that is called; whether the caller's is the same is in the request.
/// Errors: malformed, too_large.
Result<js::Request> decode_invoke(const wire::Msg<schema::Invoke>& message,
                                  std::string_view deployer = {});
/// How busy a function is in its process, which its answers say.
struct FunctionLoad {
  uint16_t running = 0;  ///< Calls without an answer, but for the one that is answered.
  uint8_t memory_percent = 0;
};
/// What who passes an answer on says of it anew; the rest stays.
struct OutcomeChange {
  uint64_t flow = 0;
  std::optional<FunctionLoad> load = {};
};
/// Errors: malformed.
Result<wire::Msg<schema::Outcome>> pass_on(const wire::Msg<schema::Outcome>& message,
                                           const OutcomeChange& change);
/// Of the rest of an answer's body; 0: there is none. Errors: malformed.
Result<uint64_t> flow_of(const wire::Msg<schema::Outcome>& message);
/// Errors: too_large.
Result<wire::Msg<schema::Outcome>> encode_outcome(const js::Response& response,
                                                  const FunctionLoad& load = {});

/// What the host is told to load. Sizes are bounded by the engine.
struct LoadRequest {
  std::string name;
  CodeId id{};
  std::string source;
  FunctionLimits limits;
  bundle::SharedKey key;
  Bytes code_cache;
  std::optional<bundle::ActorName> actor;
  std::string deployer;
};
wire::Msg<schema::Load> encode_load(const InstallFunction& function, TimePoint deadline);
/// Errors: malformed.
Result<LoadRequest> decode_load(const wire::Msg<schema::Load>& message);

wire::Msg<schema::CodeCache> encode_code_cache(const CodeId& id, ByteView cache);
/// Errors: malformed, too_large.
Result<KeepCodeCache> decode_code_cache(const wire::Msg<schema::CodeCache>& message);

wire::Msg<schema::Unload> encode_unload(const CodeId& id);
/// Errors: malformed.
Result<CodeId> decode_unload(const wire::Msg<schema::Unload>& message);

/// Isolates that one host may speak of: more than it can have.
inline constexpr size_t kMeasuredIsolatesMax = 4096;

/// What a host says of one function.
struct IsolateMemory {
  CodeId id{};  ///< As in Load.
  uint32_t memory_kb = 0;
  friend bool operator==(const IsolateMemory&, const IsolateMemory&) = default;
};
HostMeasuredMsg encode_host_measured(const std::vector<IsolateMemory>& isolates);
/// Errors: malformed.
Result<std::vector<IsolateMemory>> decode_host_measured(const HostMeasuredMsg& message);

/// The engine's limits for a function's.
js::Limits engine_limits(const FunctionLimits& limits);

}  // namespace themis
