// From values to frames.
#include <span>

#include "actors/ring/ring_codec.hpp"
#include "ring.capnp.h"
#include "rpc.capnp.h"
#include "wire/msg.hpp"

namespace themis::ring {
namespace {

using wire::Builder;
using wire::to_data;
using wire::to_text;

/// Words that the longest form of each part takes: they size the frame so that it is built in
/// place.
constexpr size_t kContactWords = 16;
constexpr size_t kRecordWords = 56;
constexpr size_t kAddressWords = 10;
constexpr size_t kLabelWords = 16;
constexpr size_t kIdWords = 5;
constexpr size_t kDigestBytes = sizeof(crypto::Digest);

size_t words(const Record& record) {
  const size_t bytes = record.name.size() + record.payload.size() + record.version.size() +
                       kDigestBytes * record.proof.path.size();
  return kRecordWords + bytes / sizeof(uint64_t) + kAddressWords * record.more_addresses.size() +
         kLabelWords * record.labels.size();
}

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
  Builder<schema::GetObjectReply> b(8 + words(reply.records));
  b->setWatched(reply.watched);
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
  Builder<schema::Changed> b(8 + words(question.records) + kIdWords * question.lost.size());
  b->setOver(question.over);
  b->setObject(to_data(question.object.view()));
  write(b->initRecords(count(question.records)), question.records);
  if (!question.lost.empty()) {
    auto lost = b->initLost(count(question.lost));
    for (unsigned i = 0; i < lost.size(); ++i) lost.set(i, to_data(question.lost[i].view()));
  }
  return b.finish().frame();
}
wire::FramePtr frame(const Compare& question) {
  Builder<schema::Compare> b(24);
  b->setFrom(to_data(question.from.view()));
  b->setUntil(to_data(question.until.view()));
  b->setDigest(to_data(question.digest));
  return b.finish().frame();
}
wire::FramePtr frame(const Summary& reply) {
  const ByteView entries = std::as_bytes(std::span(reply.entries));
  Builder<schema::Summary> b(16 + entries.size() / sizeof(uint64_t));
  b->setUntil(to_data(reply.until.view()));
  b->setEntries(to_data(entries));
  return b.finish().frame();
}
wire::FramePtr frame(const Neighbours& reply) {
  Builder<schema::Neighbours> b(8 + kContactWords * (reply.successors.size() + 1));
  if (reply.predecessor) write(b->initPredecessor(), *reply.predecessor);
  write(b->initSuccessors(count(reply.successors)), reply.successors);
  return b.finish().frame();
}

}  // namespace

wire::FramePtr encode(const Question& question) {
  return std::visit([](const auto& q) { return frame(q); }, question);
}
wire::FramePtr encode(const Reply& reply) {
  return std::visit([](const auto& r) { return frame(r); }, reply);
}

}  // namespace themis::ring
