#pragma once
// The queues of a node: keeps what its functions send until a function has accepted it.

#include <caf/response_promise.hpp>

#include "actors/node/node_api.hpp"
#include "actors/queues/queue_api.hpp"
#include "actors/queues/queue_book.hpp"
#include "actors/queues/queue_store.hpp"
#include "actors/system/pool_actor.hpp"
#include "function.capnp.h"
#include "runtime/base/clock.hpp"
#include "wire/msg.hpp"

namespace themis {

struct QueueOptions {
  storage::Environment* environment = nullptr;  ///< Outlives the actor.
  caf::actor gate;                              ///< A FunctionGate: calls the consumers.
  const Clock* clock = nullptr;                 ///< Outlives the actor.
  /// Between two looks at what is due while something waits; zero: who tests sends the ticks.
  Duration tick = 200ms;
};

/// Answers Msg<schema::Invoke>, whose `function` is "queue/" and a queue's name and whose body is
/// what parse_send reads, with an empty 200 when the messages are on disk: those of all sends that
/// came meanwhile at once. Errors: malformed, too_large, overloaded, io.
///
/// A message is delivered at least once: it stays on disk until a handler has accepted it, or it
/// was refused more often than its consumer allows, or a call of that consumer failed so often. It
/// waits on the node of whoever sent it, and for as long as that node is down. A queue has one
/// batch under way from each node. UseNode says through whom consumers are found.
class QueueActor final : public PoolActor {
 public:
  /// A queue that nobody takes messages of is looked for again after this.
  static constexpr Duration kLookInterval = 5s;
  /// Sends that wait for one commit.
  static constexpr size_t kSendsMax = 1024;

  QueueActor(caf::actor_config& config, QueueOptions options, QueueStore store)
      : PoolActor(config), options_(std::move(options)), store_(std::move(store)) {}
  const char* name() const override { return "queues"; }
  void on_exit() override;

 private:
  using InvokeMsg = wire::Msg<schema::Invoke>;
  using OutcomeMsg = wire::Msg<schema::Outcome>;
  struct Send {
    QueueStore::Sent sent;
    caf::typed_response_promise<OutcomeMsg> promise;
  };
  /// What is known of a queue with messages.
  struct Line {
    std::optional<ConsumerRecord> consumer;
    int64_t looked_ms = 0;  ///< When the ring was asked for it.
    bool is_busy = false;   ///< A look or a batch is under way.
  };

  caf::behavior make_behavior() override;
  Status load();
  caf::result<OutcomeMsg> take(const InvokeMsg& invoke);
  uint64_t next_id(int64_t now_ms);
  void commit();
  void tick();
  void look_later();
  void deliver(const std::string& queue);
  void find_consumer(const std::string& queue);
  void call(const std::string& queue, const std::vector<uint64_t>& ids);
  void answered(const std::string& queue, const std::vector<QueuedMessage>& batch,
                const OutcomeMsg& outcome);
  void failed(const std::string& queue, const std::vector<QueuedMessage>& batch, const Error& why);
  void settle(const std::string& queue, const std::vector<QueuedMessage>& batch,
              const std::vector<Verdict>& verdicts);
  void put_back(const std::string& queue, const std::vector<QueuedMessage>& batch);

  QueueOptions options_;
  QueueStore store_;
  QueueBook book_;
  caf::actor node_;
  std::map<std::string, Line> lines_;
  std::vector<Send> sends_;
  uint64_t last_id_ = 0;
  QueueReport counts_;
  bool tick_armed_ = false;
};

/// Opens the store and starts the actor on the scheduler's pool. Errors: those of QueueStore.
Result<caf::actor> spawn_queues(caf::actor_system& system, QueueOptions options);

}  // namespace themis
