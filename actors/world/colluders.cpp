#include "actors/world/colluders.hpp"

#include <algorithm>

#include "actors/ring/record_signer.hpp"
#include "actors/ring/ring_effects.hpp"

namespace themis::ring {
namespace {

/// One answer in so many is silence: an asker waits for its timeout.
constexpr uint64_t kSilentOneIn = 5;
/// What forged records claim: half an hour.
constexpr int64_t kForgedLifetimeMs = 1'800'000;

}  // namespace

void Colluders::add(const Contact& self, const wire::Identity& identity) {
  std::erase_if(ordered_, [&](const Contact& each) { return each.address == self.address; });
  ordered_.insert(std::ranges::lower_bound(ordered_, self.id, {}, &Contact::id), self);
  identities_[self.address] = &identity;
}

bool Colluders::contains(const NodeId& id) const {
  return std::ranges::binary_search(ordered_, id, {}, &Contact::id);
}

Contacts Colluders::after(const Point& from, size_t count) const {
  const auto first = std::ranges::lower_bound(
      ordered_, from.bytes, {}, [](const Contact& contact) { return contact.id.bytes; });
  Contacts out;
  for (size_t n = 0; n < std::min(count, ordered_.size()); ++n)
    out.push_back(ordered_[(static_cast<size_t>(first - ordered_.begin()) + n) % ordered_.size()]);
  return out;
}

Contacts Colluders::before(const Point& to, const NodeId& from, size_t count) const {
  const auto end = std::ranges::lower_bound(
      ordered_, to.bytes, {}, [](const Contact& contact) { return contact.id.bytes; });
  const auto at = static_cast<size_t>(end - ordered_.begin());
  Contacts out;
  for (size_t n = 1; n <= ordered_.size() && out.size() < count; ++n) {
    const Contact& contact = ordered_[(at + ordered_.size() - n) % ordered_.size()];
    if (!is_between(from, contact.id, to)) break;
    out.push_back(contact);
  }
  return out;
}

/// Half of the time the end is a lie; else the asker is led on among colluders.
Reply Colluders::find_node(const NodeId& self, const Point& target) {
  const Contacts closer = before(target, self, kCloserMax);
  if (!closer.empty() && rng_.below(2) == 0) return FindNodeReply{false, closer};
  return FindNodeReply{true, after(target, RingOptions{}.successors)};
}

std::optional<Result<Reply>> Colluders::answer(const NodeId& self, const Question& question,
                                               int64_t wall_ms) {
  if (!contains(self) || ordered_.size() < 2) return std::nullopt;
  if (std::holds_alternative<Ping>(question)) return Reply{Ack{}};
  if (rng_.below(kSilentOneIn) == 0) return Result<Reply>(fail(Code::timeout, "says nothing"));
  if (const auto* find = std::get_if<FindNode>(&question)) return find_node(self, find->target);
  if (std::holds_alternative<GetNeighbours>(question) || std::holds_alternative<Notify>(question)) {
    Contacts successors = after(point(self), RingOptions{}.successors + 1);
    successors.erase(successors.begin());
    return Reply{Neighbours{before(point(self), self, 1).front(), std::move(successors)}};
  }
  if (const auto* store = std::get_if<Store>(&question))
    names_[object_id(store->record->name, store->replica)] = store->record->name;
  if (const auto* get = std::get_if<GetObject>(&question))
    return Reply{GetObjectReply{
        names_.contains(get->object) ? RecordPtrs{forged(get->object, wall_ms)} : RecordPtrs{}}};
  if (const auto* watch = std::get_if<Watch>(&question); watch != nullptr)
    return Reply{GetObjectReply{}};
  return Reply{Ack{}};
}

/// Says that an honest node provides the name somewhere else, or takes it back, with a signature
/// that is not that node's.
RecordPtr Colluders::forged(const ObjectId& object, int64_t wall_ms) {
  Record record;
  record.name = names_.at(object);
  record.provider = {victim_, ordered_.front().address};
  record.sequence = UINT64_MAX;
  record.expires_ms = wall_ms + kForgedLifetimeMs;
  record.withdrawn = rng_.below(2) == 0;
  Records records{std::move(record)};
  return sign_records(*identities_.at(ordered_.front().address), std::move(records), wall_ms)
      .front();
}

}  // namespace themis::ring
