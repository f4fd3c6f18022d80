#pragma once
// themis::Error at the border to CAF: the only place where the two meet.

#include <caf/error.hpp>

#include "runtime/base/error.hpp"
#include "wire/frame.hpp"

namespace themis {

/// Category "themis", code = Code, context = the detail.
caf::error to_caf(const Error& error);
/// CAF's own errors become the nearest code: a dead receiver is `unavailable`.
Error from_caf(const caf::error& error);

/// As the payload of a failure, a down or an exit message. Details are cut at 1,024 bytes.
wire::FramePtr encode_failure(const Error& error);
/// Never fails: a malformed failure is itself an error of Code::malformed.
Error decode_failure(const wire::FramePtr& frame);

}  // namespace themis
