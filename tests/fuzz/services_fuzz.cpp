// Any words as a message between function services, and any text as a question for logs or a
// canary's split: decoded strictly or refused, and what is decoded is encoded and decoded to the
// same.

#include "actors/gateway/log_query.hpp"
#include "actors/gateway/paths.hpp"
#include "actors/mesh/instance.hpp"
#include "actors/services/canary.hpp"
#include "actors/services/log_codec.hpp"
#include "actors/services/service_codec.hpp"
#include "actors/services/use_codec.hpp"
#include "tests/fuzz/frames.hpp"

namespace themis::fuzz {
namespace {

constexpr TimePoint kAnyTime = TimePoint::max();

/// One message of each kind: the starting points that the input changes.
std::vector<wire::FramePtr> genuine() {
  const HostedRow row{"f", {7, {}}};
  wire::Builder<schema::Invoke> invoke;
  invoke->setFunction("f");
  invoke->setMethod("GET");
  invoke->setUrl("http://h/");
  invoke->initHeaders(1)[0].setName("a");
  invoke->initActor().setClassName("Counter");
  invoke->getActor().setId("id");
  return {encode_host(row, kAnyTime).frame(),
          encode_host_canary({row, {10, mesh::Sticky{true, "id"}}}, kAnyTime).frame(),
          encode_unhost({"f", true}, kAnyTime).frame(),
          encode_unhost({"f", false, true}, kAnyTime).frame(),
          encode_locate("f", kAnyTime).frame(),
          encode_located({7, {}}).frame(),
          encode_fetch({}, kAnyTime).frame(),
          encode_code(as_bytes(std::string_view("code"))).frame(),
          encode_read_log({"f", {7, 2, 1}, 9}, kAnyTime).frame(),
          encode_log_page({{{1, 2, 3, 4, "text"}, {2, 3, 0, 0, ""}}, 5, true}).frame(),
          encode_measure({"f", "g"}, kAnyTime).frame(),
          encode_measured({{"f", 1, 2, 3}, {"f", 2, 0, 0}}).frame(),
          invoke.finish().frame()};
}

void check_hosting(const wire::FramePtr& frame) {
  if (const auto row = decode_host(HostMsg(frame))) {
    promise(is_function_name(row->name), "a function's name");
    promise(*decode_host(encode_host(*row, kAnyTime)) == *row, "the same function");
  }
  if (const auto canary = decode_host_canary(HostCanaryMsg(frame))) {
    promise(canary->share.percent >= 1 && canary->share.percent <= kCanaryPercentMax, "a share");
    const auto again = decode_host_canary(encode_host_canary(*canary, kAnyTime));
    promise(again && again->row == canary->row && again->share == canary->share, "the same canary");
    ring::Labels labels;
    add_canary_labels(labels, canary->share, canary->row.version.number, true);
    mesh::Instances both;
    mesh::add_instances(both, {.version = "1", .labels = labels});
    promise(both.size() == 2 && both[1].canary == canary->share.percent &&
                both[1].sticky == canary->share.sticky,
            "callers read what was announced");
  }
  if (const auto order = decode_unhost(UnhostMsg(frame))) {
    const auto again = decode_unhost(encode_unhost(*order, kAnyTime));
    promise(again && again->name == order->name && again->of_actors == order->of_actors &&
                again->of_canary == order->of_canary,
            "the same order");
  }
  if (const auto name = decode_locate(LocateMsg(frame)))
    promise(is_function_name(*name), "a function's name");
  (void)decode_located(LocatedMsg(frame));
  (void)decode_fetch(FetchCodeMsg(frame));
  if (const auto code = decode_code(CodeBlobMsg(frame), {}))
    promise(false, "nobody finds code of the hash zero");
}

void check_calls(const wire::FramePtr& frame) {
  const InvokeMsg invoke(frame);
  if (const auto target = decode_target(invoke))
    promise(target->by_code || is_function_name(target->function), "a function's name");
  if (const auto call = decode_actor_call(invoke)) {
    const auto again = decode_actor_call(encode_actor_call(invoke, *call));
    promise(again && again->row == call->row && again->actor == call->actor, "the same actor");
  }
}

void check_reports(const wire::FramePtr& frame) {
  if (const auto order = decode_read_log(ReadLogMsg(frame)))
    promise(is_function_name(order->function), "a function's name");
  if (const auto page = decode_log_page(LogPageMsg(frame))) {
    promise(page->lines.size() <= kPageLinesMax, "a page within its limits");
    promise(*decode_log_page(encode_log_page(*page)) == *page, "the same page");
  }
  if (const auto names = decode_measure(MeasureFunctionsMsg(frame))) {
    promise(names->size() <= kMeasuredNamesMax, "a question within its limits");
    promise(*decode_measure(encode_measure(*names, kAnyTime)) == *names, "the same names");
  }
  if (const auto all = decode_measured(FunctionsMeasuredMsg(frame)))
    promise(*decode_measured(encode_measured(*all)) == *all, "the same figures");
}

void check_texts(std::string_view text) {
  if (const auto query = parse_log_query(text)) {
    promise(query->after.size() <= kCursorNodesMax && query->level <= 3, "a query in its limits");
    const std::string again = "after=" + cursor_text(query->after);
    promise(parse_log_query(again)->after == query->after, "the same cursor");
  }
  if (const auto sticky = mesh::Sticky::parse(text))
    promise(*mesh::Sticky::parse(sticky->text()) == *sticky && sticky->text() == text,
            "the same split");
  if (const auto value = mesh::cookie_value(text, "id"))
    promise(
        value->data() >= text.data() && value->data() + value->size() <= text.data() + text.size(),
        "a cookie is part of the header");
  mesh::Instances all;
  mesh::add_instances(all,
                      {.labels = {{"canary", std::string(text)}, {"sticky", std::string(text)}}});
  promise(all.size() == 1 && all[0].canary <= mesh::kCanaryShareMax, "nobody asks for more");
  (void)announced_canary({{"canary", "1"}, {"canary-version", std::string(text)}}, 1);
  (void)percent_decoded(text);
}

}  // namespace
}  // namespace themis::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace themis;
  fuzz::Input input(data, size);
  if (input.byte() % 4 == 0) {
    fuzz::check_texts(as_text(input.rest()));
    return 0;
  }
  static const std::vector<wire::FramePtr> seeds = fuzz::genuine();
  const wire::FramePtr frame = fuzz::changed_frame(seeds, input);
  fuzz::check_hosting(frame);
  fuzz::check_calls(frame);
  fuzz::check_reports(frame);
  return 0;
}
