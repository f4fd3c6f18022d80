// What a Ring answers to the questions of its peers.
#include "actors/ring/ring.hpp"

namespace themis::ring {
namespace {

Status is_from(const NodeId& peer, const Contact& self) {
  if (self.id == peer && self.address.port != 0) return {};
  return fail(Code::denied, "a node speaks for itself only");
}

/// Not `unavailable`: that is what a session says of a peer which does not answer, and whoever says
/// no is there.
tl::unexpected<Error> in_no_ring() { return fail(Code::not_found, "this node is in no ring"); }

}  // namespace

Result<Reply> Ring::answer(const NodeId& peer, const Question& question, Moment at) {
  begin(at);
  suspects_.erase(peer);
  Result<Reply> reply = std::visit([&](const auto& q) { return on(peer, q); }, question);
  end();
  return reply;
}

Result<Reply> Ring::on(const NodeId&, const Ping&) {
  if (state_ == State::left) return in_no_ring();
  return Ack{};
}

Result<Reply> Ring::on(const NodeId& peer, const FindNode& question) {
  if (state_ != State::joined && state_ != State::leaving) return in_no_ring();
  if (question.object && is_sure() && table_.is_responsible(question.target))
    return on(peer, GetObject{ObjectId{question.target.bytes}});
  FindNodeReply reply =
      question.object ? table_.step_to_owner(question.target) : table_.step(question.target);
  if (reply.responsible && !is_sure()) return FindNodeReply{};
  return reply;
}

Result<Reply> Ring::on(const NodeId&, const GetObject& question) {
  if (state_ != State::joined && state_ != State::leaving) return in_no_ring();
  return GetObjectReply{objects_.get(question.object, at_.wall_ms, rng_.next())};
}

Result<Reply> Ring::on(const NodeId& peer, const Store& question) {
  if (state_ != State::joined) return in_no_ring();
  if (question.record->provider.id != peer && !is_near(peer))
    return fail(Code::denied, "a record is stored by its provider or by a neighbour");
  const ObjectId object = object_id(question.record->name, question.replica);
  if (!accepts(point(object))) return fail(Code::not_found, "other nodes keep this object");
  THEMIS_TRY(const Change change, keep(object, question));
  // The provider's view of who lives here may be old: what is new goes on to the successors of its
  // owner, and from a copy back towards that owner.
  if (change == Change::content) handed_.insert(object);
  return stored_reply(change, object, question);
}

/// A provider whose clock was ahead before it restarted hears of it: its own signed record proves
/// the sequence that it must pass.
Reply Ring::stored_reply(Change change, const ObjectId& object, const Store& store) const {
  if (change == Change::outdated)
    for (const Store& kept : objects_.stores(object))
      if (kept.record->provider.id == store.record->provider.id)
        return GetObjectReply{{kept.record}};
  return Ack{};
}

Result<Reply> Ring::on(const NodeId& peer, const HandOver& question) {
  if (state_ != State::joined) return in_no_ring();
  if (!is_near(peer)) return fail(Code::denied, "objects are handed over by neighbours");
  if (question.entries.size() > kHandOverEntriesMax)
    return fail(Code::too_large, "a chunk has at most 16 entries");
  Refused refused;
  for (size_t i = 0; i < question.entries.size(); ++i) {
    const Store& entry = question.entries[i];
    const auto bit = static_cast<uint16_t>(1u << i);
    const ObjectId object = object_id(entry.record->name, entry.replica);
    if (!accepts(point(object))) {
      refused.retry |= bit;
      continue;
    }
    const Result<Change> kept = keep(object, entry);
    // What expired on the way is no loss; a full table is, and may have room again.
    if (!kept && kept.error().code == Code::overloaded) refused.retry |= bit;
    if (!kept && kept.error().code != Code::overloaded && kept.error().code != Code::invalid)
      refused.invalid |= bit;
    // What is this node's now has copies to be made; what the successor gave for a range that is a
    // newer predecessor's by now goes on to that one.
    const bool is_new = kept && (*kept == Change::content || *kept == Change::renewed);
    if (is_new && (table_.is_responsible(point(object)) || peer == table_.successor().id))
      handed_.insert(object);
  }
  if (refused.invalid != 0 || refused.retry != 0) return refused;
  return Ack{};
}

Result<Reply> Ring::on(const NodeId&, const GetNeighbours&) {
  if (state_ != State::joined) return in_no_ring();
  return neighbours();
}

Result<Reply> Ring::on(const NodeId& peer, const Notify& question) {
  if (state_ != State::joined) return in_no_ring();
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
  if (table_.predecessor()->id == peer) on_predecessors(question.predecessors);
  // The second node of a ring: it lives, so it closes the circle.
  if (table_.alone()) table_.set_successors(question.self, {});
  if (is_between(table_.self().id, peer, table_.successor().id)) meet_closer(question.self);
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

Result<Reply> Ring::on(const NodeId& peer, const Watch& question) {
  if (state_ != State::joined) return in_no_ring();
  THEMIS_CHECK(is_from(peer, question.self));
  if (!accepts(point(question.object)))
    return fail(Code::not_found, "other nodes keep this object");
  // With as many watchers as may be, one more is answered each time it asks, and told of nothing.
  const Status added =
      watchers_.add(question.object, question.self, at_.now + 2 * options_.refresh);
  return GetObjectReply{objects_.get(question.object, at_.wall_ms, rng_.next()), added.has_value()};
}

/// An error ends the watch at the other side.
Result<Reply> Ring::on(const NodeId& peer, const Changed& question) {
  bool watched = false;
  for (auto& [user, watching] : watches_) {
    if (watching.holder != peer || watching.object != question.object) continue;
    watched = true;
    if (question.over)
      watch_answered(user, {}, nullptr);
    else
      watched_changed(watching, question.records, question.lost);
  }
  if (!watched) return fail(Code::not_found, "nobody here watches this object");
  return Ack{};
}

}  // namespace themis::ring
