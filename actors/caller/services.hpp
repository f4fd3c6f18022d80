#pragma once
// What all who call C++ services have in common.

#include "actors/caller/route_caller.hpp"

namespace themis {

/// A service called `name` is announced on the ring, and exported by its node, under this name.
std::string service_name(const std::string& name);

/// A call of its own: it shares neither key nor cancellation with the one it is a copy of.
wire::FramePtr copy_of(const wire::Frame& frame);

/// A service's own error looks like one of the way to it: what may have run is sent again only when
/// it is idempotent.
mesh::Judgement judge_service(const caf::error& error);

}  // namespace themis
