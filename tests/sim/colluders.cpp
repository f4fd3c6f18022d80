#include "tests/sim/colluders.hpp"

#include <algorithm>

namespace themis::ring {
namespace {

/// One answer in so many is silence: an asker waits for its timeout.
constexpr uint64_t kSilentOneIn = 5;

}  // namespace

void Colluders::begin(double share) {
  is_one_.assign(world_.size(), false);
  for (const size_t i : world_.members()) {
    if (i == 0 || world_.world().rng().unit() >= share) continue;
    is_one_[i] = true;
    ordered_.push_back(world_.ring(i).table().self());
  }
  std::ranges::sort(ordered_, {}, &Contact::id);
  world_.liar = [this](size_t i, const Question& question) { return answer(i, question); };
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
  if (!closer.empty() && world_.world().rng().below(2) == 0) return FindNodeReply{false, closer};
  return FindNodeReply{true, after(target, RingOptions{}.successors)};
}

std::optional<Result<Reply>> Colluders::answer(size_t i, const Question& question) {
  if (!is_one_[i] || ordered_.size() < 2) return std::nullopt;
  if (std::holds_alternative<Ping>(question)) return Reply{Ack{}};
  if (world_.world().rng().below(kSilentOneIn) == 0)
    return Result<Reply>(fail(Code::timeout, "says nothing"));
  const NodeId& self = world_.node(i).id;
  if (const auto* find = std::get_if<FindNode>(&question)) return find_node(self, find->target);
  if (std::holds_alternative<GetNeighbours>(question) || std::holds_alternative<Notify>(question)) {
    Contacts successors = after(point(self), RingOptions{}.successors + 1);
    successors.erase(successors.begin());
    return Reply{Neighbours{before(point(self), self, 1).front(), std::move(successors)}};
  }
  if (const auto* store = std::get_if<Store>(&question))
    names_[object_id(store->record->name, store->replica)] = store->record->name;
  if (const auto* get = std::get_if<GetObject>(&question))
    return Reply{GetObjectReply{names_.contains(get->object) ? RecordPtrs{forged(get->object)}
                                                             : RecordPtrs{}}};
  if (const auto* watch = std::get_if<Watch>(&question); watch != nullptr)
    return Reply{GetObjectReply{}};
  return Reply{Ack{}};
}

/// Says that an honest node provides the name somewhere else, or takes it back, with a signature
/// that is not that node's.
RecordPtr Colluders::forged(const ObjectId& object) {
  Record record;
  record.name = names_.at(object);
  record.provider = {world_.node(0).id, ordered_.front().address};
  record.sequence = UINT64_MAX;
  record.expires_ms = sim::World::kWallStartMs + 1'800'000;
  record.withdrawn = world_.world().rng().below(2) == 0;
  Records records{std::move(record)};
  return sign_records(*world_.node(world_.index_of(ordered_.front().id)).identity,
                      std::move(records), sim::World::kWallStartMs)
      .front();
}

}  // namespace themis::ring
