#pragma once
// The function store as an actor of the scheduler's pool: its writes wait for the disk, which the
// reactor must not.

#include <caf/allowed_unsafe_message_type.hpp>
#include <map>
#include <memory>

#include "actors/services/function_api.hpp"
#include "actors/services/function_store.hpp"
#include "actors/system/pool_actor.hpp"

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
/// What an instance is loaded from. -> FunctionCode.
struct LoadFunction {
  CodeId id{};
  CodeId at_workers{};
};
struct FunctionCode {
  CodePtr source;
  CodePtr cache;  ///< Null: there is none.
};
/// -> caf::unit.
struct DropCode {
  CodeId id{};
};
/// -> caf::unit.
struct SaveAttempt {
  HostedRow row;
};
/// -> caf::unit.
struct SaveDeployed {
  DeployedRow row;
  CodePtr source;
  FunctionStore::Origin origin = {};
};
/// -> VersionList.
struct LoadVersions {
  std::string name;
};
/// -> FunctionStore::Restored.
struct LoadVersion {
  std::string name;
  std::optional<uint32_t> number;
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

/// Takes KeepCodeCache of worker_api.hpp too, of functions that it was asked for with LoadFunction.
class FunctionStoreActor final : public PoolActor {
 public:
  FunctionStoreActor(caf::actor_config& config, FunctionStore store)
      : PoolActor(config), store_(std::move(store)) {}
  const char* name() const override { return "function-store"; }

 private:
  caf::behavior make_behavior() override;

  FunctionStore store_;
  /// The codes of what was loaded, by the id at the workers; more than kHostedMax are forgotten.
  std::map<CodeId, CodeId> codes_;
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::LoadInventory)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::FunctionStore::Inventory)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::PutCode)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::LoadCode)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::CodePtr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::LoadFunction)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::FunctionCode)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::DropCode)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::SaveDeployed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::LoadVersions)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::LoadVersion)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::FunctionStore::Restored)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::SaveAttempt)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::SaveHosted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::EraseDeployed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::EraseHosted)
