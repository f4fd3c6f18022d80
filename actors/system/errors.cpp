#include "actors/system/errors.hpp"

#include <caf/all.hpp>

#include "rpc.capnp.h"
#include "wire/msg.hpp"

namespace themis {
namespace {

constexpr caf::atom_value kCategory = caf::atom("themis");
constexpr size_t kDetailBytesMax = 1024;

}  // namespace

caf::error to_caf(const Error& error) {
  return caf::error(static_cast<uint8_t>(error.code), kCategory, caf::make_message(error.detail));
}

Error from_caf(const caf::error& error) {
  if (error.category() == kCategory && is_code(error.code())) {
    const caf::message& context = error.context();
    return {static_cast<Code>(error.code()),
            context.match_elements<std::string>() ? context.get_as<std::string>(0) : std::string{}};
  }
  if (error == caf::sec::request_receiver_down || error == caf::exit_reason::user_shutdown ||
      error == caf::exit_reason::normal || error == caf::exit_reason::kill)
    return {Code::unavailable, "the actor has ended"};
  if (error == caf::sec::request_timeout) return {Code::timeout, "no answer in time"};
  if (error == caf::sec::unexpected_message || error == caf::sec::unexpected_response)
    return {Code::invalid, "the actor does not take this message"};
  return {Code::internal, caf::to_string(error)};
}

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
