#pragma once
// What a test has an actor do, in that actor.

#include <caf/allowed_unsafe_message_type.hpp>
#include <functional>

namespace themis::testing {

/// Done by the actor that gets it.
struct Do {
  std::function<void()> work;
};

}  // namespace themis::testing

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::testing::Do)
