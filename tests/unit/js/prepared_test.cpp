// Isolates made ahead of need: a function cannot tell that its own was one.
#include "tests/unit/js/test_host.hpp"

namespace themis::js {
namespace {

/// Fills the pool, for the heap limit that the last load without an isolate asked for.
void fill(const Limits& limits = {}) {
  TestHost host;
  std::vector<std::unique_ptr<Worker>> drained;
  const auto load = [&] {
    drained.push_back(*engine().load("export default { fetch() {} };", "f", limits, host));
  };
  for (size_t i = 0; i <= kPreparedMax; ++i) load();  // the last one finds none
  while (engine().prepare()) {
  }
}

constexpr std::string_view kEverySeenName =
    "const seen = []; for (const name of Reflect.ownKeys(globalThis).sort((a, b) =>"
    "  String(a) < String(b) ? -1 : 1)) {"
    "  const { value, writable, configurable, enumerable } ="
    "    Object.getOwnPropertyDescriptor(globalThis, name);"
    "  seen.push([String(name), typeof value, writable, configurable, enumerable]); }"
    "return Response.json(seen);";

TEST(Prepared, ShowTheSameGlobalsAsFreshOnes) {
  const Limits fresh{.heap_bytes = 48u << 20};
  fill();
  const std::string of_prepared = Function(handler(kEverySeenName)).text();
  const std::string of_fresh = Function(handler(kEverySeenName), fresh).text();
  EXPECT_GT(of_fresh.size(), 2000u);
  EXPECT_EQ(of_prepared, of_fresh);
}

TEST(Prepared, HaveTheLimitsOfTheirFunction) {
  fill();
  Limits limits;
  limits.buffer_bytes = 1u << 20;
  limits.log_bytes = 100;
  Function f(handler("console.log('x'.repeat(99)); console.log('y');"
                     "try { new ArrayBuffer(2 << 20); return new Response('held it'); }"
                     "catch { return new Response(`refused at ${performance.now()}`); }"),
             limits);
  EXPECT_EQ(f.text(), "refused at 0");
  EXPECT_EQ(f.host().lines.size(), 1u);
}

TEST(Prepared, HaveTheHeapLimitOfTheirFunction) {
  fill();
  Limits small;
  small.heap_bytes = 32u << 20;
  small.cpu = 20s;
  const std::string push = handler("const a = []; for (;;) a.push({ a });");
  const std::string over = "memory_exceeded: over 32 MB of heap";
  EXPECT_EQ(Function(push, small).text(), over) << "none of this size was there";
  fill(small);
  EXPECT_EQ(Function(push, small).text(), over) << "of the pool";
}

TEST(Prepared, OneFunctionWithAnotherLimitDoesNotReplaceThem) {
  fill();
  Limits other;
  other.heap_bytes = 40u << 20;
  EXPECT_EQ(Function(handler("return new Response('fine');"), other).text(), "fine");
  EXPECT_FALSE(engine().prepare()) << "all are still wanted";
  Function usual(handler("return new Response('fine');"));
  EXPECT_EQ(engine().figures().prepared, kPreparedMax - 1);
}

TEST(Prepared, AreMadeUpToTheirNumber) {
  fill();
  EXPECT_FALSE(engine().prepare());
  EXPECT_EQ(engine().figures().prepared, kPreparedMax);
  Function one(handler("return new Response('first');"));
  EXPECT_EQ(one.text(), "first");
  Function two(handler("return new Response('second');"));
  EXPECT_EQ(two.text(), "second");
  EXPECT_EQ(engine().figures().prepared, kPreparedMax - 2);
  EXPECT_TRUE(engine().prepare()) << "one of two is back";
  EXPECT_FALSE(engine().prepare());
}

TEST(Prepared, HandTheirTasksToTheFunction) {
  fill();
  Function f(
      handler("let n = 0; for (let i = 0; i < 20; i++) n += new Uint8Array(1 << 20).length;"
              "await new Promise((done) => setTimeout(done, 1)); return new Response(n);"));
  EXPECT_EQ(f.text(), std::to_string(20u << 20));
}

}  // namespace
}  // namespace themis::js
