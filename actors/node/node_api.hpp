#pragma once
// What the actors of a process may ask its node actor. Each is one message; use `request`. Never
// crosses a session.

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <string>
#include <vector>

#include "actors/ring/ring_messages.hpp"
#include "wire/message.hpp"

namespace themis {

/// Who provides `name`? -> ring::Records, at least one. Of a name that is only listed (ListNames)
/// they tell the providers, no offers, and now and then a provider that has another name of that
/// bucket. Errors: not_found, unavailable, overloaded.
struct FindName {
  std::string name;
};
/// Announces that this node provides `name` until it is withdrawn or the node leaves. -> caf::unit
/// when it is stored. Errors: malformed, too_large, overloaded, unavailable.
struct ProvideName {
  std::string name;
  Bytes payload = {};
  uint16_t weight = 100;     ///< The share of calls for this instance, beside the others'.
  std::string version = {};  ///< At most ring::kVersionBytesMax.
  ring::Labels labels = {};  ///< At most ring::kLabelsMax.
  bool outlives = false;     ///< See ring::Offer.

  ring::Offer offer() const {
    ring::Offer out(payload);
    out.weight = weight;
    out.version = version;
    out.labels = labels;
    out.outlives = outlives;
    return out;
  }
};
struct WithdrawName {
  std::string name;
};
/// Lists that this node provides these names: for those of many that need no record of their own
/// (actors/ring/listing.hpp). Nobody is told when they come or go. -> caf::unit when the record of
/// the last one is stored. Errors: overloaded (a full bucket: the names after it are not listed),
/// those of ProvideName.
struct ListNames {
  std::vector<std::string> names;
};
struct UnlistName {
  std::string name;
};
/// Tells the sender with a NameChanged who provides `name` now, and from then on of every change,
/// until it sends UnwatchName or ends. -> caf::unit. Errors: overloaded.
struct WatchName {
  std::string name;
};
struct UnwatchName {
  std::string name;
};
/// The live providers, by identity; none: nobody provides the name at the moment. `lost`: those of
/// them that may be gone, as somebody's session with them broke.
struct NameChanged {
  std::string name;
  ring::Records records;
  std::vector<NodeId> lost = {};
};
/// Which nodes are responsible for a point? -> ring::Contacts: the responsible node, then its
/// successors.
struct FindResponsible {
  ring::Point point;
};
/// The actor `target` (Exports::target_of(name)) of the node `contact`; connects when there is no
/// session yet.
/// -> caf::actor, a proxy. For the node itself: the exported actor. For the node actor of a contact
/// in the routing table: its finger, which ends with Code::unavailable when the contact leaves the
/// table and outlives any one session with it. Errors: unavailable (nothing
/// has been sent then), wrong_peer, not_hosted (no such actor here), timeout.
struct ReachActor {
  ring::Contact contact;
  wire::Target target = 0;
};
/// -> NodeReport.
struct ReportNode {};

struct SessionReport {
  ring::Contact peer;
  std::string state;
  bool initiator = false;
  uint64_t requests_sent = 0;
  uint64_t requests_received = 0;
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  Duration round_trip{};
};
/// Of all connections since the start, as the members of PeerTable and KeyedRequests say.
struct PeerReport {
  uint64_t accepted = 0;
  uint64_t dialled = 0;
  uint64_t refused = 0;
  uint64_t evicted = 0;
  uint64_t sessions_evicted = 0;
  uint64_t handshakes_failed = 0;
  uint64_t handshakes_denied = 0;    ///< Of these, peers that may not be here: mesh.inviters.
  uint64_t handshakes_answered = 0;  ///< Each cost a signature.
  uint64_t handshakes_limited = 0;   ///< Past a rate.
  uint64_t cookies_asked = 0;
  uint64_t half_open = 0;      ///< Now.
  uint64_t waiting_bytes = 0;  ///< Now, to be sent or written, in all sessions.
  uint64_t rekeyed = 0;
  uint64_t cancels_sent = 0;
  uint64_t cancels_received = 0;
  uint64_t keyed_run = 0;
  uint64_t keyed_repeated = 0;
  uint64_t replies_kept = 0;  ///< Now, with the requests that run.
  uint64_t reply_bytes = 0;   ///< Now.
};
struct NodeReport {
  ring::Contact self;
  std::string network;
  bool joined = false;
  std::optional<ring::Contact> predecessor;
  ring::Contacts successors;
  ring::Contacts fingers;
  size_t objects = 0;   ///< Kept for others.
  size_t provided = 0;  ///< Names of its own, with the records of listings.
  size_t listed = 0;    ///< Names in those.
  std::vector<SessionReport> sessions;
  PeerReport peers;
};

/// To an actor that was there before the node: through which node it finds others, and which that
/// is.
struct UseNode {
  caf::actor node;
  ring::Contact self;
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::FindName)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::ProvideName)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::WithdrawName)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::ListNames)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::UnlistName)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::WatchName)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::UnwatchName)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::NameChanged)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::FindResponsible)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::ReachActor)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::ReportNode)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::NodeReport)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::ring::Records)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::ring::Contacts)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::UseNode)
