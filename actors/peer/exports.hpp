#pragma once
// The actors of this process that peers may address, by the hash of a name or by a number they were
// told.

#include <caf/actor_control_block.hpp>
#include <string_view>
#include <unordered_map>

#include "wire/message.hpp"

namespace themis {

/// Reactor thread only.
class Exports {
 public:
  /// The target of an exported name: the first 8 bytes of BLAKE2b-256("themis/actor/v1", name).
  static wire::Target target_of(std::string_view name);

  /// Makes `actor` reachable under `name`; a second actor of that name replaces the first (a
  /// restart).
  wire::Target add(std::string_view name, caf::strong_actor_ptr actor);
  /// Makes `actor` reachable under a new number.
  wire::Target add_unnamed(caf::strong_actor_ptr actor);
  void remove(wire::Target target) { actors_.erase(target); }
  /// Null for a target that nobody exported.
  const caf::strong_actor_ptr* find(wire::Target target) const {
    const auto it = actors_.find(target);
    return it == actors_.end() ? nullptr : &it->second;
  }

 private:
  std::unordered_map<wire::Target, caf::strong_actor_ptr> actors_;
  wire::Target last_number_ = 0;
};

}  // namespace themis
