#pragma once
// themis::Error as the payload of a failure, a down or an exit message between processes.

#include "runtime/base/error.hpp"
#include "wire/frame.hpp"

namespace themis {

/// schema Failure. Details are cut at 4,096 bytes.
wire::FramePtr encode_failure(const Error& error);
/// Never fails: a malformed failure is itself an error of Code::malformed.
Error decode_failure(const wire::FramePtr& frame);

}  // namespace themis
