#pragma once
// How much memory the functions of this node take, for whoever looks.

#include "actors/services/function_host.hpp"
#include "actors/services/use_codec.hpp"

namespace themis {

/// Part of the function service; its thread only. However many ask, the processes are asked once
/// in kFreshFor, and anew when a function has come.
class FunctionMeter {
 public:
  static constexpr Duration kFreshFor = 1s;
  /// Who waits for one look at the processes.
  static constexpr size_t kWaitingMax = 256;

  FunctionMeter(FunctionContext& context, const FunctionHost& host)
      : context_(context), host_(host) {}

  /// Delivers FunctionsMeasuredMsg: those of `names` that run here. Errors: overloaded.
  void measure(std::vector<std::string> names, caf::response_promise promise);
  /// The service ends: whoever still waits is told so.
  void stop();

 private:
  struct Waiting {
    std::vector<std::string> names;
    caf::response_promise promise;
  };
  void look();
  void answer();
  FunctionsMeasuredMsg told(const std::vector<std::string>& names) const;

  FunctionContext& context_;
  const FunctionHost& host_;
  FunctionsUse use_;
  std::optional<TimePoint> looked_;
  uint64_t loads_ = 0;  ///< Of the host, then.
  std::vector<Waiting> waiting_;
};

}  // namespace themis
