// Both sides of a watch: names this node wants to hear of, and objects it tells others about.
#include <algorithm>

#include "actors/ring/ring.hpp"

namespace themis::ring {
namespace {

/// Looking through all watchers is worth it now and then only.
constexpr unsigned kWatchSweepRounds = 16;
/// Rounds after which a holder that has too many watchers is asked again.
constexpr int kUntoldRounds = 4;
/// One lost message is no watcher that has gone.
constexpr unsigned kTellTries = 2;

}  // namespace

Status Ring::watch(std::string name, uint64_t user, Moment at) {
  begin(at);
  if (watches_.size() >= kWatchesMax)
    return fail(Code::overloaded, "this node watches as many names as it may");
  unwatch(user);
  watching_.emplace(name, user);
  Watching& watching = watches_[user];
  watching.user = user;
  watching.name = std::move(name);
  watching.replica = static_cast<uint8_t>(rng_.below(options_.redundancy + 1u));
  if (state_ == State::joined) ask_to_watch(user);
  end();
  return {};
}

void Ring::unwatch(uint64_t user) {
  const auto watching = watches_.extract(user);
  if (watching.empty()) return;
  const auto [first, last] = watching_.equal_range(watching.mapped().name);
  watching_.erase(std::find_if(first, last, [&](const auto& w) { return w.second == user; }));
}

/// A copy of the name may lack what another one has: finds and watches tell each other.
void Ring::share_with_watches(Find& find) {
  const auto [first, last] = watching_.equal_range(find.name);
  for (auto at = first; at != last; ++at) {
    Watching& watching = watches_.at(at->second);
    merge(find.newest, find.name, watching.newest);
    watched_changed(watching, find.newest);
  }
}

void Ring::session_lost(const NodeId& peer, Moment at) {
  begin(at);
  tell_lost(peer);
  for (auto& [user, watching] : watches_)
    if (watching.holder == peer) watching.due = at.now;
  if (state_ == State::joined) renew_watches();
  end();
}

/// Each refresh, which is also a find; and what expired is told without anybody's word.
void Ring::renew_watches() {
  if (round_ % kWatchSweepRounds == 0) watchers_.expire(at_.now);
  std::vector<uint64_t> due;
  for (auto& [user, watching] : watches_) {
    if (watching.told) watched_changed(watching, {});
    if (!watching.asking && watching.due <= at_.now) due.push_back(user);
  }
  for (const uint64_t user : due) ask_to_watch(user);
}

void Ring::ask_to_watch(uint64_t user) {
  Watching& watching = watches_.at(user);
  watching.asking = true;
  const ObjectId object = watching.object = object_id(watching.name, watching.replica);
  start_lookup(point(object), [this, user, object](Result<Lookup::Found> found) {
    if (!found) return watch_answered(user, {}, nullptr);
    if (found->responsible.id == table_.self().id) {
      const GetObjectReply own{objects_.get(object, at_.wall_ms, rng_.next()), true};
      return watch_answered(user, table_.self().id, &own);
    }
    ask(found->responsible, Watch{object, table_.self()},
        [this, user](const NodeId& from, Result<Reply>& reply) {
          watch_answered(user, from, reply ? std::get_if<GetObjectReply>(&*reply) : nullptr);
        });
  });
}

/// `answer`: nullptr when nobody gave one; then the holder of the next copy is asked.
void Ring::watch_answered(uint64_t user, const NodeId& holder, const GetObjectReply* answer) {
  const auto found = watches_.find(user);
  if (found == watches_.end()) return;
  Watching& watching = found->second;
  watching.asking = false;
  if (answer == nullptr) {
    watching.holder = {};
    watching.replica = static_cast<uint8_t>((watching.replica + 1) % (options_.redundancy + 1));
    watching.due = at_.now + jitter(options_.update_period);
    return;
  }
  watching.holder = holder;
  watching.due = at_.now + jitter(answer->watched ? options_.refresh * 4 / 5
                                                  : kUntoldRounds * options_.update_period);
  watched_changed(watching, answer->records);
}

/// Tells when what lives differs from what was told last, or may be gone.
void Ring::watched_changed(Watching& watching, const RecordPtrs& records,
                           const std::vector<NodeId>& lost) {
  std::erase_if(watching.newest,
                [&](const RecordPtr& record) { return record->expires_ms <= at_.wall_ms; });
  merge(watching.newest, watching.name, records);
  RecordPtrs live;
  std::ranges::copy_if(watching.newest, std::back_inserter(live),
                       [](const RecordPtr& record) { return !record->withdrawn; });
  std::ranges::sort(live, {}, [](const RecordPtr& record) { return record->provider.id; });
  const auto same = [](const RecordPtr& a, const RecordPtr& b) { return same_content(*a, *b); };
  WatchEvent event{watching.user, {}};
  std::ranges::copy_if(lost, std::back_inserter(event.lost), [&live](const NodeId& provider) {
    return std::ranges::any_of(live, [&](const auto& r) { return r->provider.id == provider; });
  });
  if (event.lost.empty() && watching.told && std::ranges::equal(*watching.told, live, same)) return;
  for (const RecordPtr& record : live) event.records.push_back(*record);
  effects_.push_back(std::move(event));
  watching.told = std::move(live);
}

void Ring::tell_watchers(const ObjectId& object, const RecordPtr& changed) {
  for (const Contact& watcher : watchers_.changed(object))
    tell(object, watcher, {changed, {}}, kTellTries);
  for (auto& [user, watching] : watches_)
    if (watching.holder == table_.self().id && object_id(watching.name, watching.replica) == object)
      watched_changed(watching, objects_.get(object, at_.wall_ms, 0));
}

/// `provider` may be gone: who watches what it provides, here or elsewhere, sees for itself.
void Ring::tell_lost(const NodeId& provider) {
  if (objects_.has(provider))
    for (const ObjectId& object : watchers_.objects())
      if (objects_.has(object, provider))
        for (const Contact& watcher : watchers_.changed(object))
          tell(object, watcher, {{}, {provider}}, kTellTries);
  const auto is_of = [&](const RecordPtr& record) { return record->provider.id == provider; };
  for (auto& [user, watching] : watches_)
    if (watching.told && std::ranges::any_of(*watching.told, is_of))
      watched_changed(watching, {}, {provider});
}

/// `object` is kept by others from now on.
void Ring::send_watchers_away(const ObjectId& object, const Then& then) {
  for (const Contact& watcher : watchers_.remove_all(object))
    ask(watcher, Changed{object, {}, true}, then);
}

/// What changed comes first: the object may have more providers than one message. A watcher that
/// does not answer twice, or no longer wants to know, is forgotten.
void Ring::tell(const ObjectId& object, const Contact& watcher, const News& news, unsigned tries) {
  RecordPtrs records = objects_.get(object, at_.wall_ms, rng_.next());
  if (news.changed != nullptr) {
    std::erase(records, news.changed);
    records.insert(records.begin(), news.changed);
    records.resize(std::min(records.size(), kRecordsPerReplyMax));
  }
  ask(watcher, Changed{object, std::move(records), false, news.lost},
      [this, object, watcher, news, tries](const NodeId& from, Result<Reply>& reply) {
        if (!reply && from.is_zero() && tries > 1) return tell(object, watcher, news, tries - 1);
        if (!reply) return watchers_.remove(object, watcher.id);
        if (watchers_.acknowledged(object, watcher.id)) tell(object, watcher, {}, kTellTries);
      });
}

}  // namespace themis::ring
