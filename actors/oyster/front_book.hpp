#pragma once
// The bill and the state of an Oyster front, of which nothing is said before it is on disk.

#include <caf/actor.hpp>
#include <caf/event_based_actor.hpp>
#include <functional>
#include <set>

#include "actors/oyster/front_store.hpp"

namespace themis {

/// Part of the front's actor; its thread only. What changes while the disk is busy goes to it
/// together, in one transaction. After a failed write the change stays in memory and goes along
/// with the next one, but for claims, which are undone: they were not answered.
class FrontBook {
 public:
  using Then = std::function<void(const Status&)>;
  using Claimed = std::function<void(http::Response)>;

  explicit FrontBook(caf::event_based_actor& actor) : actor_(actor) {}

  /// Once. Reads what was kept; blocks. Errors: those of FrontStore.
  Status open(storage::Environment& environment);
  /// The same with what was read, and who takes SaveFront.
  void start(FrontStore::Kept kept, caf::actor store);
  const oyster::Bill& bill() const { return bill_; }
  bool is_unregistered() const { return is_unregistered_; }

  /// `then` is called once, when the cost is on disk, unless the actor ends before. Errors of it:
  /// overloaded, io.
  void charge(const oyster::Bill::Hash& transaction, uint64_t cost, Then then);
  /// Answers POST /billing/export; a claim when it is on disk.
  void claim(std::string_view body, const crypto::RecoverableKey& key, Claimed then);
  void set_unregistered(bool is_unregistered, Then then);
  /// `then` is called once nothing is left to be written.
  void when_idle(std::function<void()> then);
  void stop();

 private:
  struct Batch {
    std::set<oyster::Bill::Hash> costs;
    std::vector<std::pair<oyster::Bill::Claim, Claimed>> claims;
    std::vector<Then> waiting;
    bool has_state = false;   ///< is_unregistered_ changed.
    bool has_latest = false;  ///< A claim was undone: the disk may have it.
    bool is_empty() const { return costs.empty() && waiting.empty() && !has_state; }
  };

  void flush();
  void kept(const Batch& batch);
  void failed(const Batch& batch, const Error& why);

  caf::event_based_actor& actor_;
  caf::actor store_;
  oyster::Bill bill_;
  bool is_unregistered_ = false;
  Batch next_;
  bool is_writing_ = false;
  std::function<void()> idle_;
};

}  // namespace themis
