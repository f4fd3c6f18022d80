// Calls in an isolate of their own.

#include <gtest/gtest.h>

#include "tests/unit/worker/pool_fixture.hpp"

namespace themis {
namespace {

class FreshCalls : public PoolTest {
 protected:
  Result<wire::Msg<schema::Outcome>> call_fresh(const std::string& source,
                                                FunctionLimits limits = {}) {
    InstallFunction function{"fresh", id_of(source + std::to_string(++calls_)),
                             std::make_shared<const Bytes>(to_bytes(source)), limits};
    function.fresh = true;
    return world_.ask<wire::Msg<schema::Outcome>>(
        pool_,
        CallFresh{std::make_shared<const InstallFunction>(std::move(function)), invoke("hello")});
  }
  int calls_ = 0;
};

TEST_F(FreshCalls, RememberNothingAndLeaveNothingLoaded) {
  start();
  const std::string counter =
      "let n = 0; export default { fetch() { return new Response(String(++n)); } };";
  for (int i = 0; i < 20; ++i) EXPECT_EQ(text_of(call_fresh(counter)), "1");
  EXPECT_EQ(worker().functions, 0u);
  EXPECT_EQ(text_of(call_fresh(kEcho)), "hello");
}

TEST_F(FreshCalls, LeaveNothingLoadedWhenTheyFail) {
  start();
  EXPECT_EQ(code(call_fresh("export default {")), Code::syntax);
  // The code's fault, and not its call's.
  EXPECT_EQ(code(call_fresh("export default { fetch() {} }; x.y();")), Code::invalid);
  EXPECT_EQ(code(call_fresh("export default { fetch() { x.y(); } };")), Code::threw);
  EXPECT_EQ(code(call_fresh(kLoop, {.cpu_ms = 20})), Code::cpu_exceeded);
  const std::string never =
      "export default { fetch() { return new Promise(() => "
      "setTimeout(() => {}, 60000)); } };";
  EXPECT_EQ(code(call_fresh(never, {.cpu_ms = 10, .wall_ms = 30})), Code::timeout);
  EXPECT_EQ(text_of(call_fresh(kEcho)), "hello");
  EXPECT_EQ(worker().functions, 0u);
}

}  // namespace
}  // namespace themis
