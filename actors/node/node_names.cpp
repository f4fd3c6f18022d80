// What a node is asked about names: finding, listing and watching them.

#include <set>

#include "actors/node/node_actor.hpp"
#include "actors/system/caf_error.hpp"

namespace themis {
namespace {

caf::message failure(const Error& error) { return caf::make_message(to_caf(error)); }

}  // namespace

void NodeActor::find(caf::mailbox_element& element, const std::string& name) {
  const uint64_t user = wait(element);
  finding_.emplace(user, Finding{name, ring::is_listing(name)});
  ring_->find(name, user, moment());
}

/// Who provides a name that no record tells of may list it.
void NodeActor::run(const ring::FindDone& done) {
  const auto found = finding_.find(done.user);
  if (found == finding_.end()) return;
  Finding& finding = found->second;
  const bool is_unknown = !done.records && done.records.error().code == Code::not_found;
  if (is_unknown && !std::exchange(finding.in_listings, true))
    return ring_->find(ring::listing_of(finding.name), done.user, moment());
  Result<ring::Records> records = done.records;
  const std::string name = std::move(finding.name);
  const bool is_listed = finding.in_listings && !ring::is_listing(name);
  finding_.erase(found);
  if (records && is_listed) {
    records = ring::listed_in(name, *records);
    if (records->empty()) records = fail(Code::not_found, "nobody provides \"" + name + "\"");
  }
  answer(done.user, records ? caf::make_message(*records) : failure(records.error()));
}

void NodeActor::list(caf::mailbox_element& element, const std::vector<std::string>& names) {
  std::set<size_t> changed;
  Status added;
  for (const std::string& name : names) {
    if (!listing_.add(name)) {
      added = fail(Code::overloaded, "this node lists as many names as it may");
      break;
    }
    changed.insert(ring::Listing::bucket_of(name));
  }
  const uint64_t user = wait(element);
  if (!added || changed.empty())
    answer(user, added ? caf::make_message(caf::unit) : failure(added.error()));
  for (const size_t bucket : changed)
    ring_->provide(ring::Listing::name_of(bucket), ring::Offer(listing_.payload(bucket)),
                   bucket == *changed.rbegin() ? user : ++last_user_, moment());
}

void NodeActor::unlist(const std::string& name) {
  listing_.remove(name);
  const size_t bucket = ring::Listing::bucket_of(name);
  Bytes payload = listing_.payload(bucket);
  if (payload.empty()) return ring_->withdraw(ring::Listing::name_of(bucket), moment());
  ring_->provide(ring::Listing::name_of(bucket), ring::Offer(std::move(payload)), ++last_user_,
                 moment());
}

void NodeActor::watch(caf::mailbox_element& element, const std::string& name) {
  if (element.sender == nullptr) return;
  unwatch(element.sender, name);  // again: it is told once more
  const uint64_t user = ++last_user_;
  watchers_.emplace(user, Watcher{name, caf::actor_cast<caf::weak_actor_ptr>(element.sender)});
  const Status watched = ring_->watch(name, user, moment());
  if (!watched) watchers_.erase(user);
  reply(element, watched ? caf::make_message(caf::unit) : failure(watched.error()));
}

void NodeActor::unwatch(const caf::strong_actor_ptr& watcher, const std::string& name) {
  std::erase_if(watchers_, [&](const auto& entry) {
    const caf::strong_actor_ptr actor = entry.second.actor.lock();
    const bool over = actor == nullptr || (actor == watcher && entry.second.name == name);
    if (over) ring_->unwatch(entry.first);
    return over;
  });
}

void NodeActor::run(const ring::WatchEvent& event) {
  const auto found = watchers_.find(event.user);
  if (found == watchers_.end()) return;
  const caf::strong_actor_ptr actor = found->second.actor.lock();
  if (actor != nullptr) {
    actor->enqueue(ctrl(), caf::make_message_id(),
                   caf::make_message(NameChanged{found->second.name, event.records, event.lost}),
                   &reactor_);
    return;
  }
  ring_->unwatch(event.user);
  watchers_.erase(found);
}

}  // namespace themis
