// What a Ring answers to the questions of its peers.
#include "actors/node/ring.hpp"

namespace themis::ring {
namespace {

Status is_from(const NodeId& peer, const Contact& self) {
  if (self.id == peer && self.address.port != 0) return {};
  return fail(Code::denied, "a node speaks for itself only");
}

}  // namespace

Result<Reply> Ring::answer(const NodeId& peer, const Question& question, Moment at) {
  begin(at);
  suspects_.erase(peer);
  Result<Reply> reply = std::visit([&](const auto& q) { return on(peer, q); }, question);
  end();
  return reply;
}

Result<Reply> Ring::on(const NodeId&, const Ping&) {
  if (state_ == State::left) return fail(Code::unavailable, "this node has left the ring");
  return Ack{};
}

Result<Reply> Ring::on(const NodeId&, const FindNode& question) {
  if (state_ != State::joined && state_ != State::leaving)
    return fail(Code::unavailable, "this node is in no ring");
  return table_.step(question.target);
}

Result<Reply> Ring::on(const NodeId&, const GetObject& question) {
  if (state_ != State::joined && state_ != State::leaving)
    return fail(Code::unavailable, "this node is in no ring");
  return GetObjectReply{objects_.get(question.object, at_.wall_ms, rng_.next())};
}

Result<Reply> Ring::on(const NodeId& peer, const Store& question) {
  if (state_ != State::joined) return fail(Code::unavailable, "this node is in no ring");
  if (question.record.provider.id != peer)
    return fail(Code::denied, "a record is stored by its provider");
  // Without a predecessor nobody else can be known to be responsible; the sender's lookup is
  // believed.
  if (table_.predecessor() && !table_.is_responsible(point(question.object)))
    return fail(Code::not_found, "another node is responsible for this object");
  THEMIS_CHECK(objects_.put(question.object, question.record, at_.wall_ms));
  return Ack{};
}

Result<Reply> Ring::on(const NodeId& peer, const HandOver& question) {
  if (state_ != State::joined) return fail(Code::unavailable, "this node is in no ring");
  if (!table_.is_neighbour(peer))
    return fail(Code::denied, "objects are handed over by neighbours");
  if (question.entries.size() > kHandOverEntriesMax)
    return fail(Code::too_large, "a chunk has at most 16 entries");
  // A predecessor on its way out gives what was its own; from anyone else only this node's range is
  // taken.
  const bool leaving = table_.predecessor() && table_.predecessor()->id == peer;
  Status status;
  for (const Store& entry : question.entries) {
    if (!leaving && table_.predecessor() && !table_.is_responsible(point(entry.object))) {
      status = fail(Code::not_found, "another node is responsible for some of the objects");
      continue;
    }
    const Status kept = objects_.put(entry.object, entry.record, at_.wall_ms);
    // What expired on the way is no loss; a full table is.
    if (!kept && kept.error().code != Code::invalid) status = kept;
  }
  THEMIS_CHECK(status);
  return Ack{};
}

Result<Reply> Ring::on(const NodeId&, const GetNeighbours&) {
  if (state_ != State::joined) return fail(Code::unavailable, "this node is in no ring");
  return neighbours();
}

Result<Reply> Ring::on(const NodeId& peer, const Notify& question) {
  if (state_ != State::joined) return fail(Code::unavailable, "this node is in no ring");
  THEMIS_CHECK(is_from(peer, question.self));
  table_.refresh_address(question.self);
  if (table_.find(peer) != nullptr) heard_[peer] = at_.now;
  const auto& known = table_.predecessor();
  if (known && known->id == peer) {
    predecessor_heard_ = at_.now;
  } else if (!known || is_between(known->id, peer, table_.self().id)) {
    set_predecessor(question.self);
  } else {
    rectify(question.self);
  }
  // The second node of a ring: it lives, so it closes the circle.
  if (table_.alone()) table_.set_successors(question.self, {});
  return neighbours();
}

Result<Reply> Ring::on(const NodeId& peer, const Leave& question) {
  THEMIS_CHECK(is_from(peer, question.self));
  // Who precedes it is not taken from its word: that node drops it too and notifies at once.
  table_.drop(peer);
  // Its own list is better than none; the head is asked before anything else.
  if (table_.alone() && !question.successors.empty() && question.successors.front().id != peer)
    table_.set_successors(question.successors.front(),
                          {question.successors.begin() + 1, question.successors.end()});
  after_drop();
  pad_successors();
  return Ack{};
}

}  // namespace themis::ring
