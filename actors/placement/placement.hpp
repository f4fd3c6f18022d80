#pragma once
// Where a subtree of actors lives: in an enclave process of its own, or here.

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <string>

#include "actors/placement/child_process.hpp"
#include "actors/placement/kinds.hpp"
#include "actors/system/supervisor.hpp"
#include "runtime/config/config.hpp"

namespace themis {

/// Asked of a place (below): start an actor of `kind` there. -> caf::actor: a proxy, or the actor
/// itself when the place is here; it ends when its original does, with the same reason, and an exit
/// message to it ends the original. Errors: not_found (kind), exists (name), invalid, overloaded,
/// unavailable.
struct SpawnActor {
  std::string kind;
  std::string name;
};

/// Asked of a place -> uint32_t, the id of its process out here; 0: it is this one.
struct PlacePid {};

/// Asked of a place -> SharedWith.
struct PlaceMemory {};
/// What this process and the place's have in common; null: nothing, or it is this process.
struct SharedWith {
  sandbox::SharedMemoryPtr memory;
};

struct PlaceOptions {
  std::string name = "enclave";  ///< For logs and the supervisor.
  Place place = Place::process;
  std::string program;  ///< Path of themis-enclave; empty: beside this executable. Place::process.
  size_t shared_bytes = 0;         ///< See PlaceMemory. Place::process.
  uint64_t memory_bytes = 0;       ///< Limit of the process where cgroups can be used; 0: none.
  Kinds kinds = built_in_kinds();  ///< What can be started here. Place::local.
};

/// Starts a place: it answers SpawnActor, ends when its process does (Code::unavailable with how it
/// ended), and takes its process along when it ends. Pinned to home.reactor; any thread.
caf::actor spawn_place(const ProcessHome& home, const PlaceOptions& options);

/// The same as a child of a supervisor, which starts the process again when it ended.
ChildSpec place_child(const ProcessHome& home, PlaceOptions options);

/// The folder of the running executable, without the slash at its end; "." when it cannot be read.
std::string executable_directory();

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::SpawnActor)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::PlacePid)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::PlaceMemory)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::SharedWith)
