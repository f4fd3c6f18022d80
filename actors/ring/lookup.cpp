#include "actors/ring/lookup.hpp"

#include <algorithm>

namespace themis::ring {

Lookup::Lookup(const NodeId& self, Point target, Contacts seeds, bool doubts)
    : self_(self), target_(target), doubts_(doubts) {
  candidates_.reserve(kCandidatesMax);
  for (const Contact& seed : seeds) add(seed, 1, false);
}

Lookup Lookup::through(const NodeId& self, const Contact& entry) {
  Lookup lookup(self, Point{self.bytes}, {entry});
  lookup.may_be_alone_ = true;
  return lookup;
}

void Lookup::add(const Contact& contact, unsigned hops, bool last_resort) {
  if (contact.id == self_) return;
  const Distance far = contact.id.is_zero() ? Distance{} : distance(contact.id, target_);
  const auto at =
      std::lower_bound(candidates_.begin(), candidates_.end(), far,
                       [](const Candidate& c, const Distance& d) { return c.to_target < d; });
  if (at != candidates_.end() && at->contact.id == contact.id) return;
  if (hops_of(contact.id) != 0) return;
  candidates_.insert(at, Candidate{far, contact, hops, false, last_resort});
  if (candidates_.size() > kCandidatesMax) candidates_.pop_back();
}

unsigned Lookup::hops_of(const NodeId& asked) const {
  for (const auto& [id, hops] : seen_)
    if (id == asked) return hops;
  return 0;
}

bool Lookup::has_candidate() const {
  return questions_ < kQuestionsMax && std::any_of(candidates_.begin(), candidates_.end(),
                                                   [](const Candidate& c) { return !c.asked; });
}

std::optional<Contact> Lookup::next(std::set<NodeId>* taken) {
  if ((found_ && !doubts_) || in_flight_ >= width_ || questions_ >= kQuestionsMax)
    return std::nullopt;
  std::optional<Contact> contact = ask_first(false, taken);
  if (!contact && in_flight_ == 0) contact = ask_first(true, taken);
  return contact;
}

std::optional<Contact> Lookup::ask_first(bool last_resort, std::set<NodeId>* taken) {
  for (Candidate& candidate : candidates_) {
    if (candidate.asked || candidate.last_resort != last_resort) continue;
    candidate.asked = true;
    if (taken != nullptr && !taken->insert(candidate.contact.id).second) {
      candidate.failed = true;  // it is another path's
      continue;
    }
    if (!candidate.contact.id.is_zero()) seen_.emplace_back(candidate.contact.id, candidate.hops);
    ++in_flight_;
    ++questions_;
    return candidate.contact;
  }
  return std::nullopt;
}

void Lookup::on_reply(const Contact& asked, const FindNodeReply& reply,
                      const std::function<bool(const NodeId&)>& is_suspect) {
  const bool over = done();
  --in_flight_;
  if (over || asked.id == self_ || reply.contacts.empty()) return;
  if (hops_of(asked.id) == 0) seen_.emplace_back(asked.id, 1);  // whoever answered a zero id
  const unsigned hops = hops_of(asked.id);
  if (!reply.responsible) {
    for (const Contact& closer : reply.contacts)
      if (!closer.id.is_zero() && is_between(asked.id, closer.id, target_))
        add(closer, hops + 1, is_suspect && is_suspect(closer.id));
    return;
  }
  const Contact& first = reply.contacts.front();
  if (first.id.is_zero() || !is_in_range(asked.id, target_, first.id)) return;
  if (first.id == asked.id && !(may_be_alone_ && hops == 1)) return;
  for (const Contact& end : reply.contacts)
    if (ends_.size() < kEndsMax) ends_.push_back(end);
  if (!found_)
    found_ = Found{first, {reply.contacts.begin() + 1, reply.contacts.end()}, asked, hops};
}

void Lookup::on_failure(const NodeId& asked) {
  --in_flight_;
  width_ = kInFlightMax;
  for (Candidate& candidate : candidates_)
    if (candidate.contact.id == asked) candidate.failed = true;
}

Contacts Lookup::nodes() const {
  Contacts out;
  for (const Candidate& candidate : candidates_)
    if (!candidate.failed && !candidate.contact.id.is_zero()) out.push_back(candidate.contact);
  return out;
}

Result<Lookup::Found> Lookup::result() const {
  if (found_) return *found_;
  return fail(Code::unavailable, "no node near " + target_.brief() + " answered (" +
                                     std::to_string(questions_) + " asked)");
}

}  // namespace themis::ring
