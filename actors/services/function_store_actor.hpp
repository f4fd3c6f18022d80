#pragma once
// The function store as an actor of the scheduler's pool: its writes wait for the disk, which the
// reactor must not.

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/event_based_actor.hpp>
#include <memory>

#include "actors/services/function_store.hpp"

namespace themis {

using CodePtr = std::shared_ptr<const Bytes>;

// What it is asked; see FunctionStore for effects and errors. Answers in the order of the requests.

/// -> FunctionStore::Inventory.
struct LoadInventory {};
/// -> caf::unit.
struct PutCode {
  CodePtr source;
};
/// -> CodePtr.
struct LoadCode {
  CodeId id{};
};
/// -> caf::unit.
struct DropCode {
  CodeId id{};
};
/// -> caf::unit.
struct SaveDeployed {
  DeployedRow row;
  CodePtr source;
};
struct SaveHosted {
  HostedRow row;
  CodePtr source;
};
/// -> caf::unit.
struct EraseDeployed {
  std::string name;
};
struct EraseHosted {
  std::string name;
};

/// CAF runs a receiver where its sender runs; this one goes to the pool whoever sends.
class FunctionStoreActor final : public caf::event_based_actor {
 public:
  FunctionStoreActor(caf::actor_config& config, FunctionStore store)
      : caf::event_based_actor(config), store_(std::move(store)) {}
  const char* name() const override { return "function-store"; }

  void enqueue(caf::mailbox_element_ptr element, caf::execution_unit*) override;
  void enqueue(caf::strong_actor_ptr from, caf::message_id id, caf::message message,
               caf::execution_unit*) override;

 private:
  caf::behavior make_behavior() override;

  FunctionStore store_;
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::LoadInventory)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::FunctionStore::Inventory)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::PutCode)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::LoadCode)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::CodePtr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::DropCode)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::SaveDeployed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::SaveHosted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::EraseDeployed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::EraseHosted)
