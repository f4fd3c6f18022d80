// themis.remote: what travels to the exported functions of another function, and what comes back.
// Both ends are real; the host in between hands the bytes on.
#include <cstdlib>
#include <random>

#include "runtime/js/cloned_bytes.hpp"
#include "tests/unit/js/test_host.hpp"

namespace themis::js {
namespace {

/// Large values take more CPU time than a call has.
Limits patient() {
  Limits limits;
  limits.cpu = 10s;
  return limits;
}
/// Far more than a call of these tests takes.
constexpr int kStepsMax = 10'000;

bundle::Bundle module_of(const std::string& source, std::vector<std::string> remote = {}) {
  bundle::Bundle code;
  code.main = "far.js";
  code.modules = {{"far.js", bundle::ModuleKind::es, to_bytes(source)}};
  code.settings.remote = std::move(remote);
  return code;
}

/// A caller whose handler has this body, and the module that its remote calls reach.
struct Pair {
  Pair(const std::string& body, const std::string& exports, std::vector<std::string> open = {},
       bool own = true)
      : is_own(own),
        near(handler("const far = themis.remote('far');" + body), patient(), &near_host) {
    auto loaded = engine().load(module_of(exports + "export default { fetch() {} };", open), {},
                                far_host, {});
    EXPECT_TRUE(loaded) << loaded.error().text();
    far = std::move(*loaded);
  }
  std::string text() {
    std::optional<Result<Response>> out;
    near.worker().call({.url = "http://f/"}, [&out](Result<Response> r) { out = std::move(r); });
    for (int i = 0; i < kStepsMax && !out; ++i) {
      if (carried < near_host.called.size()) {
        const Host::ServiceAnswered answered = near_host.called[carried];
        answered(reach(near_host.requests[carried++].second));
      } else {
        near_host.step();
      }
    }
    if (!out) return "(no answer)";
    return *out ? std::string(as_text((*out)->body)) : out->error().text();
  }
  Result<Response> reach(Request request) {
    if (forge_request) request.body = *forge_request;
    request.is_own = is_own;
    std::optional<Result<Response>> out;
    far->call(std::move(request), [&out](Result<Response> r) { out = std::move(r); });
    for (int i = 0; i < kStepsMax && !out; ++i) far_host.step();
    if (out && *out && forge_answer) (*out)->body = *forge_answer;
    return out ? *out : fail(Code::internal, "no answer");
  }

  const bool is_own;
  size_t carried = 0;
  TestHost near_host, far_host;
  Function near;
  std::unique_ptr<Worker> far;
  std::optional<Bytes> forge_request, forge_answer;
};

TEST(Remote, ACallRunsAnExportedFunctionAndItsResultComesBack) {
  Pair pair("return new Response(String(await far.add(40, 2)));",
            "export const add = async (a, b) => a + b;");
  EXPECT_EQ(pair.text(), "42");
  ASSERT_EQ(pair.near_host.requests.size(), 1u);
  const auto& [service, request] = pair.near_host.requests[0];
  EXPECT_EQ(service, "fn/far");
  EXPECT_EQ(request.method, "add");
  EXPECT_EQ(request.event, Event::remote);
  EXPECT_EQ(request.depth, 1);
}

TEST(Remote, ValuesTravelAsStructuredCloneCopiesThem) {
  Pair pair(R"(
    const view = new Uint8Array([1, 2, 3, 4]).subarray(1, 3);
    const cycle = { name: 'c' }; cycle.self = cycle;
    const sent = [undefined, null, true, -5, 4e9, 0.5, 12345678901234567890n, 'gr\u00fc\u00df',
      '\u65e5\u672c', [1, , 3], { a: { b: [] } }, new Map([[{}, new Set([1])]]), new Date(7), /x/gi,
      view, new Float64Array([1.5]), new DataView(new ArrayBuffer(4), 1, 2), new RangeError('r'),
      Object(1), Object('s'), Object(true), cycle];
    const got = await far.echo(sent);
    const show = (v) => [v[6], v[7], v[8], 1 in v[9], v[9].length, JSON.stringify(v[10]),
      v[11].size, v[12].getTime(), String(v[13]), v[14].join('-'), v[14].constructor.name, v[15][0],
      v[16].byteLength, v[17] instanceof RangeError, v[17].message, v[21].self === v[21]].join();
    const same = show(got) === show(sent) && got.length === sent.length;
    return new Response(String(same && show(got)));)",
            "export const echo = (value) => value;");
  EXPECT_EQ(pair.text(),
            "12345678901234567890,gr\xC3\xBC\xC3\x9F,\xE6\x97\xA5\xE6\x9C\xAC,false,3,"
            "{\"a\":{\"b\":[]}},1,7,/x/gi,2-3,Uint8Array,1.5,2,true,r,true");
}

TEST(Remote, WhatCannotBeClonedIsADataCloneError) {
  Pair pair(R"(
    const told = [];
    const nested = []; let at = nested; for (let i = 0; i < 300; i++) at.push(at = []);
    for (const value of [() => 1, Symbol('s'), new Request('http://x/'), new WeakMap(),
        nested, 'x'.repeat(9e6), Promise.resolve(),
        Array.from({ length: 70000 }, () => ({}))])
      await far.echo(value).catch((e) => told.push(e instanceof DOMException && e.name));
    await far.give().catch((e) => told.push(e.name, e instanceof DOMException));
    const refused = told.filter((name) => name === 'DataCloneError').length;
    return new Response(refused + ',' + told.at(-1));)",
            "export const echo = (value) => value; export const give = () => () => 1;");
  EXPECT_EQ(pair.text(), "9,false");
  EXPECT_EQ(pair.near_host.requests.size(), 1u) << "nothing but the last call left";
}

constexpr const char* kThrowing = R"(
  export const fail = (kind) => {
    if (kind === 'type') throw new TypeError('not this');
    if (kind === 'own') { const e = new Error('mine'); e.name = 'OrderError'; throw e; }
    if (kind === 'text') throw 'a text';
    throw { get name() { throw 1; } };
  };)";
constexpr const char* kCatching = R"(
  const told = [];
  for (const kind of ['type', 'own', 'text', 'hostile'])
    await far.fail(kind).catch((e) => told.push(e instanceof TypeError, e instanceof Error, e.name,
      e.message, e.stack.includes('far.js')));
  return new Response(told.join());)";

TEST(Remote, AnErrorComesBackWithNameAndMessageAndToItsOwnerWithItsStack) {
  EXPECT_EQ(Pair(kCatching, kThrowing).text(),
            "true,true,TypeError,not this,true,false,true,OrderError,mine,true,"
            "false,true,Error,a text,false,"
            "false,true,Error,an exception that cannot be shown,false");
  const std::string others = Pair(kCatching, kThrowing, {"fail"}, false).text();
  EXPECT_TRUE(others.starts_with("true,true,TypeError,not this,false,")) << others;
  EXPECT_EQ(others.find("far.js"), std::string::npos);
}

TEST(Remote, FunctionsOfOtherOwnersReachWhatTheManifestOpens) {
  const std::string body =
      "const a = await far.open();"
      "const b = await far.closed().catch((e) => e.name + ' ' + e.message);"
      "return new Response(a + '|' + b);";
  const std::string exports = "export const open = () => 'o'; export const closed = () => 'c';";
  EXPECT_EQ(Pair(body, exports, {"open"}, true).text(), "o|c");
  EXPECT_EQ(Pair(body, exports, {"open"}, false).text(),
            "o|TypeError no exported function \"closed\" that `remote` in the manifest opens to "
            "other owners' functions");
}

TEST(Remote, OnlyExportedFunctionsAreReached) {
  Pair pair(
      "const told = [];"
      "for (const name of ['default', 'number', 'nothing', 'toString', 'constructor', '__proto__'])"
      "  await far[name]().catch((e) => told.push(e.message));"
      "return new Response([new Set(told).size, told[0], await far === far, far.then].join());",
      "export const number = 1;");
  EXPECT_EQ(pair.text(), "6,no exported function \"default\",true,");
}

TEST(Remote, AFunctionSeesItsEnvAndMayGoOnAfterItsAnswer) {
  Pair pair("return new Response(await far.who());",
            "export function who() { this.ctx.waitUntil(scheduler.wait(5).then(() =>"
            "  console.log('after')));"
            "  return Object.keys(this.env).join() + typeof this.env.STATE.get; }");
  EXPECT_EQ(pair.text(), "STATE,SERVICESfunction");
  pair.far_host.run(1s);
  ASSERT_EQ(pair.far_host.lines.size(), 1u);
  EXPECT_EQ(pair.far_host.lines[0].second, "after");
}

TEST(Remote, ArgumentsAreThoseOfTheMomentOfTheCall) {
  Pair pair(
      "const list = [1]; const sum = far.count(list); list.push(2);"
      "return new Response(String(await sum));",
      "export const count = (list) => list.length;");
  EXPECT_EQ(pair.text(), "1");
}

TEST(Remote, CallsCountAsSubrequestsAndHaveTheDeadlineOfTheirCaller) {
  Pair pair(
      "let failed = ''; for (let i = 0; i < 1001 && !failed; i++)"
      "  await far.none().catch((e) => { failed = i + ' ' + e.message; });"
      "return new Response(failed);",
      "export const none = () => {};");
  EXPECT_EQ(pair.text(), "1000 over the subrequests that one call may make");
  TestHost host;
  Function f(handler("themis.remote('far').none(); return scheduler.wait(1e6);"), {}, &host);
  const TimePoint deadline = host.now() + 20ms;
  f.worker().call({.url = "http://f/", .deadline = deadline}, [](const Result<Response>&) {});
  ASSERT_EQ(host.deadlines.size(), 1u);
  EXPECT_EQ(host.deadlines[0], deadline);
}

TEST(Remote, AModuleThatOnlyExportsFunctionsSaysSoInItsManifest) {
  TestHost host;
  const std::string source = "export const add = (a, b) => a + b;";
  EXPECT_TRUE(engine().load(module_of(source, {"add"}), {}, host, {}));
  const auto silent = engine().load(module_of(source), {}, host, {});
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().code, Code::invalid);
  const auto missing = engine().load(module_of(source, {"sub"}), {}, host, {});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().detail,
            "far.js: `remote` of the manifest names sub, and no function of that name is exported");
}

TEST(Remote, AdversaryForgedBytesAreAnErrorOnEitherSide) {
  const Bytes forged[] = {{},
                          to_bytes(std::string("\xFF\x0F", 2)),
                          to_bytes(std::string("\xFF\x0Fp\0", 4)),
                          to_bytes(std::string("\xFF\x0D"
                                               "A\0$\0\0",
                                               7)),
                          to_bytes(std::string("\xFF\x0F~\x01\xFF\xFF\xFF\xFF\x0F\0", 10)),
                          to_bytes(std::string("\xFF\x0FV"
                                               "B\0\x7F\0",
                                               7)),
                          to_bytes(std::string("\xFF\x0F"
                                               "B\x01xVB\0\x7F\0",
                                               10)),
                          to_bytes(std::string("\xFF\x0F^\x05", 4))};
  for (const Bytes& bytes : forged) {
    Pair to_far("return new Response(await far.f().catch((e) => e.name + ': ' + e.message));",
                "export const f = () => 'ran';");
    to_far.forge_request = bytes;
    EXPECT_EQ(to_far.text(), "TypeError: what the other side of a remote call sent is no value");
    Pair to_near("return new Response(await far.f().catch((e) => e.name + ': ' + e.message));",
                 "export const f = () => 'ran';");
    to_near.forge_answer = bytes;
    EXPECT_EQ(to_near.text(), "TypeError: what the other side of a remote call sent is no value");
  }
  // A value, and no arguments.
  Pair pair("return new Response(await far.f().catch((e) => e.message));",
            "export const f = () => 'ran';");
  pair.forge_request = to_bytes(std::string("\xFF\x0FT", 3));
  EXPECT_EQ(pair.text(), "the arguments of a call are an array");
}

/// What a taken-over process may send: real values with bytes changed. Whatever V8 is given, it
/// answers or refuses.
TEST(Remote, AdversaryChangedBytesNeverDoMoreThanFail) {
  const char* replay = std::getenv("THEMIS_SEED");
  const uint64_t seed = replay ? std::strtoull(replay, nullptr, 10) : std::random_device()();
  SeededRng rng(seed);
  Pair pair(
      "await far.f([1, 'a\\u65e5', new Map([[1, { b: 2n }]]), new Set([/x/]), new Date(1),"
      "  new Uint8Array(9).subarray(2), [, 1], new TypeError('t', { cause: [1] }),"
      "  Object(1), { x: 1.5 }]); return new Response('done');",
      "export const f = (value) => { globalThis.seen ??= 0; seen++;"
      "  try { structuredClone(value); } catch {} };");
  ASSERT_EQ(pair.text(), "done");
  const Bytes real = pair.near_host.requests[0].second.body;
  ASSERT_TRUE(check_cloned(real));
  for (int i = 0; i < 3000; ++i) {
    Bytes bytes = real;
    for (uint64_t changes = 1 + rng.below(4); changes > 0; --changes)
      bytes[rng.below(bytes.size())] = static_cast<std::byte>(rng.below(256));
    if (rng.below(4) == 0) bytes.resize(rng.below(bytes.size()));
    Request request{.method = "f", .url = kRemoteUrl, .body = bytes, .event = Event::remote};
    request.is_own = true;
    std::optional<Result<Response>> out;
    pair.far->call(std::move(request), [&out](Result<Response> r) { out = std::move(r); });
    for (int j = 0; j < kStepsMax && !out; ++j) pair.far_host.step();
    ASSERT_TRUE(out && *out) << "THEMIS_SEED=" << seed << ", round " << i;
  }
}

}  // namespace
}  // namespace themis::js
