#pragma once
// What function services ask each other, parsed strictly into bounded values, and back.

#include <memory>

#include "actors/services/function_types.hpp"
#include "function.capnp.h"
#include "rpc.capnp.h"
#include "runtime/bundle/actor_name.hpp"
#include "wire/msg.hpp"

namespace themis {

using HostMsg = wire::Msg<schema::Host>;
using UnhostMsg = wire::Msg<schema::Unhost>;
using LocateMsg = wire::Msg<schema::Locate>;
using LocatedMsg = wire::Msg<schema::Located>;
using FetchCodeMsg = wire::Msg<schema::FetchCode>;
using CodeBlobMsg = wire::Msg<schema::CodeBlob>;
using InvokeMsg = wire::Msg<schema::Invoke>;
using OutcomeMsg = wire::Msg<schema::Outcome>;
using AckMsg = wire::Msg<schema::Ack>;

/// Bounds of a request and a response as they travel: an HTTP head of 16 KB with 100 headers fits,
/// and so does what the gateway and the handler add.
inline constexpr size_t kInvokeHeadersMax = 128;
inline constexpr size_t kInvokeHeadBytesMax = 32 * 1024;
inline constexpr size_t kInvokeBodyBytesMax = 1024 * 1024;
inline constexpr size_t kOutcomeBodyBytesMax = 1536 * 1024;

AckMsg ack();

HostMsg encode_host(const HostedRow& row, TimePoint deadline);
/// Errors of all decoders: malformed.
Result<HostedRow> decode_host(const HostMsg& message);

/// `of_actors`: the function is removed, and its actors are to end where they live; on the wire the
/// name then has "actor/" before it, as in calls of actors. `of_canary`: its canary goes, and has
/// "canary/" there.
struct UnhostOrder {
  std::string name;
  bool of_actors = false;
  bool of_canary = false;
};
UnhostMsg encode_unhost(const UnhostOrder& order, TimePoint deadline);
Result<UnhostOrder> decode_unhost(const UnhostMsg& message);

LocateMsg encode_locate(const std::string& name, TimePoint deadline);
Result<std::string> decode_locate(const LocateMsg& message);
LocatedMsg encode_located(const FunctionVersion& version);
Result<FunctionVersion> decode_located(const LocatedMsg& message);

FetchCodeMsg encode_fetch(const CodeId& id, TimePoint deadline);
Result<CodeId> decode_fetch(const FetchCodeMsg& message);

CodeBlobMsg encode_code(ByteView source);
/// Only what hashes to `id`. Errors: malformed, too_large; forged (another hash).
Result<std::shared_ptr<const Bytes>> decode_code(const CodeBlobMsg& message, const CodeId& id);

/// Before the name of an exported function, where rules name methods: no HTTP method is like it.
inline constexpr std::string_view kRemoteMethods = "remote.";
/// What an Invoke is for; the rest of the message has been checked to be within the bounds above.
struct InvokeTarget {
  std::string function;  ///< Empty: by code only.
  bool by_code = false;  ///< True: exactly this code.
  CodeId id{};
  std::string method;     ///< HTTP, or "remote." and the name of an exported function.
  bool is_actor = false;  ///< For an actor of the function.
};
Result<InvokeTarget> decode_target(const InvokeMsg& message);

/// A call of an actor, and of which version of its function: none yet, while it has not been sent
/// to its home.
struct ActorCall {
  HostedRow row;  ///< The owner is what the sender says.
  bundle::ActorName actor;
};
/// `function` may have "actor/" before it. Errors: also those of bundle::check.
Result<ActorCall> decode_actor_call(const InvokeMsg& message);
/// `message` for the actor's home: a frame of its own, with the same deadline.
InvokeMsg encode_actor_call(const InvokeMsg& message, const ActorCall& call);

}  // namespace themis
