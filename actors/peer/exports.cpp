#include "actors/peer/exports.hpp"

#include "runtime/crypto/hash.hpp"

namespace themis {

wire::Target Exports::target_of(std::string_view name) {
  const crypto::Digest digest =
      crypto::Hasher("themis/actor/v1").add_framed(as_bytes(name)).finish();
  return load<wire::Target>(digest.data());
}

wire::Target Exports::add(std::string_view name, caf::strong_actor_ptr actor) {
  const wire::Target target = target_of(name);
  actors_.insert_or_assign(target, std::move(actor));
  return target;
}

wire::Target Exports::add_unnamed(caf::strong_actor_ptr actor) {
  actors_.emplace(++last_number_, std::move(actor));
  return last_number_;
}

}  // namespace themis
