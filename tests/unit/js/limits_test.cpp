// Hostile functions: each is ended with the right code, and another worker of the process goes on.
#include "runtime/js/watchdog.hpp"
#include "tests/unit/js/test_host.hpp"

namespace themis::js {
namespace {

Limits small() {
  Limits limits;
  limits.heap_bytes = 32u << 20;
  limits.buffer_bytes = 8u << 20;
  limits.cpu = 50ms;
  limits.wall = 1s;
  limits.log_bytes = 4096;
  return limits;
}

/// With time enough for memory to end it.
Limits long_small() {
  Limits limits = small();
  limits.cpu = 20s;
  return limits;
}

/// Calls the hostile body in a worker of its own, then a neighbour that was loaded before.
Error attack(std::string_view body, const Limits& limits) {
  Function neighbour("let n = 0;" + handler("return new Response(`${++n}`);"));
  EXPECT_EQ(neighbour.text(), "1");
  Function hostile(handler(body), limits);
  const auto out = hostile.call();
  EXPECT_EQ(neighbour.text(), "2") << body;
  if (out) return {Code::internal, "it answered"};
  const bool heap = out.error().detail.find("heap") != std::string::npos;
  EXPECT_EQ(hostile.worker().retired(), heap) << out.error().text();
  return out.error();
}

struct Hostile {
  const char* name;
  const char* body;
  Code code;
};
void PrintTo(const Hostile& hostile, std::ostream* out) { *out << hostile.body; }

std::string name_of(const testing::TestParamInfo<Hostile>& hostile) { return hostile.param.name; }

class AdversaryHandler : public testing::TestWithParam<Hostile> {};

TEST_P(AdversaryHandler, IsEndedAlone) {
  Limits limits = small();
  if (GetParam().code == Code::memory_exceeded) limits.cpu = 20s;  // memory is to end it, not time
  const Error error = attack(GetParam().body, limits);
  EXPECT_EQ(error.code, GetParam().code) << error.text();
}

INSTANTIATE_TEST_SUITE_P(
    Cpu, AdversaryHandler,
    testing::Values(
        Hostile{"Loop", "for (;;);", Code::cpu_exceeded},
        Hostile{"LoopThatCatches", "for (;;) try { for (;;); } catch {} finally { continue; }",
                Code::cpu_exceeded},
        Hostile{"Microtasks", "for (;;) await null;", Code::cpu_exceeded},
        Hostile{"MicrotaskFlood",
                "const f = () => { queueMicrotask(f); queueMicrotask(f); }; f(); await new "
                "Promise(() => {});",
                Code::cpu_exceeded},
        Hostile{"Regex", "/^(a+)+$/.test('a'.repeat(40) + 'b');", Code::cpu_exceeded},
        Hostile{"SortComparator", "[1, 2, 3].sort(() => { for (;;); });", Code::cpu_exceeded},
        Hostile{"Getter", "return new Response('x', { get status() { for (;;); } });",
                Code::cpu_exceeded},
        Hostile{"StackOfAnError", "throw { get stack() { for (;;); } };", Code::cpu_exceeded},
        Hostile{"ZeroTimers",
                "let x = 0; setInterval(() => { for (let i = 0; i < 1e5; i++) x += i; "
                "}, 0); await new Promise(() => {});",
                Code::cpu_exceeded},
        Hostile{"TimerLoop", "await new Promise(() => setTimeout(() => { for (;;); }, 5));",
                Code::cpu_exceeded},
        Hostile{"BufferLoop", "for (;;) try { new ArrayBuffer(1e6); } catch {}",
                Code::cpu_exceeded}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Memory, AdversaryHandler,
    testing::Values(
        Hostile{"Push", "const a = []; for (;;) a.push({ a });", Code::memory_exceeded},
        Hostile{"PushNumbers", "const a = []; for (;;) a.push(a.length + 0.5);",
                Code::memory_exceeded},
        Hostile{"Strings", "const a = []; for (let i = 0;; i++) a.push(`${i}`.repeat(1000) + i);",
                Code::memory_exceeded},
        Hostile{"MapGrowth", "const m = new Map(); for (let i = 0;; i++) m.set(i, i);",
                Code::memory_exceeded},
        Hostile{"Spread", "const a = [...'.'.repeat(5e7)]; return new Response(`${a.length}`);",
                Code::memory_exceeded},
        Hostile{"Closures", "let f = () => 1; for (;;) { const g = f; f = () => g; }",
                Code::memory_exceeded},
        Hostile{"Generator", "function* g() { for (;;) yield { a: 1 }; } [...g()];",
                Code::memory_exceeded},
        Hostile{"Promises", "const a = []; for (;;) a.push(new Promise(() => {}));",
                Code::memory_exceeded},
        Hostile{"LargeArrays", "const a = []; for (;;) a.push(new Array(1e7));",
                Code::memory_exceeded},
        Hostile{"FilledArrays", "const a = []; for (;;) a.push(new Array(1000).fill(a.length));",
                Code::memory_exceeded},
        Hostile{"TypedArrays", "const a = []; for (;;) a.push(Uint8Array.from({ length: 1e6 }));",
                Code::memory_exceeded},
        Hostile{"Buffers", "const a = []; for (;;) a.push(new ArrayBuffer(1 << 20));",
                Code::memory_exceeded},
        Hostile{"OneBuffer", "new Uint8Array(1e9);", Code::memory_exceeded}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Other, AdversaryHandler,
    testing::Values(
        Hostile{"Recursion", "const f = (n) => 1 + f(n + 1); f(0);", Code::threw},
        Hostile{"Eval", "eval('1');", Code::threw},
        Hostile{"NewFunction", "new Function('return 1');", Code::threw},
        Hostile{"FunctionOfAFunction", "(async () => {}).constructor('return 1');", Code::threw},
        Hostile{"DeepProxies",
                "let p = {}; for (let i = 0; i < 1e4; i++) p = new Proxy(p, {}); p.x;",
                Code::threw},
        Hostile{"DeepClone",
                "let a = []; for (let i = 0; i < 1e5; i++) a = [a]; structuredClone(a);",
                Code::threw},
        Hostile{"HugeJoin", "new Array(1e8).join('xyzxyzxyz');", Code::threw},
        Hostile{"LongString", "'x'.repeat(2 ** 30);", Code::threw},
        Hostile{"Unsettled", "setInterval(() => {}, 100); await new Promise(() => {});",
                Code::timeout},
        Hostile{"TooManyTimers", "for (;;) setTimeout(() => {}, 1000);", Code::threw},
        Hostile{"LargeUrl", "new URL('http://a/' + 'x'.repeat(2e7));", Code::threw},
        Hostile{"LargeBase64", "btoa('x'.repeat(2e7));", Code::threw},
        Hostile{"LargeClone", "structuredClone('x'.repeat(1e7));", Code::threw},
        Hostile{"LargeResponse", "return new Response('x'.repeat(9e6));", Code::too_large},
        Hostile{"RegressLargeHead", "return new Response('', { headers: { a: 'x'.repeat(6e5) } });",
                Code::too_large}),
    name_of);

TEST(Limits, LeaveTheWorkerUsableAfterCpu) {
  Function f(handler("if (request.url.endsWith('spin')) { Promise.resolve().then(() => "
                     "console.log('left over')); for (;;); } return new Response('fine');"),
             small());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(f.call({.url = "http://f/spin"}).error().code, Code::cpu_exceeded);
    EXPECT_EQ(f.text(), "fine");
  }
  EXPECT_TRUE(f.host().lines.empty());
}

TEST(Limits, EndOnlyTheCallThatSpins) {
  Function f(handler("await new Promise((r) => setTimeout(r, 20));"
                     "if (request.url.endsWith('spin')) for (;;); return new Response('fine');"),
             small());
  std::vector<std::string> out;
  const auto note = [&out](Result<Response> r) {
    out.push_back(r ? std::string(as_text(r->body)) : std::string(name(r.error().code)));
  };
  f.worker().call({.url = "http://f/"}, note);
  f.worker().call({.url = "http://f/spin"}, note);
  f.worker().call({.url = "http://f/"}, note);
  f.host().run(1s);
  EXPECT_EQ(out, (std::vector<std::string>{"fine", "cpu_exceeded", "fine"}));
}

TEST(Limits, CountCpuOverAllTurnsOfACall) {
  Function f(handler("let x = 0; for (let k = 0; k < 100; k++) {"
                     "for (let i = 0; i < 2e6; i++) x += i * k;"
                     "await new Promise((r) => setTimeout(r, 1)); } return new Response(`${x}`);"),
             small());
  const auto out = f.call();
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, Code::cpu_exceeded);
}

TEST(Limits, CutCpuCloseToTheLimit) {
  Function f(handler("for (;;);"), small());
  const Duration before = thread_cpu();
  EXPECT_EQ(f.call().error().code, Code::cpu_exceeded);
  const Duration used = thread_cpu() - before;
  EXPECT_GE(used, 50ms);
  EXPECT_LT(used, 75ms);  // 50 ms, a poll, and the time until the watchdog gets a core
}

TEST(Limits, RetireAfterMemoryAndEndEveryCallOfTheWorker) {
  Limits limits = small();
  limits.cpu = 20s;
  Function f(handler("if (request.url.endsWith('fill')) { const a = []; for (;;) a.push({ a }); }"
                     "await new Promise((r) => setTimeout(r, 20)); return new Response('fine');"),
             limits);
  std::vector<Code> codes;
  const auto note = [&codes](Result<Response> r) {
    codes.push_back(r ? Code::internal : r.error().code);
  };
  f.worker().call({.url = "http://f/"}, note);
  f.worker().call({.url = "http://f/fill"}, note);
  EXPECT_TRUE(f.worker().retired());
  EXPECT_EQ(f.call().error().code, Code::memory_exceeded);
  EXPECT_EQ(codes, (std::vector<Code>{Code::memory_exceeded, Code::memory_exceeded}));
  EXPECT_EQ(f.worker().in_flight(), 0u);
}

TEST(Limits, GiveBuffersBackAfterCollection) {
  Function f(handler("for (let i = 0; i < 64; i++) new Uint8Array(1 << 20);"
                     "return new Response('fine');"),
             small());
  EXPECT_EQ(f.text(), "fine");
  EXPECT_FALSE(f.worker().retired());
}

TEST(Limits, RegressATinyTypedArrayMovesOutOfTheHeapWhenTheBuffersAreFull) {
  Function f(handler("globalThis.all = []; for (let n = 1 << 20; n > 64; n >>= 1)"
                     "  try { for (;;) all.push(new ArrayBuffer(n)); } catch {}"
                     "new Uint8Array(64).buffer; crypto.randomUUID();"
                     "return new Response('fine');"),
             long_small());
  EXPECT_EQ(f.text(), "fine");
}

TEST(Limits, RegressARefusedBufferDoesNotRetireTheWorker) {
  Function f(handler("for (let i = 0; i < 3; i++) try { new ArrayBuffer(65 << 20); } catch {}"
                     "return new Response('went on');"),
             long_small());
  EXPECT_EQ(f.text(), "went on");
  EXPECT_FALSE(f.worker().retired());
  EXPECT_EQ(f.text(), "went on");
}

TEST(Limits, RegressOneLargeAllocationRetiresTheWorker) {
  Function f(handler("globalThis.all = new Array(2e7); return new Response('fine');"),
             long_small());
  f.text();  // the answer may have left before the heap was looked at
  EXPECT_TRUE(f.worker().retired());
  EXPECT_EQ(f.call().error().code, Code::memory_exceeded);
}

TEST(Limits, ALargeAllocationAfterARefusedBufferEndsTheCallOnly) {
  const Error error = attack(
      "try { new ArrayBuffer(65 << 20); } catch {}"
      "const a = []; for (;;) a.push(new Array(1e7));",
      long_small());
  EXPECT_EQ(error.code, Code::memory_exceeded) << error.text();
}

TEST(Limits, CountTheRequestBody) {
  Function f(handler("return new Response(`${(await request.bytes()).length}`);"), small());
  EXPECT_EQ(f.text({.method = "POST", .url = "http://f/", .body = Bytes(4u << 20)}), "4194304");
  EXPECT_EQ(f.call({.method = "POST", .url = "http://f/", .body = Bytes(9u << 20)}).error().code,
            Code::memory_exceeded);
}

TEST(Limits, DropLogsPastTheirLimitWithOneLine) {
  Function f(handler("for (let i = 0; i < 1000; i++) console.log('x'.repeat(100));"
                     "return new Response('fine');"),
             small());
  EXPECT_EQ(f.text(), "fine");
  ASSERT_EQ(f.host().lines.size(), 41u);
  EXPECT_EQ(f.host().lines.back().first, LogLevel::warn);
  EXPECT_EQ(f.text(), "fine");
  EXPECT_EQ(f.host().lines.size(), 82u) << "the limit is per call";
}

TEST(Limits, BoundOneLogLine) {
  Limits limits;
  Function f(handler("console.log('x'.repeat(1e6)); console.log('y'.repeat(1e4) + '\\u{1F600}');"
                     "return new Response('fine');"),
             limits);
  EXPECT_EQ(f.text(), "fine");
  ASSERT_EQ(f.host().lines.size(), 2u);
  EXPECT_LE(f.host().lines[0].second.size(), 8192u);
}

TEST(Limits, RefuseMoreCallsThanTheLimit) {
  Function f(handler("await new Promise((r) => setTimeout(r, 20)); return new Response('x');"));
  size_t answered = 0;
  for (size_t i = 0; i < kCallsInFlightMax; ++i)
    f.worker().call({.url = "http://f/"},
                    [&answered](Result<Response> r) { answered += r ? 1 : 0; });
  EXPECT_EQ(f.worker().in_flight(), kCallsInFlightMax);
  std::optional<Result<Response>> refused;
  f.worker().call({.url = "http://f/"}, [&](Result<Response> r) { refused = std::move(r); });
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->error().code, Code::overloaded);
  f.host().run(1s);
  EXPECT_EQ(answered, kCallsInFlightMax);
}

}  // namespace
}  // namespace themis::js
