#pragma once
// Connections by where they come from, and whose turn it is to make room.

#include <string>
#include <unordered_map>
#include <unordered_set>

#include "runtime/base/rng.hpp"

namespace themis {

/// Who has most makes room, so who opens many connections competes with itself: one address cannot
/// keep others out, and however many addresses call, no newcomer is a surer victim than they are.
/// Pure; one thread. Whoever adds bounds it by what crowd() says.
class SiteTable {
 public:
  using Id = uint64_t;
  using Ids = std::unordered_set<Id>;

  /// Does nothing for one that is there.
  void add(const std::string& site, Id id) { size_ += sites_[site].insert(id).second ? 1 : 0; }
  /// Does nothing for one that is not there.
  void erase(const std::string& site, Id id) {
    const auto found = sites_.find(site);
    if (found == sites_.end()) return;
    size_ -= found->second.erase(id);
    if (found->second.empty()) sites_.erase(found);
  }
  size_t size() const { return size_; }

  /// Those of whom one has to go before `site` may have one more: its own when it has
  /// `per_site_max`, those of the site that has most (at random among equals) when there are
  /// `all_max`; null when there is room. Until the next change of the table.
  const Ids* crowd(const std::string& site, size_t per_site_max, size_t all_max, Rng& rng) const {
    const auto own = sites_.find(site);
    if (own != sites_.end() && own->second.size() >= per_site_max) return &own->second;
    if (size_ < all_max) return nullptr;
    const Ids* most = nullptr;
    uint64_t equals = 0;
    for (const auto& [name, ids] : sites_) {
      if (most != nullptr && ids.size() < most->size()) continue;
      equals = most != nullptr && ids.size() == most->size() ? equals + 1 : 1;
      if (rng.below(equals) == 0) most = &ids;
    }
    return most;
  }

 private:
  std::unordered_map<std::string, Ids> sites_;
  size_t size_ = 0;
};

}  // namespace themis
