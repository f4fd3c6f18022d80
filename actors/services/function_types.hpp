#pragma once
// The values of the function service and their limits: versions, names, what a node keeps on disk.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/bytes.hpp"
#include "runtime/bundle/secrets.hpp"
#include "runtime/crypto/hash.hpp"

namespace themis {

/// BLAKE2b-256 of a function's source.
using CodeId = crypto::Digest;

/// The name under which peers address a function service.
inline constexpr std::string_view kFunctionsActorName = "functions";

/// A name is one path segment and a part of ring names.
inline constexpr size_t kFunctionNameBytesMax = 64;
/// What the gateway takes as one body, and what fits one message of a session.
inline constexpr size_t kSourceBytesMax = bundle::kCodeBytesMax;
/// One instance may die unnoticed until the next look; the other answers meanwhile.
inline constexpr uint32_t kInstancesDefault = 2;
/// A lookup a wanted instance; a ring answers 64 records of a name at most.
inline constexpr uint32_t kInstancesMax = 16;
/// Functions deployed through one node, and instances on one node: some hundred bytes of memory
/// each, while nobody calls them. Their names fit a node's listings (actors/ring/listing.hpp).
inline constexpr size_t kDeployedMax = 131'072;
inline constexpr size_t kHostedMax = 131'072;

/// Versions of a function that the node which deployed it can go back to, the current one among
/// them: a mistake is noticed within some deploys, and code of up to 1 MB each is kept.
inline constexpr size_t kVersionsMax = 10;

/// Which code a function runs; the newer one wins wherever two meet.
struct FunctionVersion {
  uint32_t number = 0;
  CodeId id{};  ///< Decides between two deployments of the same number.
  friend auto operator<=>(const FunctionVersion&, const FunctionVersion&) = default;
};

/// A function that was deployed through this node.
struct DeployedRow {
  std::string name;
  FunctionVersion version;
  uint32_t instances = kInstancesDefault;
  bundle::SharedKey key = {};  ///< Of the secrets in its code.
  friend bool operator==(const DeployedRow&, const DeployedRow&) = default;
};
/// A function that this node is an instance of.
struct HostedRow {
  std::string name;
  FunctionVersion version;
  crypto::Digest owner{};      ///< The node that deployed it: the id it proved. Zero: not known.
  bundle::SharedKey key = {};  ///< Of the secrets in its code.
  bool has_events = false;     ///< The clock or queues wake it: not only calls do.
  friend bool operator==(const HostedRow&, const HostedRow&) = default;
};

/// A version that was deployed through this node.
struct KeptVersion {
  FunctionVersion version;
  uint32_t instances = kInstancesDefault;
  uint32_t restores = 0;    ///< The version whose code it took up again; 0: it was uploaded.
  int64_t deployed_ms = 0;  ///< Since 1970, by this node's clock.
  friend bool operator==(const KeptVersion&, const KeptVersion&) = default;
};
/// An owner as calls carry it: 64 digits; empty when it is not known.
std::string deployer_text(const crypto::Digest& owner);

/// [a-z0-9_-]{1,64}.
bool is_function_name(std::string_view name);
/// Errors: invalid, with what a name looks like.
Status check_function_name(std::string_view name);
/// Under these names instances announce themselves on the ring.
std::string ring_name_of_function(std::string_view name);
std::string ring_name_of_code(const CodeId& id);
/// The other way; nothing when it is the name of something else.
std::optional<std::string> function_of_ring_name(std::string_view ring_name);
std::optional<CodeId> code_of_ring_name(std::string_view ring_name);

/// The payload of a ring record of an instance or a holder of code.
struct InstancePayload {
  FunctionVersion version;
  friend bool operator==(const InstancePayload&, const InstancePayload&) = default;
};
/// 37 bytes: u8 format (2), u32 version, the code's id.
Bytes encode_payload(const InstancePayload& payload);
/// Errors: malformed (length, format).
Result<InstancePayload> decode_payload(ByteView bytes);

}  // namespace themis
