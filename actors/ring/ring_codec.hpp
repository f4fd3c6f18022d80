#pragma once
// The ring's questions and replies as Cap'n Proto frames (wire/schema/ring.capnp), and strictly
// back.

#include "actors/ring/ring_messages.hpp"
#include "wire/frame.hpp"

namespace themis::ring {

/// A frame whose type() is that of the schema struct. Any thread. The lists must be within their
/// limits.
wire::FramePtr encode(const Question& question);
wire::FramePtr encode(const Reply& reply);

/// The bounded value of a frame that a peer sent; nothing of the frame is kept. Any thread.
/// Errors: malformed (bytes; another type; an identifier that is not 32 bytes or zero; no numeric
/// address with a port; a record without the form of check_form), too_large (a list or payload over
/// its limit in ring_messages.hpp or record.hpp).
Result<Question> decode_question(const wire::FramePtr& frame);
Result<Reply> decode_reply(const wire::FramePtr& frame);

}  // namespace themis::ring
