// Anti-entropy of a Ring: the owner of a range and those that keep copies of it compare what they
// have, so that a record which was lost on its way does not wait for its provider's next refresh.
#include <algorithm>

#include "actors/ring/record_summary.hpp"
#include "actors/ring/ring.hpp"

namespace themis::ring {
namespace {

/// Rounds between two comparisons: one question a holder each time.
constexpr int kRepairRounds = 10;
/// Questions of one comparison with one holder: a table of the default size has 128 summaries.
constexpr size_t kChunksMax = 256;
/// Objects sent to a holder or fetched from it in one comparison: who says that it lacks all of
/// them, or has newer ones, costs no more than that.
constexpr size_t kRepairedMax = 64;

}  // namespace

void Ring::repair() {
  if (repair_.open || at_.now < repair_.due || table_.alone() || !table_.predecessor()) return;
  repair_.due = at_.now + jitter(kRepairRounds * options_.update_period);
  compare_next(0);
}

/// Begins with the successor at `place`, when it is one that keeps copies.
void Ring::compare_next(size_t place) {
  if (place >= std::min(options_.replicas, table_.successors().size()) || !table_.predecessor())
    return;
  repair_.chunks = repair_.repaired = 0;
  compare_from(place, point(table_.predecessor()->id));
}

/// `place` had the holder when its comparison began; who is there by now is another one's copy of
/// the same range.
void Ring::compare_from(size_t place, const Point& from) {
  if (state_ != State::joined || place >= table_.successors().size()) return;
  const Contact holder = table_.successors()[place];
  const Summary own = summarize(objects_, from, point(table_.self().id), at_.wall_ms);
  repair_.open = true;
  ask(holder, Compare{from, own.until, digest_of(own)},
      [this, place, holder, from, own](const NodeId&, Result<Reply>& reply) {
        repair_.open = false;
        const auto* theirs = reply ? std::get_if<Summary>(&*reply) : nullptr;
        const bool shorter = theirs != nullptr && is_in_range(from, theirs->until, own.until);
        const Point done = shorter ? theirs->until : own.until;
        if (theirs != nullptr) even_out(holder, compare(own, *theirs, from, done));
        const bool over = !reply || done == point(table_.self().id);
        if (over || ++repair_.chunks >= kChunksMax) return compare_next(place + 1);
        compare_from(place, done);
      });
}

void Ring::even_out(const Contact& holder, Difference difference) {
  const auto limit = [this](std::vector<ObjectId>& objects) {
    objects.resize(std::min(objects.size(), kRepairedMax - repair_.repaired));
    repair_.repaired += objects.size();
  };
  limit(difference.ours);
  limit(difference.theirs);
  push(holder, difference.ours);
  for (const ObjectId& object : difference.theirs) fetch(object, holder);
}

void Ring::fetch(const ObjectId& object, const Contact& holder) {
  ask(holder, GetObject{object}, [this, object](const NodeId&, Result<Reply>& reply) {
    const auto* there = reply ? std::get_if<GetObjectReply>(&*reply) : nullptr;
    if (there == nullptr || !table_.is_responsible(point(object))) return;
    for (const RecordPtr& record : there->records) {
      for (uint8_t replica = 0; replica < kReplicasMax; ++replica) {
        if (object_id(record->name, replica) != object) continue;
        const Result<Change> change = keep(object, {replica, record});
        if (change && *change != Change::none) handed_.insert(object);
      }
    }
  });
}

Result<Reply> Ring::on(const NodeId& peer, const Compare& question) {
  if (state_ != State::joined) return fail(Code::not_found, "this node is in no ring");
  if (!is_near(peer)) return fail(Code::denied, "neighbours compare what they keep");
  Summary own = summarize(objects_, question.from, question.until, at_.wall_ms);
  if (own.until == question.until && digest_of(own) == question.digest) return Ack{};
  return own;
}

}  // namespace themis::ring
