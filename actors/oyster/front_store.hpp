#pragma once
// What an Oyster front keeps on disk: its bill, the last claim, and that it takes no requests.

#include <caf/allowed_unsafe_message_type.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actors/system/pool_actor.hpp"
#include "runtime/oyster/bill.hpp"
#include "runtime/store/environment.hpp"

namespace themis {

/// Borrows its environment, which outlives it. Every write is on disk when its call returns, so all
/// of this blocks. One thread.
class FrontStore {
 public:
  struct Kept {
    std::map<oyster::Bill::Hash, uint64_t> costs;
    std::string latest;  ///< JSON; empty: nothing was claimed.
    bool is_unregistered = false;
  };
  /// All of it or nothing.
  struct Change {
    std::vector<std::pair<oyster::Bill::Hash, uint64_t>> costs;  ///< In all; 0: none any more.
    std::optional<std::string> latest = {};
    std::optional<bool> is_unregistered = {};
  };

  /// Errors: those of Environment::table.
  static Result<FrontStore> open(storage::Environment& environment);
  /// Errors: io; malformed (a row that is none: a bill is not guessed).
  Result<Kept> load() const;
  /// Errors: overloaded, io.
  Status save(const Change& change);

 private:
  FrontStore(storage::Environment& environment, storage::Table table)
      : environment_(&environment), table_(table) {}

  storage::Environment* environment_;
  storage::Table table_;
};

/// -> caf::unit. Errors: those of FrontStore::save.
struct SaveFront {
  FrontStore::Change change;
};

/// The store as an actor of the scheduler's pool: the reactor must not wait for the disk. Answers
/// in the order of the requests.
class FrontStoreActor final : public PoolActor {
 public:
  FrontStoreActor(caf::actor_config& config, FrontStore store) : PoolActor(config), store_(store) {}
  const char* name() const override { return "oyster-store"; }

 private:
  caf::behavior make_behavior() override;

  FrontStore store_;
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::SaveFront)
