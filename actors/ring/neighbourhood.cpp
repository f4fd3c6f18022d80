#include "actors/ring/neighbourhood.hpp"

#include <algorithm>

namespace themis::ring {

Neighbourhood::Neighbourhood(const NodeId& self, Point target, size_t witnesses)
    : self_(self), target_(target), witnesses_(witnesses) {}

void Neighbourhood::add(const Contacts& contacts) {
  for (const Contact& contact : contacts) add(contact);
}

/// Seen from this node, the circle begins and ends here: a node is on one side of the point only.
void Neighbourhood::add(const Contact& contact) {
  if (contact.id.is_zero()) return;
  const bool is_self = contact.id == self_;
  const bool is_before = !is_self && is_between(self_, contact.id, target_);
  const Distance far = is_before ? distance(contact.id, target_) : distance(target_, contact.id);
  Side& side = is_before ? before_ : after_;
  const auto at = std::ranges::lower_bound(side, far, {}, &Known::far);
  if (at != side.end() && at->contact.id == contact.id) return;
  side.insert(at, Known{far, contact, is_self ? State::answered : State::named});
  if (side.size() <= kKnownMax) return;
  // One that was asked stays, so that its answer is known as such.
  const auto last = std::ranges::find(side.rbegin(), side.rend(), State::named, &Known::state);
  if (last != side.rend()) side.erase(std::next(last).base());
}

std::optional<Contact> Neighbourhood::next() {
  if (in_flight_ >= kInFlightMax) return std::nullopt;
  Known* chosen = choose();
  if (chosen == nullptr) return std::nullopt;
  chosen->state = State::asked;
  ++in_flight_;
  ++questions_;
  return chosen->contact;
}

Neighbourhood::Known* Neighbourhood::choose() {
  if (questions_ >= kQuestionsMax) return nullptr;
  Known* after = choose_after();
  return after != nullptr ? after : choose_before();
}

/// The first ones after the point, until one has answered.
Neighbourhood::Known* Neighbourhood::choose_after() {
  size_t ahead = failures_ || witnesses_ > 0 ? kAheadMax : 1;
  for (Known& known : after_) {
    if (known.state == State::failed) continue;
    if (known.state == State::answered || ahead-- == 0) return nullptr;
    if (known.state == State::named) return &known;
  }
  return nullptr;
}

bool Neighbourhood::anybody_after() const {
  return std::ranges::any_of(after_, [](const Known& k) { return k.state != State::failed; });
}

Neighbourhood::Known* Neighbourhood::choose_before() {
  size_t left = anybody_after() ? witnesses_ : std::max(witnesses_, kWitnessesMin);
  for (Known& known : before_) {
    if (known.state == State::failed) continue;
    if (left-- == 0) return nullptr;
    if (known.state == State::named) return &known;
  }
  return nullptr;
}

void Neighbourhood::settle(const NodeId& asked, State state) {
  --in_flight_;
  for (Side* side : {&before_, &after_})
    for (Known& known : *side)
      if (known.contact.id == asked) known.state = state;
}

void Neighbourhood::on_reply(const NodeId& asked, const Neighbours& reply) {
  settle(asked, State::answered);
  if (reply.predecessor) add(*reply.predecessor);
  add(reply.successors);
}

void Neighbourhood::on_failure(const NodeId& asked) {
  settle(asked, State::failed);
  failures_ = true;
}

Result<Contacts> Neighbourhood::result() const {
  Contacts out;
  for (const Known& known : after_) {
    if (known.state == State::failed || (out.empty() && known.state != State::answered)) continue;
    if (out.size() <= kSuccessorsMax) out.push_back(known.contact);
  }
  if (!out.empty()) return out;
  return fail(Code::unavailable, "no node at or after " + target_.brief() + " answered (" +
                                     std::to_string(questions_) + " asked)");
}

}  // namespace themis::ring
