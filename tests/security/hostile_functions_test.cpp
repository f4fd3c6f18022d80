// Hostile functions in real function hosts: each is ended, its caller is told the right code, and a
// function of another owner answers all the while, from the isolate it had before.
#include <thread>

#include "tests/unit/js/wasm_module.hpp"
#include "tests/unit/worker/pool_fixture.hpp"

namespace themis {
namespace {

struct Attack {
  const char* name;
  const char* body;  ///< Of fetch.
  std::set<Code> ends;
};

const std::set<Code> kCpu{Code::cpu_exceeded};
const std::set<Code> kMemory{Code::memory_exceeded, Code::cpu_exceeded};
const std::set<Code> kThrows{Code::threw};

const Attack kAttacks[] = {
    // time
    {"loop", "for (;;);", kCpu},
    {"loop that catches", "for (;;) try { for (;;); } catch {} finally { continue; }", kCpu},
    {"microtasks", "for (;;) await null;", kCpu},
    {"flood of microtasks",
     "const f = () => { queueMicrotask(f); queueMicrotask(f); }; f(); await new Promise(() => {});",
     kCpu},
    {"regular expression", "/^(a+)+$/.test('a'.repeat(40) + 'b');", kCpu},
    {"comparator", "[1, 2, 3].sort(() => { for (;;); });", kCpu},
    {"getter of an option", "return new Response('', { get status() { for (;;); } });", kCpu},
    {"stack of an error", "throw { get stack() { for (;;); } };", kCpu},
    {"timers of no time",
     "let x = 0; setInterval(() => { for (let i = 0; i < 1e5; i++) x += i; }, 0);"
     "await new Promise(() => {});",
     kCpu},
    {"loop in a timer", "await new Promise(() => setTimeout(() => { for (;;); }, 5));", kCpu},
    {"loop of buffers", "for (;;) try { new ArrayBuffer(1e6); } catch {}", kCpu},
    {"proxy without end",
     "const p = new Proxy({}, { get: () => p, has: () => true }); for (;;) p.x.y;", kCpu},
    {"generator without end", "function* g() { for (;;) yield 1; } for (const x of g());", kCpu},
    {"toString of a key", "({})[{ toString() { for (;;); } }];", kCpu},
    {"thenable", "await { then() { for (;;); } };", kCpu},
    {"RSA keys",
     "for (;;) await crypto.subtle.generateKey({ name: 'RSA-OAEP', hash: 'SHA-256',"
     "modulusLength: 4096, publicExponent: new Uint8Array([1, 0, 1]) }, false, ['encrypt',"
     "'decrypt']);",
     kCpu},
    {"date of strings", "for (;;) new Date('x'.repeat(1000)).toString();", kCpu},
    {"waitUntil",
     "ctx.waitUntil((async () => { for (;;) await null; })());"
     "await new Promise(() => {});",
     kCpu},
    {"builtin that never looks up", "Array.prototype.lastIndexOf.call({ length: 2 ** 53 - 1 }, 1);",
     kCpu},
    {"array that is filled", "for (;;) new Array(1e8).fill(0);", kMemory},
    // memory
    {"objects", "const a = []; for (;;) a.push({ a });", kMemory},
    {"numbers", "const a = []; for (;;) a.push(a.length + 0.5);", kMemory},
    {"strings", "const a = []; for (let i = 0;; i++) a.push(`${i}`.repeat(1000) + i);", kMemory},
    {"map", "const m = new Map(); for (let i = 0;; i++) m.set(i, i);", kMemory},
    {"spread", "const a = [...'.'.repeat(5e7)]; return new Response(`${a.length}`);", kMemory},
    {"closures", "let f = () => 1; for (;;) { const g = f; f = () => g; }", kMemory},
    {"promises", "const a = []; for (;;) a.push(new Promise(() => {}));", kMemory},
    {"large arrays", "const a = []; for (;;) a.push(new Array(1e7));", kMemory},
    {"one large array",
     "new Array(1e9).fill(1);",
     {Code::cpu_exceeded, Code::memory_exceeded, Code::threw, Code::unavailable}},
    {"buffers",
     "const a = []; for (;;) a.push(new ArrayBuffer(1 << 20));",
     {Code::memory_exceeded}},
    {"one large buffer", "new Uint8Array(1e9);", {Code::memory_exceeded}},
    {"keys",
     "const a = []; for (;;) a.push(await crypto.subtle.generateKey({ name: 'AES-GCM',"
     "length: 256 }, true, ['encrypt']));",
     {Code::threw, Code::cpu_exceeded}},
    {"streams that are never read",
     "const a = []; for (;;) a.push(new TransformStream(), new CompressionStream('gzip'));",
     {Code::threw, Code::cpu_exceeded, Code::memory_exceeded}},
    // what is not there
    {"eval", "eval('1');", kThrows},
    {"new Function", "new Function('return 1');", kThrows},
    {"constructor of a function", "(async () => {}).constructor('return 1');", kThrows},
    {"WebAssembly from bytes",
     "new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))", kThrows},
    {"memory of WebAssembly",
     "const a = []; for (;;) a.push(new WebAssembly.Memory({ initial: 100 }));", kThrows},
    {"shared memory", "new SharedArrayBuffer(8);", kThrows},
    {"Node", "process.exit(1);", kThrows},
    {"require", "require('fs');", kThrows},
    {"import", "await import('node:fs');", kThrows},
    {"recursion", "const f = (n) => 1 + f(n + 1); f(0);", kThrows},
    {"proxies in proxies", "let p = {}; for (let i = 0; i < 1e4; i++) p = new Proxy(p, {}); p.x;",
     kThrows},
    {"deep clone", "let a = []; for (let i = 0; i < 1e5; i++) a = [a]; structuredClone(a);",
     kThrows},
    {"timers without number", "for (;;) setTimeout(() => {}, 1000);", kThrows},
    // what leaves
    {"long response", "return new Response('x'.repeat(9e6));", {Code::too_large}},
    {"long head",
     "return new Response('', { headers: { a: 'x'.repeat(6e5) } });",
     {Code::too_large}},
    {"no answer", "setInterval(() => {}, 100); await new Promise(() => {});", {Code::timeout}},
    {"flood of lines", "for (let i = 0; i < 1e6; i++) console.log('x'.repeat(100)); for (;;);",
     kCpu},
};

class HostileFunctions : public PoolTest {
 protected:
  void SetUp() override {
    log::setup(log::Level::off, log::Format::text);
    WorkerPoolOptions options = pool_options(1);
    options.spare = 1;
    pool_ = spawn_worker_pool(options);
    worker(1);
    ASSERT_TRUE(install_for("neighbour", neighbour_));
    ASSERT_TRUE(install_for("attacker", kEcho));
  }
  static CodeId id(const std::string& owner, const std::string& source) {
    return id_of(owner + " " + source);
  }
  Result<caf::unit_t> install_for(const std::string& owner, const std::string& source) {
    return world_.ask<caf::unit_t>(pool_,
                                   InstallFunction{owner,
                                                   id(owner, source),
                                                   std::make_shared<const Bytes>(to_bytes(source)),
                                                   {.memory_mb = 32, .cpu_ms = 50, .wall_ms = 4000},
                                                   owner});
  }
  Result<wire::Msg<schema::Outcome>> call_for(const std::string& owner, const std::string& source) {
    return world_.ask<wire::Msg<schema::Outcome>>(pool_, CallFunction{id(owner, source), invoke()});
  }
  /// Runs it against a neighbour who is called all the while; what its caller was told.
  Result<wire::Msg<schema::Outcome>> attack(const std::string& source) {
    auto attacking = std::async(std::launch::async, [&] { return call_for("attacker", source); });
    do {
      const auto start = std::chrono::steady_clock::now();
      EXPECT_EQ(text_of(call_for("neighbour", neighbour_)), std::to_string(++neighbours_));
      const std::chrono::duration<double, std::milli> took =
          std::chrono::steady_clock::now() - start;
      latencies_ms_.push_back(took.count());
    } while (attacking.wait_for(std::chrono::milliseconds(2)) != std::future_status::ready);
    return attacking.get();
  }
  void print_latencies(const char* what) {
    std::ranges::sort(latencies_ms_);
    const size_t count = latencies_ms_.size();
    std::printf(
        "%s: %zu calls of the neighbour meanwhile, p50 %.2f ms, p99 %.2f ms, most %.2f ms\n", what,
        count, latencies_ms_[count / 2], latencies_ms_[count * 99 / 100], latencies_ms_.back());
  }

  const std::string neighbour_ =
      "let n = 0; export default { fetch() { return new Response(`${++n}`); } };";
  int neighbours_ = 0;
  std::vector<double> latencies_ms_;
};

TEST_F(HostileFunctions, AdversaryEachIsEndedAlone) {
  static_assert(std::size(kAttacks) >= 35);
  for (const Attack& one : kAttacks) {
    const std::string source = handler(one.body);
    ASSERT_TRUE(install_for("attacker", source)) << one.name;
    const auto outcome = attack(source);
    ASSERT_FALSE(outcome) << one.name << " answered";
    EXPECT_TRUE(one.ends.contains(outcome.error().code))
        << one.name << ": " << outcome.error().text();
    EXPECT_EQ(code(call_for("attacker", kEcho)), Code{}) << "the attacker's own go on too";
  }
  print_latencies("hostile handlers");
}

/// While they are loaded, where the limit is another.
TEST_F(HostileFunctions, AdversaryTopLevelsAreEndedToo) {
  for (const char* source :
       {"for (;;);", "const a = []; for (;;) a.push({ a });", "await new Promise(() => {});",
        "throw new Error('x');", "export default { fetch: 1 };", "import 'node:fs';", "}{",
        "Array.prototype.lastIndexOf.call({ length: 2 ** 53 - 1 }, 1);"}) {
    EXPECT_FALSE(install_for("attacker", source)) << source;
    EXPECT_EQ(text_of(call_for("neighbour", neighbour_)), std::to_string(++neighbours_));
  }
}

TEST_F(HostileFunctions, AdversaryWasmFunctionsAreEndedAsWell) {
  using namespace js::wasm;
  const auto module = [](const Bytes& code) {
    return std::string(as_text(
        header() + section(1, bytes({1, kFunction, 0, 0})) + section(3, bytes({1, 0})) +
        section(5, bytes({1, 0, 1})) +
        section(7, bytes({2}) + name("memory") + bytes({2, 0}) + name("_start") + bytes({0, 0})) +
        section(10, bytes({1}) + js::wasm::body(code))));
  };
  const Bytes forever = bytes({js::wasm::kLoop, kVoid}) + bytes({kBranch, 0, kEnd});
  const Bytes grow = bytes({js::wasm::kLoop, kVoid}) + i32_const(16) +
                     bytes({kMemoryGrow, 0, kDrop}) + bytes({kBranch, 0, kEnd});
  const Bytes fill = i32_const(200) + bytes({kMemoryGrow, 0, kDrop, js::wasm::kLoop, kVoid}) +
                     i32_const(0) + i32_const(1) + i32_const(13'000'000) + bytes({0xFC, 0x0B, 0}) +
                     bytes({kBranch, 0, kEnd});
  const Bytes recurse = bytes({kCall, 0});
  struct Module {
    const char* what;
    Bytes code;
    std::set<Code> ends;
  };
  const Module attacks[] = {{"loop", forever, kCpu},
                            {"grow", grow, kCpu},
                            {"fill", fill, kCpu},
                            {"recursion", recurse, kThrows},
                            {"trap", bytes({kUnreachable}), kThrows}};
  for (const auto& [what, code, ends] : attacks) {
    const std::string source = module(code);
    ASSERT_TRUE(install_for("attacker", source)) << what;
    const auto outcome = attack(source);
    ASSERT_FALSE(outcome) << what;
    EXPECT_TRUE(ends.contains(outcome.error().code)) << what << ": " << outcome.error().text();
  }
  print_latencies("hostile modules");
}

}  // namespace
}  // namespace themis
