#include "actors/ring/ring_codec.hpp"

#include <algorithm>
#include <span>

#include "ring.capnp.h"
#include "rpc.capnp.h"
#include "wire/msg.hpp"

namespace themis::ring {
namespace {

using wire::Builder;
using wire::bytes_of;
using wire::Msg;
using wire::text_of;
using wire::to_data;
using wire::to_text;

/// Words that the longest form of each part takes: they size the frame so that it is built in
/// place.
constexpr size_t kContactWords = 16;
constexpr size_t kRecordWords = 56;
constexpr size_t kAddressWords = 10;
constexpr size_t kLabelWords = 16;
constexpr size_t kDigestBytes = sizeof(crypto::Digest);

size_t words(const Record& record) {
  const size_t bytes = record.name.size() + record.payload.size() + record.version.size() +
                       kDigestBytes * record.proof.path.size();
  return kRecordWords + bytes / sizeof(uint64_t) + kAddressWords * record.more_addresses.size() +
         kLabelWords * record.labels.size();
}

// ---- values to schema

void write(schema::Contact::Builder to, const Contact& contact) {
  to.setId(to_data(contact.id.view()));
  to.setHost(to_text(contact.address.host));
  to.setPort(contact.address.port);
}
void write(capnp::List<schema::Contact>::Builder to, const Contacts& contacts) {
  for (size_t i = 0; i < contacts.size(); ++i) write(to[static_cast<unsigned>(i)], contacts[i]);
}
unsigned count(const auto& list) { return static_cast<unsigned>(list.size()); }

void write_labels(schema::Record::Builder to, const Labels& labels) {
  if (labels.empty()) return;
  auto list = to.initLabels(count(labels));
  for (unsigned i = 0; i < count(labels); ++i) {
    list[i].setKey(to_text(labels[i].first));
    list[i].setValue(to_text(labels[i].second));
  }
}
void write_addresses(schema::Record::Builder to, const std::vector<net::Address>& addresses) {
  if (addresses.empty()) return;
  auto list = to.initMoreAddresses(count(addresses));
  for (unsigned i = 0; i < count(addresses); ++i) {
    list[i].setHost(to_text(addresses[i].host));
    list[i].setPort(addresses[i].port);
  }
}
void write_proof(schema::Record::Builder to, const RecordProof& proof) {
  to.setSignature(to_data(proof.signature.view()));
  to.setIssuedMs(proof.issued_ms);
  to.setIndex(proof.index);
  to.setCount(proof.count);
  to.setPath(to_data(std::as_bytes(std::span(proof.path))));
}
void write(schema::Record::Builder to, const Record& record) {
  to.setName(to_text(record.name));
  write(to.initProvider(), record.provider);
  write_addresses(to, record.more_addresses);
  to.setKey(to_data(record.key.view()));
  to.setSequence(record.sequence);
  to.setExpiresMs(record.expires_ms);
  to.setWithdrawn(record.withdrawn);
  to.setWeight(record.weight);
  to.setVersion(to_text(record.version));
  write_labels(to, record.labels);
  to.setPayload(to_data(record.payload));
  write_proof(to, record.proof);
}
void write(schema::Store::Builder to, const Store& store) {
  to.setReplica(store.replica);
  write(to.initRecord(), *store.record);
}

wire::FramePtr frame(const FindNode& question) {
  Builder<schema::FindNode> b(8);
  b->setTarget(to_data(question.target.view()));
  b->setObject(question.object);
  return b.finish().frame();
}
wire::FramePtr frame(const GetObject& question) {
  Builder<schema::GetObject> b(8);
  b->setObject(to_data(question.object.view()));
  return b.finish().frame();
}
wire::FramePtr frame(const Store& question) {
  Builder<schema::Store> b(16 + words(*question.record));
  write(*b, question);
  return b.finish().frame();
}
wire::FramePtr frame(const HandOver& question) {
  size_t hint = 8;
  for (const Store& entry : question.entries) hint += 16 + words(*entry.record);
  Builder<schema::HandOver> b(hint);
  auto entries = b->initEntries(count(question.entries));
  for (size_t i = 0; i < question.entries.size(); ++i)
    write(entries[static_cast<unsigned>(i)], question.entries[i]);
  return b.finish().frame();
}
wire::FramePtr frame(const GetNeighbours&) {
  return Builder<schema::GetNeighbours>(2).finish().frame();
}
wire::FramePtr frame(const Ping&) { return Builder<schema::Ping>(2).finish().frame(); }
wire::FramePtr frame(const Notify& question) {
  Builder<schema::Notify> b(8 + kContactWords * (question.predecessors.size() + 1));
  write(b->initSelf(), question.self);
  write(b->initPredecessors(count(question.predecessors)), question.predecessors);
  return b.finish().frame();
}
wire::FramePtr frame(const Leave& question) {
  Builder<schema::Leave> b(8 + kContactWords * (question.successors.size() + 1));
  write(b->initSelf(), question.self);
  write(b->initSuccessors(count(question.successors)), question.successors);
  return b.finish().frame();
}
wire::FramePtr frame(const Ack&) { return Builder<schema::Ack>(2).finish().frame(); }
wire::FramePtr frame(const Refused& reply) {
  Builder<schema::Refused> b(2);
  b->setInvalid(reply.invalid);
  b->setRetry(reply.retry);
  return b.finish().frame();
}
wire::FramePtr frame(const FindNodeReply& reply) {
  Builder<schema::FindNodeReply> b(8 + kContactWords * reply.contacts.size());
  write(reply.responsible ? b->initResponsible(count(reply.contacts))
                          : b->initCloser(count(reply.contacts)),
        reply.contacts);
  return b.finish().frame();
}
size_t words(const RecordPtrs& records) {
  size_t out = 8;
  for (const RecordPtr& record : records) out += words(*record);
  return out;
}
void write(capnp::List<schema::Record>::Builder to, const RecordPtrs& records) {
  for (size_t i = 0; i < records.size(); ++i) write(to[static_cast<unsigned>(i)], *records[i]);
}
wire::FramePtr frame(const GetObjectReply& reply) {
  Builder<schema::GetObjectReply> b(words(reply.records));
  write(b->initRecords(count(reply.records)), reply.records);
  return b.finish().frame();
}
wire::FramePtr frame(const Watch& question) {
  Builder<schema::Watch> b(16 + kContactWords);
  b->setObject(to_data(question.object.view()));
  write(b->initSelf(), question.self);
  return b.finish().frame();
}
wire::FramePtr frame(const Changed& question) {
  Builder<schema::Changed> b(8 + words(question.records));
  b->setOver(question.over);
  b->setObject(to_data(question.object.view()));
  write(b->initRecords(count(question.records)), question.records);
  return b.finish().frame();
}
wire::FramePtr frame(const Neighbours& reply) {
  Builder<schema::Neighbours> b(8 + kContactWords * (reply.successors.size() + 1));
  if (reply.predecessor) write(b->initPredecessor(), *reply.predecessor);
  write(b->initSuccessors(count(reply.successors)), reply.successors);
  return b.finish().frame();
}

// ---- schema to bounded values

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

wire::FramePtr encode(const Question& question) {
  return std::visit([](const auto& q) { return frame(q); }, question);
}
wire::FramePtr encode(const Reply& reply) {
  return std::visit([](const auto& r) { return frame(r); }, reply);
}

Result<Question> decode_question(const wire::FramePtr& from) {
  return decode_as<Question, schema::FindNode, schema::GetObject, schema::Store, schema::HandOver,
                   schema::GetNeighbours, schema::Notify, schema::Leave, schema::Ping,
                   schema::Watch, schema::Changed>(from);
}

Result<Reply> decode_reply(const wire::FramePtr& from) {
  return decode_as<Reply, schema::Ack, schema::Refused, schema::FindNodeReply,
                   schema::GetObjectReply, schema::Neighbours>(from);
}

}  // namespace themis::ring
