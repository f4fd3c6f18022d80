#include "actors/caller/services.hpp"

#include <caf/sec.hpp>

#include "actors/system/caf_error.hpp"

namespace themis {

using mesh::CallFailure;
using mesh::Judgement;
using mesh::Verdict;

std::string service_name(const std::string& name) { return "service/" + name; }

wire::FramePtr copy_of(const wire::Frame& frame) {
  wire::FramePtr copy = wire::Frame::make(frame.words());
  std::ranges::copy(frame.bytes(), copy.writable()->data());
  copy.writable()->set_type(frame.type());
  copy.writable()->set_deadline(frame.deadline());
  return copy;
}

Judgement judge_service(const caf::error& error) {
  if (error == caf::sec::request_receiver_down)
    return {CallFailure::not_sent, Verdict::unreachable};
  switch (from_caf(error).code) {
    case Code::unavailable:
      return {CallFailure::maybe_run, Verdict::unreachable};
    case Code::not_hosted:
      return {CallFailure::not_run, Verdict::absent};
    case Code::overloaded:
    case Code::cancelled:
      return {CallFailure::maybe_run, Verdict::faulty};
    case Code::denied:
    case Code::rate_limited:
    case Code::too_large:
      return {CallFailure::answered, Verdict::none};
    case Code::threw:
    case Code::timeout:
    case Code::internal:
    case Code::io:
      return {CallFailure::answered, Verdict::faulty};
    default:
      return {CallFailure::answered, Verdict::healthy};  // it did its work: "no such user"
  }
}

}  // namespace themis
