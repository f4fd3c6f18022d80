// What a Ring provides: its records are signed together, stored, and signed again at each refresh.
#include <algorithm>

#include "actors/ring/ring.hpp"

namespace themis::ring {
namespace {

/// Times that a record is sent to a successor that does not acknowledge it.
constexpr unsigned kStoreTriesMax = 4;
/// Rounds between two times that a copy is stored early because a node that holds it was lost: one
/// that comes and goes costs no more than that.
constexpr int kHastenRounds = 1;
/// Nodes lost within kSilentRounds that are more than one that comes and goes.
constexpr size_t kLostTogether = 4;

}  // namespace

void Ring::provide(std::string name, Offer offer, uint64_t user, Moment at) {
  begin(at);
  const auto refuse = [&](Error why) { effects_.push_back(StoreDone{user, fail(std::move(why))}); };
  Record record = make_record(name, offer);
  if (const Status form = check_form(record); !form) return refuse(form.error());
  if (state_ == State::leaving || state_ == State::left)
    return refuse({Code::unavailable, "this node is leaving the ring"});
  if (!provided_.contains(name) && provided_.size() >= kProvidedMax)
    return refuse({Code::overloaded, "this node provides as many names as it may"});
  if (provided_count() == 0) storing_.next_signing = at.now + jitter(options_.refresh * 4 / 5);
  Provided& provided = provided_[name];
  if (provided.user)
    effects_.push_back(StoreDone{*provided.user, fail(Code::cancelled, "provided again")});
  RecordPtr signed_record = signer_.sign({std::move(record)}, at.wall_ms).front();
  provided =
      Provided{std::move(offer), std::move(signed_record), ++last_id_, {}, user, false, false};
  provided.copies.resize(options_.redundancy + 1u);
  if (state_ == State::joined) queue_due_stores();
  end();
}

void Ring::withdraw(const std::string& name, Moment at) {
  begin(at);
  const auto found = provided_.find(name);
  if (found == provided_.end() || found->second.withdrawn) return;
  take_back({name});
  if (state_ == State::joined) queue_due_stores();
  end();
}

/// Signs withdrawals of `names`, all of which this node provides or has taken back; every copy is
/// due.
void Ring::take_back(const std::vector<std::string>& names) {
  Records records;
  for (const std::string& name : names) {
    records.push_back(make_record(name, {}));
    records.back().withdrawn = true;
  }
  if (records.empty()) return;
  RecordPtrs done = signer_.sign(std::move(records), at_.wall_ms);
  for (RecordPtr& record : done) {
    Provided& provided = provided_.at(record->name);
    if (provided.user)
      effects_.push_back(StoreDone{*provided.user, fail(Code::cancelled, "withdrawn")});
    provided = Provided{{}, std::move(record), ++last_id_, {}, {}, false, true};
    provided.copies.resize(options_.redundancy + 1u);
  }
}

size_t Ring::provided_count() const {
  return static_cast<size_t>(
      std::ranges::count_if(provided_, [](const auto& entry) { return !entry.second.withdrawn; }));
}

/// Expires after three refreshes, so that one may be missed and one be late; see Offer::outlives.
Record Ring::make_record(const std::string& name, const Offer& offer) const {
  Record record;
  record.name = name;
  record.provider = table_.self();
  record.more_addresses = options_.more_addresses;
  const int64_t missed_ms = std::min<int64_t>(3 * to_ms(options_.refresh), kRecordLifetimeMsMax);
  record.expires_ms = at_.wall_ms + (offer.outlives ? kRecordLifetimeMsMax : missed_ms);
  record.weight = offer.weight;
  record.version = offer.version;
  record.labels = offer.labels;
  record.payload = offer.payload;
  record.proof.issued_ms = at_.wall_ms;
  return record;
}

/// One signature for all names, and every copy is due again. A withdrawal lasts no longer for it,
/// and what is stored of it is not due.
void Ring::sign_all() {
  storing_.next_signing = at_.now + jitter(options_.refresh * 4 / 5);
  Records records;
  for (const auto& [name, provided] : provided_)
    records.push_back(provided.withdrawn ? *provided.record : make_record(name, provided.offer));
  if (records.empty()) return;
  RecordPtrs done = signer_.sign(std::move(records), at_.wall_ms);
  size_t next = 0;
  for (auto& [name, provided] : provided_) {
    provided.record = std::move(done[next++]);
    if (provided.withdrawn) continue;
    for (Copy& copy : provided.copies) copy.due = std::min(copy.due, at_.now);
  }
}

/// The lost node kept copies of what this one provides: those are stored again in one of the next
/// rounds instead of at the next refresh. Where many are lost together, so may be all that keep a
/// copy, which this one knows no session with: all copies are stored again.
void Ring::store_again(const NodeId& lost) {
  const TimePoint soon = at_.now + jitter(options_.update_period);
  const bool many = suspects_.size() >= kLostTogether;
  for (auto& [name, provided] : provided_) {
    for (Copy& copy : provided.copies) {
      const bool held = std::ranges::find(copy.holders, lost) != copy.holders.end();
      if (!held && !many) continue;
      const TimePoint from = copy.hastened + kHastenRounds * options_.update_period;
      copy.hastened = std::max(soon, from);
      copy.due = std::min(copy.due, copy.hastened);
      std::erase(copy.holders, lost);
    }
  }
}

void Ring::queue_due_stores() {
  std::erase_if(provided_, [&](const auto& entry) {
    return entry.second.withdrawn && entry.second.record->expires_ms <= at_.wall_ms;
  });
  if (at_.now >= storing_.next_signing) sign_all();
  for (auto& [name, provided] : provided_) {
    for (size_t r = 0; r < provided.copies.size(); ++r) {
      Copy& copy = provided.copies[r];
      if (copy.queued || copy.due > at_.now) continue;
      copy.queued = true;
      storing_.due.push_back({name, static_cast<uint8_t>(r)});
    }
  }
  pump_stores();
}

void Ring::pump_stores() {
  // A store that ends at once (this node is responsible) comes back here: the loop below goes on
  // with the next.
  if (storing_.pumping) return;
  storing_.pumping = true;
  while (!storing_.due.empty() && storing_.in_flight < kStoresInFlightMax) {
    const DueStore due = std::move(storing_.due.front());
    storing_.due.pop_front();
    store_copy(due);
  }
  storing_.pumping = false;
}

void Ring::store_copy(const DueStore& due) {
  const auto found = provided_.find(due.name);
  if (found == provided_.end() || !found->second.copies[due.replica].queued) return;
  ++storing_.in_flight;
  const uint64_t generation = found->second.generation;
  store_at({due.replica, found->second.record}, [this, due, generation](Stored stored) {
    --storing_.in_flight;
    copy_stored(due, generation, std::move(stored));
  });
}

/// A lookup may end a few nodes short of what follows the responsible one: it is asked then.
void Ring::store_at(const Store& store, ThenStored then) {
  const ObjectId object = object_id(store.record->name, store.replica);
  start_lookup(point(object), [this, store, then](Result<Lookup::Found> found) {
    if (!found) return then({fail(std::move(found.error())), false, {}});
    if (found->responsible.id == table_.self().id) found->successors = table_.successors();
    Contacts nodes = holders(*found);
    if (nodes.size() > options_.replicas || found->responsible.id == table_.self().id)
      return send_store(store, std::move(nodes), then);
    ask(found->responsible, GetNeighbours{},
        [this, store, then, found = *found](const NodeId&, Result<Reply>& reply) mutable {
          if (const auto* known = reply ? std::get_if<Neighbours>(&*reply) : nullptr)
            found.successors = known->successors;
          send_store(store, holders(found), then);
        });
  });
}

/// To the responsible node and, so that nothing is lost when that one crashes at once, to the
/// successors that keep a copy. Ends when all have answered, with what the responsible node said.
void Ring::send_store(const Store& store, Contacts nodes, ThenStored then) {
  const uint64_t id = ++last_id_;
  nodes.resize(std::min(nodes.size(), options_.replicas + 1));
  storing_.open.emplace(id, OpenStore{nodes.size(), {{}, true, {}}, std::move(then)});
  for (size_t i = 0; i < nodes.size(); ++i) {
    const NodeId& self = table_.self().id;
    if (nodes[i].id == self) {
      const ObjectId object = object_id(store.record->name, store.replica);
      Result<Reply> reply = keep(object, store).map([&](Change change) {
        return stored_reply(change, object, store);
      });
      store_answered(id, i == 0, self, reply);
      continue;
    }
    ask(nodes[i], store, [this, id, first = i == 0](const NodeId& from, Result<Reply>& reply) {
      store_answered(id, first, from, reply);
    });
  }
}

void Ring::store_answered(uint64_t id, bool responsible, const NodeId& from, Result<Reply>& reply) {
  OpenStore& store = storing_.open.at(id);
  Status status;
  if (!reply) {
    status = fail(std::move(reply.error()));
  } else if (!std::holds_alternative<Ack>(*reply)) {
    status = fail(Code::exists, "a newer record of this node is kept there");
    if (const auto* newer = std::get_if<GetObjectReply>(&*reply)) pass(newer->records);
  } else {
    store.stored.holders.push_back(from);
  }
  if (!status) store.stored.whole = false;
  if (responsible) store.stored.status = std::move(status);
  if (--store.open > 0) return;
  const auto done = storing_.open.extract(id);
  done.mapped().then(std::move(done.mapped().stored));
}

/// `newer`: a record that this node signed with a clock ahead of today's. What it says now comes
/// after that.
void Ring::pass(const RecordPtrs& newer) {
  for (const RecordPtr& record : newer) {
    if (record->provider.id != table_.self().id || !verifier_.verify(*record)) continue;
    if (signer_.pass(record->sequence)) storing_.next_signing = at_.now;
  }
}

void Ring::copy_stored(const DueStore& due, uint64_t generation, Stored result) {
  const auto found = provided_.find(due.name);
  if (found != provided_.end() && found->second.generation == generation) {
    Provided& provided = found->second;
    Copy& copy = provided.copies[due.replica];
    copy.queued = false;
    copy.tried = true;
    // Until it is signed again; what failed is tried again with the next rounds, what a successor
    // has not acknowledged a few times only: the responsible node makes its copies too.
    Status& status = result.status;
    copy.incomplete = status && !result.whole ? copy.incomplete + 1 : 0;
    const bool done = status && copy.incomplete % kStoreTriesMax == 0;
    copy.due = done ? TimePoint::max() : at_.now + jitter(2 * options_.update_period);
    copy.holders = std::move(result.holders);
    provided.stored = provided.stored || status.has_value();
    const bool all_tried = std::all_of(provided.copies.begin(), provided.copies.end(),
                                       [](const Copy& c) { return c.tried; });
    if (provided.user && all_tried) {
      effects_.push_back(StoreDone{*provided.user, provided.stored ? Status{} : std::move(status)});
      provided.user.reset();
    }
    const bool over = std::ranges::all_of(
        provided.copies, [](const Copy& c) { return !c.queued && c.due == TimePoint::max(); });
    if (provided.withdrawn && over) provided_.erase(found);
    if (taking_back_ > 0 && --taking_back_ == 0) push_before_leaving();
  }
  pump_stores();
}

}  // namespace themis::ring
