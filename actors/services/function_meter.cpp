#include "actors/services/function_meter.hpp"

#include <caf/all.hpp>

#include "actors/system/caf_error.hpp"

namespace themis {

void FunctionMeter::measure(std::vector<std::string> names, caf::response_promise promise) {
  const bool is_fresh =
      looked_ && context_.loop.now() - *looked_ < kFreshFor && loads_ == host_.loads();
  if (is_fresh || !context_.workers) return promise.deliver(told(names));
  if (waiting_.size() >= kWaitingMax)
    return promise.deliver(to_caf({Code::overloaded, "too many ask for figures; try again"}));
  waiting_.push_back({std::move(names), std::move(promise)});
  if (waiting_.size() == 1) look();
}

void FunctionMeter::look() {
  loads_ = host_.loads();
  context_.actor.request(context_.workers, caf::infinite, MeasureFunctions{})
      .then(
          [this](const FunctionsUse& use) {
            use_ = use;
            answer();
          },
          [this](const caf::error&) {  // no process is up
            use_ = {};
            answer();
          });
}

void FunctionMeter::answer() {
  looked_ = context_.loop.now();
  for (Waiting& one : std::exchange(waiting_, {})) one.promise.deliver(told(one.names));
}

FunctionsMeasuredMsg FunctionMeter::told(const std::vector<std::string>& names) const {
  std::vector<RunningFunction> all;
  for (const std::string& name : names) {
    for (const FunctionHost::Running& running : host_.running(name)) {
      const auto found = use_.functions.find(running.at_workers);
      const FunctionUse use = found == use_.functions.end() ? FunctionUse{} : found->second;
      all.push_back({name, running.version.number, std::min(use.isolates, kIsolatesToldMax),
                     std::min(use.memory_kb, kMemoryToldMaxKb)});
    }
  }
  return encode_measured(all);
}

void FunctionMeter::stop() {
  for (Waiting& one : std::exchange(waiting_, {}))
    one.promise.deliver(to_caf({Code::cancelled, "the function service ended"}));
}

}  // namespace themis
