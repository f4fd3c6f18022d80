#pragma once
// What peers asked under an idempotency key, and what they were answered: a request that is
// repeated runs once.

#include <deque>
#include <unordered_map>
#include <vector>

#include "runtime/crypto/hash.hpp"
#include "wire/frame.hpp"

namespace themis {

/// What a request is answered with: a frame, or the error when there is none.
struct KeyedReply {
  wire::FramePtr frame;
  Error error{Code::internal, ""};
};

/// Pure: time is passed in. Requests are told apart by (peer, key), so no peer sees another's
/// replies. Past a limit a peer's oldest reply goes first, and a repetition of that request runs
/// again; running requests stay. One thread.
class ReplyCache {
 public:
  struct Limits {
    Duration keep = 60s;         ///< A reply is kept so long: a client's retries take seconds.
    size_t peer_entries = 4096;  ///< Of one peer: as many as may run for it in a session.
    size_t peer_bytes = 4 * 1024 * 1024;  ///< Of one peer's replies: two of the longest.
    size_t bytes = 32 * 1024 * 1024;      ///< Of all; past it the peer with the most gives.
    size_t waiters = 16;                  ///< Repetitions that wait for one running request.
  };
  /// Who is told: a request of a session.
  struct Waiter {
    uint64_t session = 0;
    uint64_t request = 0;
    friend bool operator==(const Waiter&, const Waiter&) = default;
  };
  struct Request {
    wire::IdempotencyKey key;
    crypto::Digest content{};  ///< Of everything that makes it this request.
    Waiter waiter;
    /// Running past the latest of those who wait, it counts as failed with Code::timeout.
    TimePoint deadline;
  };
  struct Begun {
    enum class Kind : uint8_t {
      run,       ///< The first: run it, then finish(run).
      joined,    ///< It runs: the waiter is among those that finish() returns.
      answered,  ///< `reply` is what it was answered.
    } kind = Kind::run;
    uint64_t run = 0;
    KeyedReply reply = {};
  };

  ReplyCache() = default;
  explicit ReplyCache(const Limits& limits) : limits_(limits) {}

  /// Errors: invalid (the key was used for another request), overloaded (too many of this peer run,
  /// or wait for this one).
  Result<Begun> begin(const NodeId& peer, const Request& request, TimePoint now);
  /// Keeps the reply and returns who waits for it, the first included. Empty for a run that was
  /// forgotten.
  std::vector<Waiter> finish(uint64_t run, const KeyedReply& reply, TimePoint now);
  /// The waiter gave up. True: the run still goes on, and nobody waits for it.
  bool leave(uint64_t run, const Waiter& waiter);
  /// Forgets what has been kept for long enough, and gives up what runs past its deadline. Called
  /// now and then: begin() looks at the peer's own replies only.
  void expire(TimePoint now);

  size_t entries() const { return runs_.size(); }
  size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    uint64_t run = 0;
    crypto::Digest content{};
    bool done = false;
    TimePoint until;  // running: the deadline; done: the end of its keeping
    KeyedReply reply;
    std::vector<Waiter> waiters;
  };
  struct KeyHash {
    size_t operator()(const wire::IdempotencyKey& key) const {
      return load<size_t>(key.bytes.data());
    }
  };
  struct Peer {
    std::unordered_map<wire::IdempotencyKey, Entry, KeyHash> entries;
    std::deque<wire::IdempotencyKey> done;  // oldest first
    size_t bytes = 0;
  };
  struct Place {
    NodeId peer;
    wire::IdempotencyKey key;
  };
  using Peers = std::unordered_map<NodeId, Peer, RingIdHash>;

  void settle(Peer& peer, const wire::IdempotencyKey& key, KeyedReply reply, TimePoint now);
  void give_up(Peer& peer, const wire::IdempotencyKey& key, TimePoint now);
  void give_up_overdue(Peer& peer, TimePoint now);
  void forget_expired(Peer& peer, TimePoint now);
  void forget_oldest(Peer& peer);
  void keep_within_limits(Peer& peer);

  Limits limits_;
  Peers peers_;
  std::unordered_map<uint64_t, Place> runs_;
  uint64_t last_run_ = 0;
  size_t bytes_ = 0;
};

}  // namespace themis
