// Functions of several modules: kinds, imports, cycles, and what is missing.
#include <algorithm>

#include "runtime/bundle/source_map.hpp"
#include "tests/unit/js/test_host.hpp"
#include "tests/unit/js/wasm_module.hpp"

namespace themis::js {
namespace {

using bundle::Bundle;
using bundle::ModuleKind;

/// The bundle of these files, kinds by their names; "main.js" is the main module.
Bundle bundle_of(std::initializer_list<std::pair<const char*, std::string>> files) {
  Bundle out;
  out.main = "main.js";
  for (const auto& [name, content] : files)
    out.modules.push_back({name, bundle::kind_of(name), to_bytes(content)});
  std::ranges::sort(out.modules, {}, &bundle::Module::name);
  return out;
}

/// The answer of a bundle's fetch, or why it does not load.
std::string answer_of(const Bundle& code) {
  const auto encoded = bundle::encode(code);
  if (!encoded) return encoded.error().text();
  return Function(as_text(*encoded)).text();
}
std::string answer_of(std::initializer_list<std::pair<const char*, std::string>> files) {
  return answer_of(bundle_of(files));
}

TEST(Modules, AModuleImportsEveryKind) {
  EXPECT_EQ(answer_of({{"main.js",
                        "import { twice } from './lib/twice.mjs'; import old from './lib/old.cjs';"
                        "import table from './table.json' with { type: 'json' };"
                        "import note from './note.txt'; import bytes from './raw.bin';" +
                            handler("return new Response([twice(21), old.name, table.rows[1], note,"
                                    "bytes instanceof ArrayBuffer, new Uint8Array(bytes).join('+')]"
                                    ".join());")},
                       {"lib/twice.mjs",
                        "import { two } from '../two.js'; export const twice = (n) =>"
                        " n * two;"},
                       {"lib/old.cjs", "exports.name = 'old' + require('./more.cjs');"},
                       {"lib/more.cjs", "module.exports = require('../two.js').two;"},
                       {"two.js", "export const two = 2;"},
                       {"table.json", R"({"rows": [1, "b"]})"},
                       {"note.txt", "gr\xC3\xBC\xC3\x9F"},
                       {"raw.bin", std::string("\0\xFF", 2)}}),
            "42,old2,b,gr\xC3\xBC\xC3\x9F,true,0+255");
}

/// Exports `f`, which answers 7.
std::string seven() {
  using namespace wasm;
  const Bytes module = header() + section(1, bytes({1, kFunction, 0, 1, kI32})) +
                       section(3, bytes({1, 0})) +
                       section(7, bytes({1}) + name("f") + bytes({0, 0})) +
                       section(10, bytes({1}) + body(i32_const(7)));
  return std::string(as_text(module));
}

TEST(Modules, AWasmModuleIsOneForAllWhoImportItUnderAnyProfile) {
  const std::string main =
      "import module from './seven.wasm'; import old from './old.cjs';" +
      handler(
          "const { exports } = await WebAssembly.instantiate(module, {});"
          "const { default: again } = await import('seven.wasm');"
          "return new Response([exports.f(), module instanceof WebAssembly.Module,"
          "module === old, module === again].join());");
  EXPECT_EQ(answer_of({{"main.js", main},
                       {"old.cjs", "module.exports = require('./seven.wasm');"},
                       {"seven.wasm", seven()}}),
            "7,true,true,true");
}

TEST(Modules, AWasmModuleThatIsNoneIsOneLine) {
  const auto why = [](const std::string& module) {
    return answer_of(
        {{"main.js", "import m from './a.wasm';" + handler("return m;")}, {"a.wasm", module}});
  };
  EXPECT_EQ(why("no module"),
            "threw: SyntaxError: a.wasm: expected the magic word 00 61 73 6d and a version @+0");
  const std::string cut = seven().substr(0, seven().size() - 3);
  EXPECT_NE(why(cut).find("a.wasm: "), std::string::npos) << why(cut);
  EXPECT_EQ(why(cut + "xyz").find('\n'), std::string::npos) << why(cut + "xyz");
}

TEST(Modules, ANameWithoutAPathIsOneOfTheBundle) {
  EXPECT_EQ(answer_of({{"lib/a.js", "export { b } from 'lib/b.js';"},
                       {"lib/b.js", "export const b = import.meta.url;"},
                       {"main.js", "import { b } from 'lib/a.js';" +
                                       handler("return new Response(b + import.meta.url);")}}),
            "file:///lib/b.jsfile:///main.js");
}

TEST(Modules, CyclesWork) {
  EXPECT_EQ(answer_of({{"main.js", "import { even } from './even.js';" +
                                       handler("return new Response(String(even(10)));")},
                       {"even.js",
                        "import { odd } from './odd.js';"
                        "export const even = (n) => n === 0 || odd(n - 1);"},
                       {"odd.js",
                        "import { even } from './even.js';"
                        "export const odd = (n) => n !== 0 && even(n - 1);"}}),
            "true");
  EXPECT_EQ(answer_of({{"main.js", "import a from './a.cjs';" +
                                       handler("return new Response(a.seen + a.done);")},
                       {"a.cjs",
                        "exports.early = 'e'; exports.seen = require('./b.cjs').saw;"
                        "exports.done = 'd';"},
                       {"b.cjs", "const a = require('./a.cjs'); exports.saw = a.early + a.done;"}}),
            "eundefinedd");
}

TEST(Modules, AllWhoImportAValueGetTheSame) {
  EXPECT_EQ(answer_of({{"main.js", "import d from './d.json'; import c from './c.cjs';" +
                                       handler("d.n = 5; const m = await import('./d.json');"
                                               "return new Response([m.default.n, c().n,"
                                               "  c() === d].join());")},
                       {"c.cjs", "module.exports = () => require('./d.json');"},
                       {"d.json", R"({"n": 1})"}}),
            "5,5,true");
}

TEST(Modules, ImportsWhenItIsAsked) {
  const std::string main =
      "globalThis.ran = [];" +
      handler(
          "const before = ran.length; const m = await import('./late.js');"
          "const again = await import('./late.js');"
          "const data = (await import('./d.json', { with: { type: 'json' } })).default;"
          "return new Response([before, m.default, m === again, ran, data.x].join());");
  EXPECT_EQ(answer_of({{"main.js", main},
                       {"late.js", "import './dep.js'; ran.push('late'); export default 7;"},
                       {"dep.js", "ran.push('dep');"},
                       {"d.json", R"({"x": "y"})"}}),
            "0,7,true,dep,late,y");
}

TEST(Modules, AFailedImportIsARejectionAndTheFunctionStaysUp) {
  const auto encoded = bundle::encode(bundle_of(
      {{"main.js", handler("const name = request.url.slice('http://f/'.length);"
                           "try { await import(name); return new Response('loaded'); }"
                           "catch (e) { return new Response(`${e.name}: ${e.message}`); }")},
       {"bad.js", "let a = ;"},
       {"half.js", "import './bad.js';"},
       {"throws.js", "throw new RangeError('no');"},
       {"d.json", "{"}}));
  ASSERT_TRUE(encoded) << encoded.error().text();
  Function f(as_text(*encoded));
  const auto ask = [&f](std::string name) { return f.text({.url = "http://f/" + name}); };
  EXPECT_EQ(ask("gone.js"), "Error: cannot import 'gone.js': the bundle has no module 'gone.js'");
  EXPECT_EQ(ask("bad.js"), "SyntaxError: bad.js:1:9: Unexpected token ';'");
  EXPECT_EQ(ask("half.js"), "SyntaxError: bad.js:1:9: Unexpected token ';'");
  EXPECT_EQ(ask("half.js"), "SyntaxError: bad.js:1:9: Unexpected token ';'") << "not half linked";
  EXPECT_EQ(ask("throws.js"), "RangeError: no");
  EXPECT_EQ(ask("throws.js"), "RangeError: no");
  EXPECT_EQ(ask("d.json").substr(0, 21), "SyntaxError: d.json: ");
}

TEST(Modules, WhatIsMissingIsOneLineWithItsPlace) {
  EXPECT_EQ(answer_of({{"main.js", "\nimport a from './lib/gone.js';" + handler("")}}),
            "syntax: main.js:2:15: cannot import './lib/gone.js': the bundle has no module "
            "'lib/gone.js'");
  EXPECT_EQ(answer_of({{"main.js", "import '../up.js';" + handler("")}}),
            "syntax: main.js:1:8: cannot import '../up.js': it leads out of the bundle");
  EXPECT_EQ(answer_of({{"main.js", "import { no } from './a.js';" + handler("")},
                       {"a.js", "export const yes = 1;"}}),
            "syntax: main.js:1:10: The requested module './a.js' does not provide an export named "
            "'no'");
  EXPECT_EQ(answer_of({{"main.js", "import t from './a.txt' with { type: 'json' };" + handler("")},
                       {"a.txt", "t"}}),
            "syntax: main.js:1:15: cannot import './a.txt': it is not of the type 'json'");
  EXPECT_EQ(answer_of({{"main.js", "import x from './x.cjs';" + handler("")},
                       {"x.cjs", "require('./y.cjs');"}})
                .substr(0, 78),
            "threw: Error: cannot import './y.cjs': the bundle has no module 'y.cjs'\n    at");
}

TEST(Modules, ASourceAloneHasNothingToImport) {
  EXPECT_EQ(Function("import './x.js';" + handler("")).load_error().text(),
            "syntax: f.js:1:8: cannot import './x.js': the bundle has no module 'x.js'");
}

TEST(Modules, RequireOfATopLevelAwaitTellsTheRemedy) {
  EXPECT_EQ(answer_of({{"main.js", "import x from './x.cjs';" + handler("")},
                       {"x.cjs", "require('./slow.js');"},
                       {"slow.js", "await null;"}})
                .substr(0, 71),
            "threw: Error: cannot require 'slow.js': it has a top-level await; impor");
}

TEST(Modules, CommonJsMayBeTheMainModule) {
  Bundle code;
  code.main = "main.cjs";
  code.modules = {{"main.cjs", ModuleKind::commonjs,
                   to_bytes("module.exports = { fetch: () => new Response('cjs') };")}};
  EXPECT_EQ(answer_of(code), "cjs");
  code.modules[0].content = to_bytes(
      "addEventListener('fetch', (e) => e.respondWith("
      "new Response('sw')));");
  EXPECT_EQ(answer_of(code), "sw");
}

TEST(AdversaryModules, AnEndlessModuleOfALaterImportIsTheCallsTime) {
  const auto encoded = bundle::encode(
      bundle_of({{"main.js", handler("if (request.url.endsWith('x')) await import('./loop.js');"
                                     "return new Response('ok');")},
                 {"loop.js", "for (;;) ;"}}));
  Function f(as_text(*encoded));
  EXPECT_EQ(f.call({.url = "http://f/x"}).error().code, Code::cpu_exceeded);
  EXPECT_EQ(f.text(), "ok");
}

TEST(AdversaryModules, BytesOfModulesCountAsBuffers) {
  Limits limits;
  limits.buffer_bytes = 1000;
  const auto encoded = bundle::encode(bundle_of(
      {{"main.js", "import b from './b.bin';" + handler("")}, {"b.bin", std::string(2000, 'b')}}));
  EXPECT_EQ(Function(as_text(*encoded), limits).load_error().detail.substr(0, 40),
            "RangeError: b.bin: no room for its bytes");
}

TEST(AdversaryModules, ADeepChainOfRequiresIsAnExceptionNotACrash) {
  Bundle code = bundle_of(
      {{"main.js", "import a from './m0.cjs';" + handler("return new Response(String(a));")}});
  for (int i = 0; i < 250; ++i)
    code.modules.push_back(
        {"m" + std::to_string(i) + ".cjs", ModuleKind::commonjs,
         to_bytes(i == 249 ? "module.exports = 'end';"
                           : "module.exports = require('./m" + std::to_string(i + 1) + ".cjs');")});
  std::ranges::sort(code.modules, {}, &bundle::Module::name);
  EXPECT_EQ(answer_of(code), "end");
}

TEST(Listeners, AFetchListenerAnswers) {
  Function f(
      "addEventListener('fetch', (event) => { event.respondWith(answer(event)); });"
      "async function answer(event) { event.waitUntil(later());"
      "  return new Response(event.request.method + event.type); }"
      "const later = async () => { await new Promise((r) => setTimeout(r, 10));"
      "  console.log('later'); };");
  EXPECT_EQ(f.text(), "GETfetch");
  f.host().run(1s);
  ASSERT_EQ(f.host().lines.size(), 1u);
  EXPECT_EQ(f.host().lines[0].second, "later");
}

TEST(Listeners, WithoutAnAnswerTheLogSaysWhy) {
  Function f("addEventListener('fetch', (event) => { throw new Error('broken'); });");
  EXPECT_NE(f.call().error().detail.find("respondWith"), std::string::npos);
  ASSERT_EQ(f.host().lines.size(), 1u);
  EXPECT_NE(f.host().lines[0].second.find("broken"), std::string::npos);
  Function twice(
      "addEventListener('fetch', (e) => { e.respondWith(new Response('1'));"
      "  e.respondWith(new Response('2')); });");
  EXPECT_EQ(twice.text(), "1") << "the second one throws in the listener";
}

TEST(Listeners, EventsHaveNamesAndAreMadeByNobodyElse) {
  Function f(
      "addEventListener('fetch', (e) => { let made; try { new FetchEvent('fetch', {}); }"
      "catch (error) { made = error.name; } e.respondWith(new Response([e instanceof FetchEvent,"
      "e instanceof ExtendableEvent, String(e), typeof ScheduledEvent, made].join())); });");
  EXPECT_EQ(f.text(), "true,true,[object FetchEvent],function,TypeError");
}

TEST(Listeners, ADefaultExportWinsOverAListener) {
  EXPECT_EQ(Function("addEventListener('fetch', (e) => e.respondWith(new Response('l')));" +
                     handler("return new Response('d');"))
                .text(),
            "d");
}

/// Line 1 of the module is line 1 of written.ts and line 2 is line 7, column 3.
std::string map_of_two_lines() {
  return std::string(bundle::kSourceMapHead) + "src/written.ts\n\nAAAA;AAME";
}

TEST(Modules, TracesNameTheLinesThatWereWrittenWhereThereIsAMap) {
  const Bundle code = bundle_of({{"main.js",
                                  "export default { fetch() { console.log(new Error('a').stack);\n"
                                  "throw new Error('b'); } };"},
                                 {"main.js.map", map_of_two_lines()}});
  TestHost host;
  Function function(as_text(bundle::encode(code).value()), {}, &host);
  const auto answer = function.call();
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().detail.find("src/written.ts:7:3"), std::string::npos)
      << answer.error().detail;
  ASSERT_EQ(host.lines.size(), 1u);
  EXPECT_NE(host.lines[0].second.find("src/written.ts:1:1"), std::string::npos)
      << host.lines[0].second;
}

/// What a function reads of `error` after `before` ran, in a module with the map of two lines.
std::string read_of(const std::string& before, const std::string& read) {
  const Bundle code = bundle_of({{"main.js", "export default { async fetch() {" + before +
                                                 "\nconst error = new TypeError('b'); return new "
                                                 "Response(String(" +
                                                 read + ")); } };"},
                                 {"main.js.map", map_of_two_lines()}});
  return Function(as_text(bundle::encode(code).value())).text();
}

TEST(MappedStacks, AFunctionReadsTheLinesThatWereWritten) {
  const std::string stack = read_of("", "error.stack");
  EXPECT_TRUE(stack.starts_with("TypeError: b\n    at Object.fetch (src/written.ts:7:3)")) << stack;
  EXPECT_EQ(stack.find("main.js"), std::string::npos) << stack;
  EXPECT_EQ(read_of("", "Object.keys(error).includes('stack')"), "false") << "as V8's own";
  EXPECT_TRUE(read_of("const o = {}; Error.captureStackTrace(o);", "o.stack")
                  .find("(src/written.ts:1:1)") != std::string::npos);
  EXPECT_TRUE(read_of("Error.stackTraceLimit = 0;", "error.stack") == "TypeError: b");
}

TEST(MappedStacks, AFunctionsOwnPreparationKeepsWorking) {
  EXPECT_EQ(read_of("Error.prepareStackTrace = (e, sites) => [e.message, sites.length > 0,"
                    "typeof sites[0].getLineNumber()];",
                    "error.stack"),
            "b,true,number");
  EXPECT_EQ(read_of("Error.prepareStackTrace = () => { throw new Error('own'); };",
                    "(() => { try { return error.stack; } catch (e) { return e.message; } })()"),
            "own");
  const std::string inner =
      read_of("Error.prepareStackTrace = () => new Error('in it').stack;", "error.stack");
  EXPECT_TRUE(inner.starts_with("Error: in it\n    at ")) << inner;
  EXPECT_TRUE(read_of("Error.prepareStackTrace = 7;", "error.stack").starts_with("TypeError: b\n"));
}

TEST(MappedStacks, AdversaryErrorsThatAreNoneHarmNobody) {
  EXPECT_TRUE(
      read_of("Error.prototype.toString = () => 'forged'; globalThis.Error = null;", "error.stack")
          .starts_with("TypeError: b\n"));
  EXPECT_TRUE(read_of("class E extends Error { get message() { throw 1; } }", "new E().stack")
                  .find("src/written.ts:7") != std::string::npos);
  EXPECT_EQ(
      read_of("Error.stackTraceLimit = 1e9; let deep = (n) => n ? deep(n - 1) : new Error('d');"
              "deep = ((f) => f)(deep);",
              "deep(2000).stack.includes('(main.js:1:')"),
      "true")
      << "a long trace is as V8 knows it";
}

TEST(MappedStacks, AFileOfTheModulesNameIsNotMappedTwice) {
  const Bundle code =
      bundle_of({{"main.js",
                  "export default { fetch() { console.log(new Error('a').stack);\n"
                  "throw new Error('b'); } };"},
                 {"main.js.map", std::string(bundle::kSourceMapHead) + "main.js\n\nAAEA;AAAA"}});
  TestHost host;
  Function function(as_text(bundle::encode(code).value()), {}, &host);
  const auto answer = function.call();
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().detail.find("main.js:3:1"), std::string::npos) << answer.error().detail;
  ASSERT_EQ(host.lines.size(), 1u);
  EXPECT_NE(host.lines[0].second.find("main.js:3:1"), std::string::npos);
}

TEST(MappedStacks, AreTheSameAfterARest) {
  std::string map = std::string(bundle::kSourceMapHead) + "src/written.ts\n\nAAAA;AAME";
  for (int i = 0; i < 5000; ++i) map += ";AACA";
  const Bundle code = bundle_of({{"main.js",
                                  "export default { fetch() {\n"
                                  "return new Response(new Error('b').stack); } };"},
                                 {"main.js.map", map}});
  Function function(as_text(bundle::encode(code).value()));
  const std::string before = function.text();
  EXPECT_NE(before.find("src/written.ts:7:3"), std::string::npos) << before;
  for (int i = 0; i < 3; ++i) {
    function.worker().rest();
    EXPECT_EQ(function.text(), before);
  }
}

TEST(Modules, AMapIsNobodysToImportAndABadOneChangesNothing) {
  EXPECT_NE(answer_of({{"main.js", "import map from './main.js.map';" + handler("")},
                       {"main.js.map", map_of_two_lines()}})
                .find("has no module 'main.js.map'"),
            std::string::npos);
  EXPECT_NE(answer_of({{"main.js", "throw new Error('early');"}, {"main.js.map", "{}"}})
                .find("main.js:1:7"),
            std::string::npos);
  EXPECT_NE(
      answer_of({{"main.js", "\nthrow new Error('early');"}, {"main.js.map", map_of_two_lines()}})
          .find("src/written.ts:7:3"),
      std::string::npos);
}

}  // namespace
}  // namespace themis::js
