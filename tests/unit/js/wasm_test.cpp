// WebAssembly in handlers: what V8 has, within the limits of the function.
#include "runtime/js/watchdog.hpp"
#include "tests/unit/js/test_host.hpp"
#include "tests/unit/js/wasm_module.hpp"

namespace themis::js {
namespace {

Limits trusted() {
  Limits limits;
  limits.profile = Profile::trusted;
  limits.cpu = 5s;
  limits.buffer_bytes = 16u << 20;
  return limits;
}
/// The text of an answer of a trusted handler that has `module` as `bytes`.
std::string run(const Bytes& module, std::string_view body, const Limits& limits = trusted()) {
  return Function("const bytes = " + wasm::script(module) + ";" + handler(body), limits).text();
}

TEST(Wasm, RunsAModuleWithAMemoryOfItsOwn) {
  EXPECT_EQ(run(wasm::grower(),
                "const { instance: { exports } } = await WebAssembly.instantiate(bytes);"
                "return new Response(`${exports.size()} ${exports.grow(2)} ${exports.size()} "
                "${Object.keys(exports)}`);"),
            "1 1 3 grow,size");
  EXPECT_EQ(run(wasm::grower(true),
                "const module = new WebAssembly.Module(bytes);"
                "const { exports } = new WebAssembly.Instance(module, {});"
                "exports.grow(1);"
                "return Response.json([WebAssembly.Module.imports(module),"
                "  WebAssembly.Module.exports(module).map(({ name }) => name),"
                "  exports.memory.buffer.byteLength, exports.memory instanceof WebAssembly.Memory,"
                "  module instanceof WebAssembly.Module, module.constructor === WebAssembly.Module,"
                "  `${module}`, WebAssembly.validate(bytes)]);"),
            "[[],[\"grow\",\"size\",\"memory\"],131072,true,true,true,"
            "\"[object WebAssembly.Module]\",true]");
}

TEST(Wasm, GivesTheFunctionsOwnImports) {
  using namespace wasm;
  const Bytes module = header() + section(1, bytes({2, kFunction, 0, 1, kI32, kFunction, 0, 0})) +
                       section(2, bytes({1}) + name("env") + name("answer") + bytes({0, 0})) +
                       section(3, bytes({1, 0})) + section(5, bytes({1, 1, 1, 2})) +
                       section(7, bytes({1}) + name("run") + bytes({0, 1})) +
                       section(10, bytes({1}) + body(bytes({kCall, 0})));
  EXPECT_EQ(
      run(module,
          "const imports = { env: { get answer() { return () => 42; } } };"
          "const { instance } = await WebAssembly.instantiate(bytes, imports);"
          "let refused; try { new WebAssembly.Instance(new WebAssembly.Module(bytes)); }"
          "catch (error) { refused = error.name; }"
          "return Response.json([instance.exports.run(), refused,"
          "  WebAssembly.Module.imports(new WebAssembly.Module(bytes)), Object.keys(imports)]);"),
      "[42,\"TypeError\",[{\"module\":\"env\",\"name\":\"answer\",\"kind\":\"function\"}],"
      "[\"env\"]]");
}

TEST(Wasm, HasTheNamesThatV8Has) {
  EXPECT_EQ(run({}, "return new Response(Object.getOwnPropertyNames(WebAssembly).sort());"),
            "CompileError,Exception,Global,Instance,JSTag,LinkError,Memory,Module,RuntimeError,"
            "Table,Tag,compile,compileStreaming,instantiate,instantiateStreaming,validate");
  EXPECT_EQ(run({},
                "const tag = new WebAssembly.Tag({ parameters: ['i32'] });"
                "const thrown = new WebAssembly.Exception(tag, [7]);"
                "return new Response([thrown.is(tag), thrown.getArg(tag, 0), `${WebAssembly}`,"
                "  new WebAssembly.Global({ value: 'i64' }, 5n).value,"
                "  new WebAssembly.Table({ element: 'anyfunc', initial: 2 }).length]);"),
            "true,7,[object WebAssembly],5,2");
}

TEST(Wasm, CompilesFromResponses) {
  EXPECT_EQ(
      run(wasm::grower(),
          "const as = (type, init) => new Response(bytes,"
          "  { headers: { 'content-type': type }, ...init });"
          "const { module } = await WebAssembly.instantiateStreaming("
          "  Promise.resolve(as('application/wasm')));"
          "const seen = [module instanceof WebAssembly.Module];"
          "for (const source of [as('text/plain'), as('application/wasm', { status: 404 }), 1])"
          "  await WebAssembly.compileStreaming(source).catch((e) => seen.push(e.name));"
          "return new Response(seen);"),
      "true,TypeError,TypeError,TypeError");
}

TEST(Wasm, FailsAsV8Does) {
  EXPECT_EQ(run(wasm::bytes({1, 2, 3}),
                "const seen = [WebAssembly.validate(bytes)];"
                "try { new WebAssembly.Module(bytes); } catch (e) { seen.push(e.name); }"
                "await WebAssembly.compile(bytes).catch((e) => seen.push(e.name));"
                "try { WebAssembly.Module(bytes); } catch (e) { seen.push(e.name); }"
                "try { new WebAssembly.Instance({}); } catch (e) { seen.push(e.name); }"
                "try { new WebAssembly.Memory({}); } catch (e) { seen.push(e.name); }"
                "try { new WebAssembly.Memory({ initial: 2, maximum: 1 }); }"
                "catch (e) { seen.push(e.name); }"
                "try { new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }); }"
                "catch (e) { seen.push(e.name); }"
                "return new Response(seen);"),
            "false,CompileError,CompileError,TypeError,TypeError,TypeError,RangeError,TypeError");
}

TEST(Wasm, IsCompiledOnceForAllFunctionsOfAProcess) {
  using wasm::operator+;
  const Bytes module = wasm::grower() + wasm::section(0, wasm::name("of this test"));
  const EngineFigures before = engine().figures();
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(run(module,
                  "const { instance } = await WebAssembly.instantiate(bytes);"
                  "return new Response(instance.exports.grow(1));"),
              "1");
  EXPECT_EQ(engine().figures().wasm_modules, before.wasm_modules + 1);
  EXPECT_EQ(engine().figures().wasm_shared, before.wasm_shared + 2);
}

TEST(Wasm, BytesAreNoCodeForManyTenants) {
  Limits limits = trusted();
  limits.profile = Profile::multi_tenant;
  const std::string refused =
      run(wasm::grower(), "return new Response(await WebAssembly.compile(bytes).catch(String));",
          limits);
  EXPECT_NE(refused.find("bytes do not become code under the profile multi-tenant"),
            std::string::npos)
      << refused;
}

TEST(Wasm, TextIsCodeForTheTrustedOnly) {
  EXPECT_EQ(run({}, "return new Response(eval('6 * 7') + new Function('return 1')());"), "43");
  EXPECT_EQ(run({}, "return new Response(Number.isInteger(performance.now()));"), "true")
      << "the clock of this test stands still";
}

TEST(Wasm, CountsMemoriesThatAreMadeAndGrown) {
  EXPECT_EQ(run(wasm::grower(true),
                "const seen = [];"
                "const attempt = (what) => { try { what(); seen.push('made'); }"
                "  catch (error) { seen.push(error.name); } };"
                "globalThis.kept = new WebAssembly.Memory({ initial: 200 });"
                "attempt(() => new WebAssembly.Memory({ initial: 57 }));"
                "attempt(() => new Uint8Array(4 << 20));"
                "attempt(() => kept.grow(57));"
                "attempt(() => kept.grow(50));"
                "attempt(() => new WebAssembly.Memory({ initial: 65536 }));"
                "return new Response(seen);"),
            "RangeError,RangeError,RangeError,made,RangeError");
}

TEST(Wasm, GivesBackWhatNobodyHolds) {
  EXPECT_EQ(run(wasm::grower(),
                "for (let i = 0; i < 60; i++) new WebAssembly.Memory({ initial: 100 });"
                "const module = new WebAssembly.Module(bytes);"
                "for (let i = 0; i < 60; i++) new WebAssembly.Instance(module).exports.grow(100);"
                "return new Response('fine');"),
            "fine");
}

TEST(Wasm, AdversaryGrowthInsideOfModulesEndsTheFunction) {
  Function f("const bytes = " + wasm::script(wasm::grower()) + ";" +
                 handler("globalThis.all = []; const module = new WebAssembly.Module(bytes);"
                         "for (let i = 0; i < 4; i++) {"
                         "  all.push(new WebAssembly.Instance(module).exports);"
                         "  if (i === 3) for (const one of all) one.grow(200); }"
                         "return new Response('answered');"),
             trusted());
  f.text();  // the answer may have left before the memories were looked at
  EXPECT_TRUE(f.worker().retired());
}

TEST(Wasm, AdversaryOneMemoryCannotGrowPastTheLimit) {
  EXPECT_EQ(run(wasm::grower(),
                "const { instance: { exports } } = await WebAssembly.instantiate(bytes);"
                "return new Response([exports.grow(60000), exports.grow(256), exports.grow(100),"
                "  exports.grow(200)]);"),
            "-1,-1,1,-1");
}

TEST(Wasm, AdversaryWhileItRunsGrowthIsSeenByTheWatchdog) {
  using namespace wasm;
  // loop forever, after growing
  const Bytes spinner =
      header() + section(1, bytes({1, kFunction, 0, 0})) + section(3, bytes({1, 0})) +
      section(5, bytes({1, 0, 1})) + section(7, bytes({1}) + name("run") + bytes({0, 0})) +
      section(10, bytes({1}) + body(i32_const(200) + bytes({kMemoryGrow, 0, kDrop, kLoop, kVoid,
                                                            kBranch, 0, kEnd})));
  Limits limits = trusted();
  limits.cpu = 20s;
  EXPECT_EQ(run(spinner,
                "globalThis.held = new WebAssembly.Instance(new WebAssembly.Module(bytes));"
                "globalThis.kept = new WebAssembly.Memory({ initial: 150 }); held.exports.run();",
                limits),
            "memory_exceeded: over 16 MB of ArrayBuffers and Wasm memory");
}

TEST(Wasm, AdversaryLoopsAreEndedByTheCpuLimit) {
  using namespace wasm;
  const Bytes spinner = header() + section(1, bytes({1, kFunction, 0, 0})) +
                        section(3, bytes({1, 0})) +
                        section(7, bytes({1}) + name("run") + bytes({0, 0})) +
                        section(10, bytes({1}) + body(bytes({kLoop, kVoid, kBranch, 0, kEnd})));
  Limits limits = trusted();
  limits.cpu = 50ms;
  EXPECT_EQ(run(spinner, "new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.run();",
                limits),
            "cpu_exceeded: over 50 ms of CPU time");
}

TEST(Wasm, RegressALoopOfLongInstructionsIsEndedByTheCpuLimit) {
  using namespace wasm;
  const Bytes fill = i32_const(200) + bytes({kMemoryGrow, 0, kDrop, kLoop, kVoid}) + i32_const(0) +
                     i32_const(1) + i32_const(13'000'000) + bytes({0xFC, 0x0B, 0}) +
                     bytes({kBranch, 0, kEnd});
  const Bytes module = header() + section(1, bytes({1, kFunction, 0, 0})) +
                       section(3, bytes({1, 0})) + section(5, bytes({1, 0, 1})) +
                       section(7, bytes({1}) + name("run") + bytes({0, 0})) +
                       section(10, bytes({1}) + body(fill));
  Limits limits = trusted();
  limits.cpu = 50ms;
  const Duration before = thread_cpu();
  EXPECT_EQ(
      run(module, "new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.run();", limits),
      "cpu_exceeded: over 50 ms of CPU time");
  EXPECT_LT(thread_cpu() - before, 2s);  // without the flag: 30 s
}

}  // namespace
}  // namespace themis::js
