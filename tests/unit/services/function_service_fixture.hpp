#pragma once
// A mesh of real function services, and short words for what tests do with it.

#include <gtest/gtest.h>

#include "tests/unit/services/mesh.hpp"

namespace themis::testing {

class FunctionServiceTest : public ::testing::Test {
 protected:
  void start(size_t count, bool first_has_workers = true) {
    nodes_ = start_mesh(system_, count, first_has_workers);
  }
  Result<DeployedFunction> deploy(const std::string& name, std::string_view source,
                                  uint32_t instances = kInstancesDefault) {
    return ask<DeployedFunction>(system_, nodes_[0]->functions,
                                 deployment(name, source, instances));
  }
  Result<FunctionReport> describe(const std::string& name, size_t at = 0) {
    return ask<FunctionReport>(system_, nodes_[at]->functions, DescribeFunction{name});
  }
  FunctionCounts counts(size_t at) {
    return ask<FunctionCounts>(system_, nodes_[at]->functions, CountFunctions{}).value();
  }
  /// Runs the function on the node `at`, asked by the node `from` over their session.
  Result<std::string> invoke(size_t from, size_t at, const std::string& name) {
    auto proxy =
        ask<caf::actor>(system_, nodes_[from]->node(),
                        ReachActor{nodes_[at]->contact(), Exports::target_of(kFunctionsActorName)});
    if (!proxy) return fail(proxy.error());
    wire::Builder<schema::Invoke> call;
    call->setFunction(wire::to_text(name));
    call->setMethod("GET");
    call->setUrl("http://h/");
    auto outcome = ask<OutcomeMsg>(system_, *proxy, call.finish());
    if (!outcome) return fail(outcome.error());
    return std::string(as_text(wire::bytes_of(outcome->view()->getBody())));
  }
  /// What the function answered, or the error's text.
  std::string answer(size_t from, size_t at, const std::string& name) {
    const auto body = invoke(from, at, name);
    return body ? *body : body.error().text();
  }
  bool is_hosted_on(const std::string& name, size_t at) {
    const auto report = describe(name);
    return report && std::ranges::any_of(report->instances, [&](const ring::Contact& node) {
             return node.id == nodes_[at]->id();
           });
  }

  /// Asks again and again until it is so; false after 20 s.
  static bool eventually(const std::function<bool()>& reached) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < end)
      if (reached()) return true;
    return false;
  }

  System system_;
  std::vector<std::unique_ptr<MeshNode>> nodes_;
};

}  // namespace themis::testing
