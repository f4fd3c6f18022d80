#include "actors/system/failure.hpp"

#include <algorithm>
#include <array>
#include <caf/exit_reason.hpp>

#include "actors/system/caf_error.hpp"
#include "rpc.capnp.h"
#include "wire/msg.hpp"

namespace themis {
namespace {

constexpr size_t kDetailBytesMax = 4096;
constexpr uint8_t kExitReason = 0;  // no themis::Code
constexpr std::array kReasons = {caf::exit_reason::normal, caf::exit_reason::user_shutdown,
                                 caf::exit_reason::kill, caf::exit_reason::unreachable,
                                 caf::exit_reason::remote_link_unreachable};

wire::FramePtr encode(uint8_t code, std::string detail) {
  detail.resize(std::min(detail.size(), kDetailBytesMax));
  wire::Builder<schema::Failure> failure(4 + detail.size() / 8);
  failure->setCode(code);
  failure->setDetail(wire::to_text(detail));
  return failure.finish().frame();
}

struct Parts {
  uint8_t code = 0;
  std::string detail;
};

Result<Parts> decode(const wire::FramePtr& frame) {
  using Message = wire::Msg<schema::Failure>;
  if (!frame || frame->type() != Message::kType) return fail(Code::malformed, "not a failure");
  return wire::decode(Message(frame), [](const schema::Failure::Reader& failure) -> Result<Parts> {
    const std::string_view detail = wire::text_of(failure.getDetail());
    return Parts{failure.getCode(), std::string(detail.substr(0, kDetailBytesMax))};
  });
}

}  // namespace

wire::FramePtr encode_failure(const Error& error) {
  return encode(static_cast<uint8_t>(error.code), error.detail);
}

Error decode_failure(const wire::FramePtr& frame) {
  const Result<Parts> parts = decode(frame);
  if (!parts) return parts.error();
  if (!is_code(parts->code)) return {Code::malformed, "a failure of unknown code"};
  return {static_cast<Code>(parts->code), parts->detail};
}

wire::FramePtr encode_reason(const caf::error& reason) {
  for (const caf::exit_reason known : kReasons)
    if (reason == known) return encode(kExitReason, to_string(known));
  return encode_failure(from_caf(reason));
}

caf::error decode_reason(const wire::FramePtr& frame) {
  const Result<Parts> parts = decode(frame);
  if (!parts) return to_caf(parts.error());
  if (parts->code != kExitReason) return to_caf(decode_failure(frame));
  for (const caf::exit_reason known : kReasons)
    if (parts->detail == to_string(known)) return known;
  return to_caf({Code::unavailable, parts->detail});
}

}  // namespace themis
