#include "actors/peer/reply_cache.hpp"

#include <algorithm>

namespace themis {
namespace {

/// What an entry takes besides its reply.
constexpr size_t kEntryBytes = 256;

size_t cost(const KeyedReply& reply) {
  return kEntryBytes + (reply.frame ? reply.frame->size() : reply.error.detail.size());
}

/// A frame of a peer is on its session's account: a copy is kept, and the account is freed.
KeyedReply own(const KeyedReply& reply) {
  if (!reply.frame || reply.frame->peer() == nullptr) return reply;
  KeyedReply copy{wire::Frame::make(reply.frame->words()), {}};
  std::ranges::copy(reply.frame->bytes(), copy.frame.writable()->data());
  copy.frame.writable()->set_type(reply.frame->type());
  return copy;
}

}  // namespace

Result<ReplyCache::Begun> ReplyCache::begin(const NodeId& id, const Request& request,
                                            TimePoint now) {
  Peer& peer = peers_[id];
  forget_expired(peer, now);
  const auto found = peer.entries.find(request.key);
  if (found != peer.entries.end()) {
    Entry& entry = found->second;
    if (entry.content != request.content)
      return fail(Code::invalid, "this idempotency key was used for another request");
    if (!entry.done && entry.until <= now) {
      give_up(peer, request.key, now);
      return begin(id, request, now);
    }
    if (entry.done) return Begun{Begun::Kind::answered, entry.run, entry.reply};
    if (entry.waiters.size() >= limits_.waiters)
      return fail(Code::overloaded, "this request was repeated too often while it runs");
    entry.waiters.push_back(request.waiter);
    entry.until = std::max(entry.until, request.deadline);
    return Begun{Begun::Kind::joined, entry.run};
  }
  if (peer.entries.size() >= limits_.peer_entries) {
    if (peer.done.empty()) give_up_overdue(peer, now);
    if (peer.done.empty())
      return fail(Code::overloaded, "too many requests with idempotency keys run for this peer");
    forget_oldest(peer);
  }
  const uint64_t run = ++last_run_;
  runs_.emplace(run, Place{id, request.key});
  peer.entries.emplace(request.key,
                       Entry{run, request.content, false, request.deadline, {}, {request.waiter}});
  return Begun{Begun::Kind::run, run};
}

std::vector<ReplyCache::Waiter> ReplyCache::finish(uint64_t run, const KeyedReply& reply,
                                                   TimePoint now) {
  const auto place = runs_.find(run);
  if (place == runs_.end()) return {};
  const wire::IdempotencyKey key = place->second.key;  // the limits may end the entry at once
  Peer& peer = peers_.at(place->second.peer);
  std::vector<Waiter> waiters = std::exchange(peer.entries.at(key).waiters, {});
  settle(peer, key, own(reply), now);
  return waiters;
}

bool ReplyCache::leave(uint64_t run, const Waiter& waiter) {
  const auto place = runs_.find(run);
  if (place == runs_.end()) return false;
  Entry& entry = peers_.at(place->second.peer).entries.at(place->second.key);
  return !entry.done && std::erase(entry.waiters, waiter) > 0 && entry.waiters.empty();
}

void ReplyCache::settle(Peer& peer, const wire::IdempotencyKey& key, KeyedReply reply,
                        TimePoint now) {
  Entry& entry = peer.entries.at(key);
  if (!entry.done) peer.done.push_back(key);
  const size_t before = entry.done ? cost(entry.reply) : 0;
  peer.bytes += cost(reply) - before;
  bytes_ += cost(reply) - before;
  entry.done = true;
  entry.until = now + limits_.keep;
  entry.reply = std::move(reply);
  keep_within_limits(peer);
}

/// Those who wait have deadlines of their own, and were told.
void ReplyCache::give_up(Peer& peer, const wire::IdempotencyKey& key, TimePoint now) {
  peer.entries.at(key).waiters.clear();
  settle(peer, key, {{}, {Code::timeout, "no answer in time; the outcome is not known"}}, now);
}

void ReplyCache::give_up_overdue(Peer& peer, TimePoint now) {
  std::vector<wire::IdempotencyKey> overdue;
  for (const auto& [key, entry] : peer.entries)
    if (!entry.done && entry.until <= now) overdue.push_back(key);
  for (const wire::IdempotencyKey& key : overdue) give_up(peer, key, now);
}

void ReplyCache::forget_expired(Peer& peer, TimePoint now) {
  while (!peer.done.empty() && peer.entries.at(peer.done.front()).until <= now) forget_oldest(peer);
}

void ReplyCache::forget_oldest(Peer& peer) {
  const auto oldest = peer.entries.find(peer.done.front());
  peer.done.pop_front();
  peer.bytes -= cost(oldest->second.reply);
  bytes_ -= cost(oldest->second.reply);
  runs_.erase(oldest->second.run);
  peer.entries.erase(oldest);
}

void ReplyCache::keep_within_limits(Peer& peer) {
  while (peer.bytes > limits_.peer_bytes) forget_oldest(peer);
  while (bytes_ > limits_.bytes)
    forget_oldest(std::ranges::max_element(peers_, {}, [](const auto& entry) {
                    return entry.second.bytes;
                  })->second);
}

void ReplyCache::expire(TimePoint now) {
  for (auto peer = peers_.begin(); peer != peers_.end();) {
    Peer& its = peer->second;
    give_up_overdue(its, now);
    forget_expired(its, now);
    peer = its.entries.empty() ? peers_.erase(peer) : std::next(peer);
  }
}

}  // namespace themis
