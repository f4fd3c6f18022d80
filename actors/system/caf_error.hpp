#pragma once
// The border between our errors and CAF's: `themis::Error` <-> `caf::error`, and exit reasons as
// text.

#include <caf/error.hpp>
#include <caf/fwd.hpp>
#include <exception>
#include <string>

#include "runtime/base/error.hpp"

namespace themis {

/// Category "themis", the code's number, the detail as the only context. Survives `from_caf`
/// unchanged.
caf::error to_caf(const Error& error);

/// Errors of this project come back as they were; a CAF error becomes the nearest code (a dead
/// receiver is `unavailable`, a request that ran out of time `timeout`) with CAF's text as the
/// detail. `error` holds one (is not none).
Error from_caf(const caf::error& error);

/// An exit reason or error for logs and status: "normal", "kill", "threw: bad alloc". Any error,
/// none included.
std::string describe(const caf::error& error);

/// Whether an actor that ended with `reason` was done or told to end, so that a transient child
/// stays down.
bool is_clean_exit(const caf::error& reason);

/// For `set_exception_handler`: the actor ends with `threw` and what() as the detail. Nothing is
/// printed: its supervisor logs the exit once.
caf::error exception_to_error(caf::scheduled_actor* self, std::exception_ptr& exception);

}  // namespace themis
