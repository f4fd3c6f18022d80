// Strictly from frames to bounded values; ring_encode.cpp is the way there.
#include "actors/ring/ring_codec.hpp"

#include <algorithm>
#include <span>

#include "ring.capnp.h"
#include "rpc.capnp.h"
#include "wire/msg.hpp"

namespace themis::ring {
namespace {

using wire::bytes_of;
using wire::Msg;
using wire::text_of;

constexpr size_t kDigestBytes = sizeof(crypto::Digest);

/// In its one text only: signatures cover it, and contacts are compared.
Result<net::Address> read_address(const auto& from) {
  const std::string_view host = text_of(from.getHost());
  if (from.getPort() == 0) return fail(Code::malformed, "a contact's port is zero");
  auto address = net::Address::from_host(host.substr(0, kHostBytesMax + 1), from.getPort());
  if (!address || address->host != host)
    return fail(Code::malformed, "a contact's host is no numeric address in its one spelling");
  return address;
}

Result<Contact> read(schema::Contact::Reader from) {
  Contact contact;
  THEMIS_TRY(contact.id, NodeId::from_bytes(bytes_of(from.getId())));
  if (contact.id.is_zero()) return fail(Code::malformed, "a contact without an identity");
  THEMIS_TRY(contact.address, read_address(from));
  return contact;
}

Result<RecordProof> read_proof(schema::Record::Reader from) {
  RecordProof proof;
  THEMIS_TRY(proof.signature, crypto::Signature::from_bytes(bytes_of(from.getSignature())));
  proof.issued_ms = from.getIssuedMs();
  proof.index = from.getIndex();
  proof.count = from.getCount();
  const ByteView path = bytes_of(from.getPath());
  if (path.size() % kDigestBytes != 0)
    return fail(Code::malformed, "a record's path is made of digests of 32 bytes");
  if (path.size() > kPathMax * kDigestBytes)
    return fail(Code::too_large, "a record's path has at most 12 digests");
  proof.path.resize(path.size() / kDigestBytes);
  std::ranges::copy(path, std::as_writable_bytes(std::span(proof.path)).begin());
  return proof;
}

/// Lists longer than they may be are refused before they are read; all else is check_form's.
Result<RecordPtr> read(schema::Record::Reader from) {
  if (from.getPayload().size() > kPayloadBytesMax || from.getLabels().size() > kLabelsMax ||
      from.getMoreAddresses().size() >= kAddressesMax)
    return fail(Code::too_large,
                "a record has at most 512 bytes of payload, 8 labels and 4 addresses");
  Record record;
  record.name = text_of(from.getName());
  THEMIS_TRY(record.provider, read(from.getProvider()));
  for (const auto entry : from.getMoreAddresses()) {
    THEMIS_TRY(net::Address address, read_address(entry));
    record.more_addresses.push_back(std::move(address));
  }
  THEMIS_TRY(record.key, crypto::PublicKey::from_bytes(bytes_of(from.getKey())));
  record.sequence = from.getSequence();
  record.expires_ms = from.getExpiresMs();
  record.withdrawn = from.getWithdrawn();
  record.weight = from.getWeight();
  record.version = text_of(from.getVersion());
  for (const auto label : from.getLabels())
    record.labels.emplace_back(text_of(label.getKey()), text_of(label.getValue()));
  const ByteView payload = bytes_of(from.getPayload());
  record.payload.assign(payload.begin(), payload.end());
  THEMIS_TRY(record.proof, read_proof(from));
  THEMIS_CHECK(check_form(record));
  return std::make_shared<const Record>(std::move(record));
}

Result<Store> read(schema::Store::Reader from) {
  Store store;
  store.replica = from.getReplica();
  if (store.replica >= kReplicasMax) return fail(Code::malformed, "an object has at most 8 copies");
  THEMIS_TRY(store.record, read(from.getRecord()));
  return store;
}

Result<NodeId> read(capnp::Data::Reader from) { return NodeId::from_bytes(bytes_of(from)); }

/// At most `limit` values, each read from its form in `from`.
template <class T>
Result<std::vector<T>> read_list(const auto& from, size_t limit) {
  if (from.size() > limit) return fail(Code::too_large, "a list is longer than a message may have");
  std::vector<T> out;
  out.reserve(from.size());
  for (const auto entry : from) {
    THEMIS_TRY(T value, read(entry));
    out.push_back(std::move(value));
  }
  return out;
}

Result<Question> value(schema::FindNode::Reader from) {
  THEMIS_TRY(const Point target, Point::from_bytes(bytes_of(from.getTarget())));
  return FindNode{target, from.getObject()};
}
Result<Question> value(schema::GetObject::Reader from) {
  THEMIS_TRY(const ObjectId object, ObjectId::from_bytes(bytes_of(from.getObject())));
  return GetObject{object};
}
Result<Question> value(schema::Store::Reader from) {
  THEMIS_TRY(Store store, read(from));
  return store;
}
Result<Question> value(schema::HandOver::Reader from) {
  HandOver out;
  THEMIS_TRY(out.entries, read_list<Store>(from.getEntries(), kHandOverEntriesMax));
  return out;
}
Result<Question> value(schema::GetNeighbours::Reader) { return GetNeighbours{}; }
Result<Question> value(schema::Ping::Reader) { return Ping{}; }
Result<Question> value(schema::Notify::Reader from) {
  Notify out;
  THEMIS_TRY(out.self, read(from.getSelf()));
  THEMIS_TRY(out.predecessors, read_list<Contact>(from.getPredecessors(), kSuccessorsMax));
  return out;
}
Result<Question> value(schema::Leave::Reader from) {
  Leave out;
  THEMIS_TRY(out.self, read(from.getSelf()));
  THEMIS_TRY(out.successors, read_list<Contact>(from.getSuccessors(), kSuccessorsMax));
  return out;
}
Result<Reply> value(schema::Refused::Reader from) {
  return Refused{from.getInvalid(), from.getRetry()};
}
Result<Reply> value(schema::Ack::Reader) { return Ack{}; }
Result<Reply> value(schema::FindNodeReply::Reader from) {
  FindNodeReply out;
  switch (from.which()) {
    case schema::FindNodeReply::CLOSER: {
      THEMIS_TRY(out.contacts, read_list<Contact>(from.getCloser(), kCloserMax));
      return out;
    }
    case schema::FindNodeReply::RESPONSIBLE: {
      out.responsible = true;
      THEMIS_TRY(out.contacts, read_list<Contact>(from.getResponsible(), kSuccessorsMax + 1));
      if (out.contacts.empty()) return fail(Code::malformed, "nobody is responsible");
      return out;
    }
  }
  return fail(Code::malformed, "an answer of an unknown kind");
}
Result<Reply> value(schema::GetObjectReply::Reader from) {
  GetObjectReply out;
  out.watched = from.getWatched();
  THEMIS_TRY(out.records, read_list<RecordPtr>(from.getRecords(), kRecordsPerReplyMax));
  return out;
}
Result<Question> value(schema::Watch::Reader from) {
  Watch out;
  THEMIS_TRY(out.object, ObjectId::from_bytes(bytes_of(from.getObject())));
  THEMIS_TRY(out.self, read(from.getSelf()));
  return out;
}
Result<Question> value(schema::Changed::Reader from) {
  Changed out;
  out.over = from.getOver();
  THEMIS_TRY(out.object, ObjectId::from_bytes(bytes_of(from.getObject())));
  THEMIS_TRY(out.records, read_list<RecordPtr>(from.getRecords(), kRecordsPerReplyMax));
  THEMIS_TRY(out.lost, read_list<NodeId>(from.getLost(), kLostMax));
  return out;
}
Result<Question> value(schema::Compare::Reader from) {
  Compare out;
  THEMIS_TRY(out.from, Point::from_bytes(bytes_of(from.getFrom())));
  THEMIS_TRY(out.until, Point::from_bytes(bytes_of(from.getUntil())));
  const ByteView digest = bytes_of(from.getDigest());
  if (digest.size() != out.digest.size()) return fail(Code::malformed, "a digest has 32 bytes");
  std::ranges::copy(digest, out.digest.begin());
  return out;
}
Result<Reply> value(schema::Summary::Reader from) {
  Summary out;
  THEMIS_TRY(out.until, Point::from_bytes(bytes_of(from.getUntil())));
  const ByteView entries = bytes_of(from.getEntries());
  if (entries.size() % sizeof(RecordName) != 0)
    return fail(Code::malformed, "a summary is made of entries of 72 bytes");
  if (entries.size() > kSummaryEntriesMax * sizeof(RecordName))
    return fail(Code::too_large, "a summary has at most 512 entries");
  out.entries.resize(entries.size() / sizeof(RecordName));
  std::ranges::copy(entries, std::as_writable_bytes(std::span(out.entries)).begin());
  return out;
}
Result<Reply> value(schema::Neighbours::Reader from) {
  Neighbours out;
  if (from.hasPredecessor()) {
    THEMIS_TRY(out.predecessor, read(from.getPredecessor()));
  }
  THEMIS_TRY(out.successors, read_list<Contact>(from.getSuccessors(), kSuccessorsMax));
  return out;
}

/// Reads the frame as the one of `Schemas` that its type names.
template <class Value, class... Schemas>
Result<Value> decode_as(const wire::FramePtr& from) {
  if (!from) return fail(Code::malformed, "an empty message");
  std::optional<Result<Value>> out;
  const auto attempt = [&]<class S>() {
    if (from->type() != Msg<S>::kType) return false;
    out =
        wire::decode(Msg<S>(from), [](const typename S::Reader& reader) { return value(reader); });
    return true;
  };
  if (!(attempt.template operator()<Schemas>() || ...))
    return fail(Code::malformed, "a message of another type");
  return *std::move(out);
}

}  // namespace

Result<Question> decode_question(const wire::FramePtr& from) {
  return decode_as<Question, schema::FindNode, schema::GetObject, schema::Store, schema::HandOver,
                   schema::GetNeighbours, schema::Notify, schema::Leave, schema::Ping,
                   schema::Watch, schema::Changed, schema::Compare>(from);
}

Result<Reply> decode_reply(const wire::FramePtr& from) {
  return decode_as<Reply, schema::Ack, schema::Refused, schema::FindNodeReply,
                   schema::GetObjectReply, schema::Neighbours, schema::Summary>(from);
}

}  // namespace themis::ring
