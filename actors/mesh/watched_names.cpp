#include "actors/mesh/watched_names.hpp"

#include <algorithm>

namespace themis::mesh {

WatchedNames::Change WatchedNames::asked(const std::string& name, TimePoint now) {
  if (const auto known = names_.find(name); known != names_.end()) {
    known->second.asked = now;
    return {};
  }
  Change change{.watch = true};
  const auto missing =
      std::ranges::count_if(names_, [](const auto& entry) { return !entry.second.is_provided; });
  const bool too_many_missing = static_cast<size_t>(missing) >= kMissingMax;
  if (too_many_missing || names_.size() >= kNamesMax) {
    auto oldest = names_.end();
    for (auto at = names_.begin(); at != names_.end(); ++at) {
      if (too_many_missing && at->second.is_provided) continue;
      if (oldest == names_.end() || at->second.asked < oldest->second.asked) oldest = at;
    }
    if (now - oldest->second.asked < kIdle) return {};
    change.unwatch = oldest->first;
    names_.erase(oldest);
  }
  names_[name].asked = now;
  return change;
}

bool WatchedNames::told(const std::string& name, bool is_provided) {
  const auto known = names_.find(name);
  if (known == names_.end()) return false;
  known->second.is_provided = is_provided;
  return true;
}

}  // namespace themis::mesh
