#include "actors/services/function_store_actor.hpp"

#include <caf/all.hpp>

#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"

namespace themis {
namespace {

caf::result<caf::unit_t> outcome_of(const Status& status) {
  if (!status) return to_caf(status.error());
  return caf::unit;
}

}  // namespace

caf::behavior FunctionStoreActor::make_behavior() {
  set_default_handlers(*this);
  return {
      [this](const LoadInventory&) -> caf::result<FunctionStore::Inventory> {
        auto all = store_.load();
        if (!all) return to_caf(all.error());
        return std::move(*all);
      },
      [this](const PutCode& put) { return outcome_of(store_.put_code(*put.source)); },
      [this](const LoadCode& wanted) -> caf::result<CodePtr> {
        auto code = store_.code(wanted.id);
        if (!code) return to_caf(code.error());
        return std::make_shared<const Bytes>(std::move(*code));
      },
      [this](const DropCode& drop) { return outcome_of(store_.drop_code(drop.id)); },
      [this](const SaveDeployed& save) { return outcome_of(store_.save(save.row, *save.source)); },
      [this](const SaveAttempt& save) { return outcome_of(store_.save_attempt(save.row)); },
      [this](const SaveHosted& save) { return outcome_of(store_.save(save.row, *save.source)); },
      [this](const EraseDeployed& erase) { return outcome_of(store_.erase_deployed(erase.name)); },
      [this](const EraseHosted& erase) { return outcome_of(store_.erase_hosted(erase.name)); },
  };
}

}  // namespace themis
