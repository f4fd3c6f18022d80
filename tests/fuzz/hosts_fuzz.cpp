// Any words as a message between a node and a function host, whose word is not trusted, or between
// those who read a body part by part: decoded strictly or refused.

#include "actors/flows/flow_codec.hpp"
#include "actors/worker/function_codec.hpp"
#include "tests/fuzz/frames.hpp"

namespace themis::fuzz {
namespace {

std::vector<wire::FramePtr> genuine() {
  js::Response answer;
  answer.headers = {{"content-type", "text/plain"}};
  answer.body = to_bytes(std::string_view("body"));
  js::Request request;
  request.url = "http://h/";
  request.headers = {{"a", "b"}};
  InstallFunction install{"f", {}, std::make_shared<const Bytes>(8), {}};
  install.actor = bundle::ActorName{"Counter", "id"};
  return {encode_outcome(answer)->frame(),
          encode_invoke({}, "greeter", request, TimePoint::max())->frame(),
          encode_fetch({}, request, TimePoint::max())->frame(),
          encode_load(install, TimePoint::max()).frame(),
          encode_code_cache({}, as_bytes(std::string_view("cache"))).frame(),
          encode_unload({}).frame(),
          encode_host_measured({{{}, 7}, {{}, 8}}).frame(),
          encode_pull(9, TimePoint::max()).frame(),
          encode_part({js::Part::Kind::text, to_bytes(std::string_view("part")), 0}).frame(),
          encode_drop_flow(9).frame()};
}

void check(const wire::FramePtr& frame) {
  if (const auto answer = decode_answer(wire::Msg<schema::Outcome>(frame))) {
    promise(answer->body.size() <= kResponseBodyBytesMax && answer->headers.size() <= kHeadersMax,
            "an answer within its limits");
    promise(answer->status >= 200 && answer->status <= 599, "a status");
  }
  if (const auto request = decode_invoke(wire::Msg<schema::Invoke>(frame)))
    promise(request->headers.size() <= kHeadersMax, "a request within its limits");
  (void)fetching_code(wire::Msg<schema::Invoke>(frame));
  (void)decode_load(wire::Msg<schema::Load>(frame));
  if (const auto made = decode_code_cache(wire::Msg<schema::CodeCache>(frame)))
    promise(!made->cache->empty() && made->cache->size() <= js::kCodeCacheBytesMax,
            "a cache within its limits");
  if (const auto id = decode_unload(wire::Msg<schema::Unload>(frame)))
    promise(*decode_unload(encode_unload(*id)) == *id, "the same code");
  if (const auto all = decode_host_measured(HostMeasuredMsg(frame))) {
    promise(all->size() <= kMeasuredIsolatesMax, "no more than a process has");
    promise(*decode_host_measured(encode_host_measured(*all)) == *all, "the same figures");
  }
  if (const auto flow = decode_pull(PullMsg(frame)))
    promise(*decode_pull(encode_pull(*flow, TimePoint::max())) == *flow, "the same body");
  if (const auto part = decode_part(BodyPartMsg(frame))) {
    const auto again = decode_part(encode_part(*part));
    promise(again && again->data == part->data && again->kind == part->kind &&
                again->code == part->code,
            "the same part");
  }
  (void)decode_drop_flow(DropFlowMsg(frame));
}

}  // namespace
}  // namespace themis::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace themis;
  fuzz::Input input(data, size);
  static const std::vector<wire::FramePtr> seeds = fuzz::genuine();
  fuzz::check(fuzz::changed_frame(seeds, input));
  return 0;
}
