#include "actors/system/failure.hpp"

#include <algorithm>

#include "rpc.capnp.h"
#include "wire/msg.hpp"

namespace themis {
namespace {

constexpr size_t kDetailBytesMax = 4096;

}  // namespace

wire::FramePtr encode_failure(const Error& error) {
  wire::Builder<schema::Failure> failure(32 + std::min(error.detail.size(), kDetailBytesMax) / 8);
  failure->setCode(static_cast<uint8_t>(error.code));
  failure->setDetail(wire::to_text(error.detail.substr(0, kDetailBytesMax)));
  return failure.finish().frame();
}

Error decode_failure(const wire::FramePtr& frame) {
  const auto decoded = wire::decode(
      wire::Msg<schema::Failure>(frame), [](const schema::Failure::Reader& failure) -> Result<Error> {
        if (!is_code(failure.getCode())) return fail(Code::malformed, "a failure of unknown code");
        return Error{static_cast<Code>(failure.getCode()), std::string(wire::text_of(failure.getDetail()))};
      });
  return decoded ? *decoded : decoded.error();
}

}  // namespace themis
