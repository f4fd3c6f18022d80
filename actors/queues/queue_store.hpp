#pragma once
// The messages that wait on this node, on its disk.

#include "actors/queues/queue_types.hpp"
#include "runtime/store/environment.hpp"

namespace themis {

/// Borrows its environment, which outlives it. Every write is on disk when its call returns, so all
/// of this blocks. One thread.
class QueueStore {
 public:
  /// A message that waits, without its body.
  struct Head {
    std::string queue;
    uint64_t id = 0;
    int64_t due_ms = 0;
    size_t bytes = 0;
  };
  struct Sent {
    std::string queue;
    std::vector<QueuedMessage> messages;
  };
  /// What becomes of the messages of a queue that were delivered.
  struct Fates {
    std::vector<uint64_t> gone;
    std::vector<QueuedMessage> again;  ///< As they shall be from now on.
    std::string dead_queue;            ///< Of `dead`.
    std::vector<QueuedMessage> dead;   ///< With ids of their own.
  };

  /// Errors: those of Environment::table, io.
  static Result<QueueStore> open(storage::Environment& environment);
  /// Sixteen hexadecimal digits, random, of this store for ever.
  const std::string& origin() const { return origin_; }

  /// Everything that waits. A row that cannot be read is logged and left out. Errors: io.
  Result<std::vector<Head>> load() const;
  /// All or nothing. Errors: overloaded (the disk is full), io.
  Status add(const std::vector<Sent>& all);
  /// Those that are there, in the order of `ids`. Errors: io.
  Result<std::vector<QueuedMessage>> read(const std::string& queue,
                                          const std::vector<uint64_t>& ids) const;
  /// At once. Errors: as add.
  Status settle(const std::string& queue, const Fates& fates);

 private:
  explicit QueueStore(storage::Environment& environment) : environment_(&environment) {}

  storage::Environment* environment_;
  storage::Table messages_{};
  std::string origin_;
};

}  // namespace themis
