#pragma once
// themis::Error as the payload of a failure, a down or an exit message between processes.

#include <caf/error.hpp>

#include "runtime/base/error.hpp"
#include "wire/frame.hpp"

namespace themis {

/// schema Failure. Details are cut at 4,096 bytes.
wire::FramePtr encode_failure(const Error& error);
/// Never fails: a malformed failure is itself an error of Code::malformed. Details are cut as
/// above.
Error decode_failure(const wire::FramePtr& frame);

/// Why an actor ended or is to end. CAF's own reasons travel as code 0 with their name, so that a
/// clean end stays one on the other side and a kill stays a kill; errors travel as above.
wire::FramePtr encode_reason(const caf::error& reason);
/// Never fails: what cannot be read is an error of Code::malformed, a reason this build does not
/// know Code::unavailable.
caf::error decode_reason(const wire::FramePtr& frame);

}  // namespace themis
