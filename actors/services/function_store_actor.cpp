#include "actors/services/function_store_actor.hpp"

#include <caf/all.hpp>

#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"
#include "actors/worker/worker_api.hpp"
#include "runtime/base/log.hpp"

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
      [this](const LoadFunction& wanted) -> caf::result<FunctionCode> {
        if (codes_.size() >= kHostedMax) codes_.clear();
        codes_[wanted.at_workers] = wanted.id;
        auto code = store_.code(wanted.id);
        if (!code) return to_caf(code.error());
        auto cache = store_.code_cache(wanted.id, wanted.at_workers);
        FunctionCode found{std::make_shared<const Bytes>(std::move(*code)), nullptr};
        if (cache && *cache) found.cache = std::make_shared<const Bytes>(std::move(**cache));
        return found;
      },
      [this](const KeepCodeCache& made) {
        const auto known = codes_.find(made.id);
        if (known == codes_.end()) return;
        const Status kept = store_.keep_code_cache(known->second, made.id, *made.cache);
        if (!kept) log::warn("functions", "a code cache is not kept: {}", kept.error().text());
      },
      [this](const DropCode& drop) { return outcome_of(store_.drop_code(drop.id)); },
      [this](const SaveDeployed& save) {
        return outcome_of(store_.save(save.row, *save.source, save.origin));
      },
      [this](const LoadVersions& wanted) -> caf::result<VersionList> {
        auto versions = store_.versions(wanted.name);
        if (!versions) return to_caf(versions.error());
        return VersionList{wanted.name, std::move(*versions)};
      },
      [this](const LoadVersion& wanted) -> caf::result<FunctionStore::Restored> {
        auto restored = store_.load_version(wanted.name, wanted.number);
        if (!restored) return to_caf(restored.error());
        return std::move(*restored);
      },
      [this](const SaveAttempt& save) { return outcome_of(store_.save_attempt(save.row)); },
      [this](const SaveHosted& save) { return outcome_of(store_.save(save.row, *save.source)); },
      [this](const EraseDeployed& erase) { return outcome_of(store_.erase_deployed(erase.name)); },
      [this](const EraseHosted& erase) { return outcome_of(store_.erase_hosted(erase.name)); },
  };
}

}  // namespace themis
