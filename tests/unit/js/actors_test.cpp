// Actors: who asks one, and what the isolate that is one does with calls, storage and alarms.
#include <nlohmann/json.hpp>

#include "tests/unit/js/test_host.hpp"

namespace themis::js {
namespace {

using nlohmann::json;

/// The state of one namespace, as its JSON has it.
class Store {
 public:
  std::string answer(const std::string& question) {
    const json ask = json::parse(question);
    const std::string op = ask.at("op");
    if (op == "get") {
      const auto found = rows.find(ask.at("key"));
      return json{{"value", found == rows.end() ? json() : found->second}}.dump();
    }
    if (op == "list") return list(ask);
    ++commits;
    for (const json& change : ask.at("changes")) {
      rows.erase(change.at("key"));
      if (!change.at("value").is_null()) rows[change.at("key")] = as_told(change.at("value"));
    }
    return R"({"done":true})";
  }
  std::map<std::string, json> rows;
  int commits = 0;

 private:
  /// Bytes that are a text are told as one.
  static json as_told(const json& value) {
    if (!value.is_object()) return value;
    const auto bytes = from_hex(value.at("hex").get<std::string>());
    const bool is_text =
        bytes && std::ranges::all_of(*bytes, [](std::byte b) { return b < std::byte{0x80}; });
    return is_text ? json(as_text(*bytes)) : value;
  }
  std::string list(const json& ask) const {
    const std::string prefix = ask.at("prefix");
    const std::string after = ask.at("after");
    json entries = json::array();
    for (const auto& [key, value] : rows) {
      if (!key.starts_with(prefix) || (!after.empty() && key <= after)) continue;
      if (entries.size() == 2) return json{{"entries", entries}, {"more", true}}.dump();
      entries.push_back({{"key", key}, {"value", value}});
    }
    return json{{"entries", entries}, {"more", false}}.dump();
  }
};

const Actor kActor{{"Counter", "a"}, bundle::actor_home("f", {"Counter", "a"})};

bundle::Bundle code_of(const std::string& source) {
  bundle::Bundle code;
  code.main = "f.js";
  code.modules = {{"f.js", bundle::ModuleKind::es, to_bytes(source)}};
  code.settings.actors["COUNTER"] = "Counter";
  return code;
}

/// An actor whose class has this body, and its calls; `fetch` gets the path without its slash.
class Loaded {
 public:
  explicit Loaded(const std::string& body, Store* store = nullptr, const Limits& limits = {}) {
    if (store != nullptr)
      host.answer_state = [store](const std::string& question) { return store->answer(question); };
    auto made = engine().load(
        code_of("export default { fetch() {} };"
                "export class Counter { constructor(ctx, env) { this.ctx = ctx; this.env = env;"
                "this.s = ctx.storage; this.open?.(); }"
                "async fetch(request) { const out = await this.run(new URL(request.url).pathname"
                ".slice(1)); return new Response(typeof out === 'string' ? out :"
                "JSON.stringify(out)); }" +
                body + "};"),
        limits, host, {}, &kActor);
    if (made)
      worker = std::move(*made);
    else
      error = made.error();
    // Each has random numbers of its own.
    static size_t loaded = 0;
    Bytes others(++loaded * 1000);
    host.random(others);
  }
  /// What goes on after the answer.
  std::string settled(const std::string& path) {
    const std::string answer = text(path);
    host.run(1ms);
    return answer;
  }
  /// The answer of a call, once it is there; the actor keeps it.
  using Answer = std::optional<Result<Response>>*;
  Answer begin(const std::string& path = "", Event event = Event::fetch) {
    const Answer out = &answers.emplace_back();
    Request request{.url = "http://f/" + path, .name_space = "f", .event = event};
    if (event == Event::alarm) request.body = to_bytes(path);
    worker->call(std::move(request), [out](Result<Response> answer) { *out = std::move(answer); });
    return out;
  }
  std::string text_of(const Answer& answer) {
    while (!*answer && host.step()) {
    }
    if (!*answer) return "(no answer)";
    return **answer ? std::string(as_text((**answer)->body)) : (**answer).error().text();
  }
  std::string text(const std::string& path = "") { return text_of(begin(path)); }
  std::string ring(int64_t at) { return text_of(begin(std::to_string(at), Event::alarm)); }

  TestHost host;
  std::deque<std::optional<Result<Response>>> answers;
  std::unique_ptr<Worker> worker;
  Error error;
};

/// Reads, waits for the store, adds one.
const std::string kCount =
    "async run() { const n = (await this.s.get('n')) ?? 0; await null;"
    "await this.s.put('n', n + 1); return n + 1; }";

/// "put/KEY/BYTES" of a long value, "cut/KEY" for a short one, "get/KEY" its length, "drop/KEY",
/// "all" and "clear".
const std::string kLong =
    "async run(path) { const [what, key, bytes] = path.split('/');"
    "const value = (n) => 'ab'.repeat(n / 2);"
    "if (what === 'put') await this.s.put(key, value(+bytes));"
    "if (what === 'cut') await this.s.put(key, 'x');"
    "if (what === 'drop') return this.s.delete(key);"
    "if (what === 'clear') await this.s.deleteAll();"
    "if (what === 'both') { this.s.put(key, value(3000)); this.s.put(key, value(4000));"
    "const read = this.s.get(key); this.s.put(key, value(5000)); return (await read).length; }"
    "if (what === 'all') return [...await this.s.list()].map(([k, v]) => k + v.length).join();"
    "if (what === 'move') return this.s.transaction(async (t) => {"
    "const old = await t.get(key); await t.put('moved', old); await t.delete(key); return 'ok'; });"
    "if (what !== 'get') { await this.s.sync(); return 'ok'; }"
    "const found = await this.s.get(key);"
    "return found === undefined || found === value(found.length) || found === 'x'"
    " ? String(found?.length) : 'half'; }";

/// The answer to the question whether there is anything of long values.
constexpr const char* kNoLong = R"({"entries":[],"more":false})";

/// What is stored beside heads and short values.
size_t others(const Store& store) {
  return static_cast<size_t>(std::ranges::count_if(
      store.rows, [](const auto& row) { return row.first.find(':') != std::string::npos; }));
}

TEST(Actors, RegressLongValuesAreKeptInPieces) {
  Store store;
  Loaded actor(kLong, &store);
  EXPECT_EQ(actor.settled("put/a/120000"), "ok");
  EXPECT_EQ(others(store), 138u) << "872 bytes each, without a note";
  EXPECT_EQ(actor.text("get/a"), "120000");
  EXPECT_EQ(Loaded(kLong, &store).text("get/a"), "120000");
  EXPECT_EQ(actor.settled("put/b/1500"), "ok");
  EXPECT_EQ(actor.text("all"), "a120000,b1500");
  EXPECT_EQ(actor.settled("put/a/2000"), "ok");
  EXPECT_EQ(others(store), 3u + 2u) << "those before are gone";
  EXPECT_EQ(Loaded(kLong, &store).settled("cut/a"), "ok");
  EXPECT_EQ(others(store), 2u) << "of who did not read it before, too";
  EXPECT_EQ(Loaded(kLong, &store).settled("move/b"), "ok");
  EXPECT_EQ(Loaded(kLong, &store).text("all"), "a1,moved1500");
  EXPECT_EQ(Loaded(kLong, &store).settled("both/c"), "4000");
  Loaded next(kLong, &store);
  EXPECT_EQ(next.text("get/c"), "5000");
  EXPECT_EQ(next.settled("drop/moved"), "true");
  EXPECT_EQ(others(store), 6u);
  EXPECT_NE(next.text("put/d/131072").find("too_large: a value has at most 131072 bytes"),
            std::string::npos);
  EXPECT_EQ(next.settled("clear"), "ok");
  EXPECT_TRUE(store.rows.empty());
}

/// Whatever was written when it ended, the value is the one before or the one after, and the next
/// long one takes away what is of no use.
TEST(Actors, ALongValueIsWholeAfterACrashAtAnyWrite) {
  for (int writes = 0;; ++writes) {
    Store store;
    ASSERT_EQ(Loaded(kLong, &store).settled("put/a/2000"), "ok");
    Loaded dies(kLong);
    int left = writes;
    dies.host.answer_state = [&](const std::string& question) -> Result<std::string> {
      if (question.find("\"op\":\"transaction\"") != std::string::npos && left-- <= 0)
        return fail(Code::unavailable, "gone");
      return store.answer(question);
    };
    dies.settled("put/a/4000");
    Loaded after(kLong, &store);
    const std::string found = after.text("get/a");
    EXPECT_TRUE(found == "2000" || found == "4000") << writes << ": " << found;
    EXPECT_EQ(after.settled("put/b/1000"), "ok");
    EXPECT_EQ(after.settled("put/b/1500"), "ok");
    EXPECT_EQ(others(store), (found == "2000" ? 3u : 5u) + 2u) << writes;
    if (left > 0) break;  // it had all the writes it wanted
    ASSERT_LT(writes, 100);
  }
}

TEST(Actors, AreAskedByTheirFunctionClassAndId) {
  bundle::Bundle code = code_of(
      "export class Counter {}"
      "export default { async fetch(request, env) { const actor = env.COUNTER.get('b c/\xC3\xBC');"
      "const r = await actor.fetch('http://x/y', { method: 'POST', body: 'hi' });"
      "return new Response(actor.id + await r.text()); } };");
  TestHost host;
  host.answer_service = [](const Request& request) -> Result<Response> {
    return Response{.status = 200, .headers = {}, .body = request.body};
  };
  const auto worker = engine().load(code, {}, host);
  ASSERT_TRUE(worker) << worker.error().text();
  std::string answer;
  (*worker)->call({.url = "http://f/", .name_space = "f"}, [&](const Result<Response>& response) {
    answer = response ? as_text(response->body) : response.error().text();
  });
  while (answer.empty() && host.step()) {
  }
  EXPECT_EQ(answer, "b c/\xC3\xBChi");
  ASSERT_EQ(host.requests.size(), 1u);
  EXPECT_EQ(host.requests[0].first, "actor/f");
  EXPECT_EQ(host.requests[0].second.actor, (bundle::ActorName{"Counter", "b c/\xC3\xBC"}));
  EXPECT_EQ(host.requests[0].second.depth, 1);
}

TEST(Actors, AnIdHasALength) {
  bundle::Bundle code = code_of("export class Counter {}" +
                                handler("try { env.COUNTER.get('x'.repeat(257)); } catch (e) {"
                                        "return new Response(e.message); }"));
  TestHost host;
  const auto worker = engine().load(code, {}, host);
  std::string answer;
  (*worker)->call({.url = "http://f/"},
                  [&](const Result<Response>& response) { answer = as_text(response->body); });
  EXPECT_EQ(answer, "too_large: an actor's id has 1 to 256 bytes, not 257");
}

TEST(Actors, AClassOfTheManifestIsExported) {
  TestHost host;
  const auto worker = engine().load(code_of(handler("")), {}, host);
  ASSERT_FALSE(worker);
  EXPECT_EQ(worker.error().text(),
            "invalid: the manifest has the actor class Counter, and the main module exports none");
}

TEST(Actors, NothingComesInWhileStorageIsRead) {
  Store store;
  Loaded actor(kCount, &store);
  ASSERT_TRUE(actor.worker) << actor.error.text();
  std::vector<Loaded::Answer> answers;
  for (int i = 0; i < 20; ++i) answers.push_back(actor.begin());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(actor.text_of(answers[i]), std::to_string(i + 1));
  EXPECT_EQ(store.rows.size(), 1u);
  EXPECT_TRUE(store.rows.begin()->first.starts_with(kActor.home.key + "/n"));
}

TEST(Actors, WritesThatWaitGoOutTogether) {
  Loaded actor(kCount);
  std::vector<Loaded::Answer> answers = {actor.begin(), actor.begin(), actor.begin()};
  ASSERT_EQ(actor.host.asked.size(), 1u);
  actor.host.asked[0](std::string(R"({"value":null})"));
  actor.host.run(1ms);
  ASSERT_EQ(actor.host.asked.size(), 2u) << "the first write is under way, two wait";
  actor.host.asked[1](std::string(R"({"done":true})"));
  actor.host.run(1ms);
  EXPECT_TRUE(*answers[0]);
  EXPECT_FALSE(*answers[1] || *answers[2]) << "what they wrote is under way";
  ASSERT_EQ(actor.host.asked.size(), 3u);
  actor.host.asked[2](std::string(R"({"done":true})"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(actor.text_of(answers[i]), std::to_string(i + 1));
}

TEST(Actors, AnAnswerLeavesWhenWhatWasWrittenIsOnDisk) {
  Loaded actor("async run() { this.s.put('k', 'v'); return 'done'; }");
  const auto answer = actor.begin();
  ASSERT_EQ(actor.host.asked.size(), 1u);
  EXPECT_FALSE(*answer);
  actor.host.asked[0](std::string(kNoLong));
  ASSERT_EQ(actor.host.asked.size(), 2u);
  EXPECT_FALSE(*answer);
  actor.host.asked[1](std::string(R"({"done":true})"));
  EXPECT_EQ(actor.text_of(answer), "done");
}

TEST(Actors, AnotherFunctionIsAskedWhenWhatWasWrittenIsOnDisk) {
  Loaded actor(
      "async run() { await this.s.put('k', 'v');"
      "await this.env.SERVICES.fetch('s', 'http://s/'); return 'done'; }");
  const auto answer = actor.begin();
  EXPECT_TRUE(actor.host.requests.empty());
  actor.host.asked[0](std::string(kNoLong));
  actor.host.asked[1](std::string(R"({"done":true})"));
  actor.host.run(1ms);
  ASSERT_EQ(actor.host.called.size(), 1u);
  actor.host.called[0](Response{});
  EXPECT_EQ(actor.text_of(answer), "done");
}

/// Only their heads waited: what a stream said later could be undone by a crash.
TEST(Actors, RegressStreamsSayOnlyWhatIsOnDisk) {
  for (const bool is_answer : {true, false}) {
    const std::string stream =
        "const body = new ReadableStream({ start: async (c) => {"
        "await new Promise((r) => setTimeout(r, 5));"
        "this.s.put('k', 'v'); c.enqueue(new TextEncoder().encode('written')); c.close(); } });";
    Loaded actor(is_answer ? "async fetch() {" + stream + "return new Response(body); }"
                           : "async run() {" + stream +
                                 "await fetch('http://s/', { method: 'POST', body });"
                                 "return 'done'; }");
    const auto answer = actor.begin();
    actor.host.run(1ms);
    ASSERT_TRUE(actor.host.asked.empty());
    const uint64_t flow =
        is_answer ? (*answer ? (**answer)->flow : 0) : actor.host.requests.at(0).second.flow;
    ASSERT_NE(flow, 0u);
    std::optional<Result<Part>> part;
    actor.worker->read(flow, [&](Result<Part> bits) { part = std::move(bits); });
    actor.host.run(10ms);
    EXPECT_FALSE(part) << "not on disk yet";
    ASSERT_EQ(actor.host.asked.size(), 1u);
    actor.host.asked[0](std::string(kNoLong));
    actor.host.asked[1](std::string(R"({"done":true})"));
    actor.host.run(1ms);
    ASSERT_TRUE(part && *part);
    EXPECT_EQ(as_text((*part)->data), "written");
  }
}

TEST(Actors, WhatIsWrittenWithoutWaitingIsWrittenAtOnce) {
  Store store;
  Loaded actor(
      "async run() { for (let i = 0; i < 5; i++) await this.s.put('k' + i, i);"
      "await this.s.put({ a: 1, b: new Map([[1, new Date(5)]]) });"
      "await this.s.delete('k0'); await this.s.sync();"
      "return [(await this.s.get('b')).get(1).getTime(), await this.s.get('k0') ?? null,"
      " [...(await this.s.get(['a', 'k4', 'none'])).entries()]]; }",
      &store);
  EXPECT_EQ(actor.text(), R"([5,null,[["a",1],["k4",4]]])");
  EXPECT_EQ(store.commits, 1);
  EXPECT_EQ(store.rows.size(), 6u);
}

TEST(Actors, ATransactionIsWrittenAtOnceOrNotAtAll) {
  Store store;
  Loaded actor(
      "async run(what) { try { await this.s.transaction(async (t) => { await t.put('a', what);"
      "if (await t.get('a') !== what) throw new Error('?'); await t.put({ b: 1, c: 2 });"
      "if (what === 'throw') throw new Error('no'); if (what === 'back') t.rollback();"
      "if (what === 'many') for (let i = 0; i < 7; i++) await t.put('m' + i, i); });"
      "} catch (e) { return e.message; } return [...(await this.s.list()).keys()]; }",
      &store);
  EXPECT_EQ(actor.text("throw"), "no");
  EXPECT_EQ(actor.text("back"), "[]");
  EXPECT_TRUE(actor.text("many").starts_with("too_large: at once at most 8 keys and 1744 bytes"));
  EXPECT_EQ(actor.text("go"), R"(["a","b","c"])");
  EXPECT_EQ(store.commits, 1);
}

TEST(Actors, ListKeysInOrder) {
  Store store;
  Loaded actor(
      "async run(options) { if (options === '') { for (const k of ['b1', 'a', 'b3', 'b2', 'c'])"
      "this.s.put(k, k + '!'); return 'ok'; }"
      "return [...(await this.s.list(JSON.parse(decodeURIComponent(options)))).entries()].join();"
      "}",
      &store);
  store.rows["alarm/" + kActor.home.key] = "x";  // not of its keys
  EXPECT_EQ(actor.text(), "ok");
  EXPECT_EQ(actor.text("{}"), "a,a!,b1,b1!,b2,b2!,b3,b3!,c,c!");
  EXPECT_EQ(actor.text(R"({"prefix":"b","limit":2})"), "b1,b1!,b2,b2!");
  EXPECT_EQ(actor.text(R"({"prefix":"b","reverse":true,"limit":1})"), "b3,b3!");
  EXPECT_EQ(actor.text(R"({"start":"b2","end":"c"})"), "b2,b2!,b3,b3!");
  EXPECT_EQ(actor.text(R"({"startAfter":"b3"})"), "c,c!");
}

TEST(Actors, KeysAndValuesHaveALength) {
  Store store;
  Loaded actor(
      "async run() { const out = [];"
      "for (const [k, v] of [['k'.repeat(95), 1], ['', 1], ['k', 'v'.repeat(128 * 1024)],"
      "['k', undefined], ['k', () => 0]])"
      "await this.s.put(k, v).catch((e) => out.push(e.message.split(':')[0]));"
      "return out.join(); }",
      &store);
  EXPECT_EQ(actor.text(), "too_large,too_large,too_large,invalid,() => 0 could not be cloned.");
  EXPECT_TRUE(store.rows.empty());
}

/// What waits for the disk goes on in a turn of its own call, not of the one whose write it was.
TEST(Actors, RegressAListDuringAnothersWriteIsAnswered) {
  Loaded actor(
      "async run(what) { if (what === 'list') return [...(await this.s.list()).keys()];"
      "await this.s.get('k'); await this.s.put('k', 1); await this.s.sync();"
      "await this.s.get('other'); return 'written'; }");
  const auto writes = actor.begin();
  actor.host.asked[0](std::string(R"({"value":null})"));
  ASSERT_EQ(actor.host.asked.size(), 2u);
  const auto lists = actor.begin("list");
  actor.host.asked[1](std::string(R"({"done":true})"));
  actor.host.run(1ms);
  for (size_t i = 2; i < 4; ++i) {
    ASSERT_GT(actor.host.asked.size(), i);
    const bool is_list = actor.host.questions[i].find("list") != std::string::npos;
    actor.host.asked[i](
        std::string(is_list ? R"({"entries":[],"more":false})" : R"({"value":null})"));
    actor.host.run(1ms);
  }
  EXPECT_EQ(actor.text_of(lists), "[]");
  EXPECT_EQ(actor.text_of(writes), "written");
}

TEST(Actors, ItsConstructorHoldsItsCallsUntilItIsReady) {
  Store store;
  Loaded actor(
      "open() { this.ctx.blockConcurrencyWhile(async () => { await this.env.SERVICES.fetch('s',"
      "'http://s/'); this.n = (await this.s.get('n')) ?? 40; }); }"
      "run() { return ++this.n; }",
      &store);
  const auto first = actor.begin();
  const auto second = actor.begin();
  EXPECT_FALSE(*first || *second);
  ASSERT_EQ(actor.host.called.size(), 1u);
  actor.host.called[0](Response{});
  EXPECT_EQ(actor.text_of(first), "41");
  EXPECT_EQ(actor.text_of(second), "42");
}

TEST(Actors, StartAnewWhenWhatBlocksThrows) {
  Store store;
  Loaded actor(
      "async run(what) { if (what !== '') return what;"
      "return this.ctx.blockConcurrencyWhile(async () => { await this.s.get('k');"
      "throw new Error('broken'); }); }",
      &store);
  const auto other = actor.begin("x");
  const auto breaks = actor.begin();
  const auto waits = actor.begin("late");
  EXPECT_EQ(actor.text_of(other), "x");
  EXPECT_NE(actor.text_of(breaks).find("broken"), std::string::npos);
  EXPECT_EQ(actor.text_of(waits),
            "cancelled: the actor starts anew: blockConcurrencyWhile: broken");
  EXPECT_TRUE(actor.worker->retired());
}

TEST(Actors, StartAnewWhenTheirStorageFails) {
  Loaded actor("async run() { await this.s.put('k', 1); return 'never told'; }");
  const auto answer = actor.begin();
  actor.host.asked[0](fail(Code::unavailable, "the disk is gone"));
  EXPECT_EQ(actor.text_of(answer),
            "cancelled: the actor starts anew: its storage failed: STATE: unavailable: the disk is "
            "gone");
  EXPECT_TRUE(actor.worker->retired());
  EXPECT_EQ(actor.worker->in_flight(), 0u);
}

TEST(Actors, ACallThatMetALimitEndsTheOthers) {
  Store store;
  Limits limits;
  limits.cpu = 20ms;
  Loaded actor(
      "async run(what) { if (what === 'spin') for (;;);"
      "await this.env.SERVICES.fetch('s', 'http://s/'); return 'ok'; }",
      &store, limits);
  const auto other = actor.begin("wait");
  const auto spins = actor.begin("spin");
  EXPECT_TRUE(actor.text_of(spins).starts_with("cpu_exceeded"));
  EXPECT_EQ(actor.text_of(other), "cancelled: the actor starts anew: another call met a limit");
  EXPECT_TRUE(actor.worker->retired());
}

TEST(Actors, ACallOutlivesWhoAskedForIt) {
  Loaded actor(kCount);
  uint32_t call = 0;
  std::string text;
  call = actor.worker->call({.url = "http://f/", .name_space = "f"},
                            [&](const Result<Response>& answer) {
                              text = answer ? as_text(answer->body) : answer.error().text();
                            });
  actor.worker->cancel(call);
  actor.host.asked[0](std::string(R"({"value":null})"));
  ASSERT_EQ(actor.host.asked.size(), 2u);
  actor.host.asked[1](std::string(R"({"done":true})"));
  actor.host.run(1ms);
  EXPECT_EQ(text, "1");
}

TEST(Actors, AnAlarmIsOverWhenItsHandlerHasRun) {
  Store store;
  Loaded actor(
      "async run(what) { if (what === 'set') await this.s.setAlarm(new Date(5000.7));"
      "if (what === 'drop') await this.s.deleteAlarm(); return await this.s.getAlarm(); }"
      "async alarm() { if (this.fails) throw new Error('later');"
      "const n = (await this.s.get('n')) ?? 0; await this.s.put('n', n + 1);"
      "if (await this.s.getAlarm() !== null) throw new Error('still set');"
      "if (n === 0) await this.s.setAlarm(9000); }",
      &store);
  const std::string key = "alarm/" + kActor.home.key;
  EXPECT_EQ(actor.text(), "null");
  EXPECT_EQ(actor.text("set"), "5000");
  EXPECT_EQ(store.rows.at(key), "5000 Counter a");
  EXPECT_EQ(actor.ring(4000), "") << "set to a later time meanwhile";
  EXPECT_EQ(store.rows.size(), 1u);
  EXPECT_EQ(actor.ring(5000), "");
  EXPECT_EQ(actor.text(), "9000") << "the handler has set it again";
  EXPECT_EQ(actor.ring(9000), "");
  EXPECT_FALSE(store.rows.contains(key));
  EXPECT_EQ(actor.ring(9000), "") << "told again, nothing happens";
  EXPECT_EQ(actor.text("set"), "5000");
  EXPECT_EQ(actor.text("drop"), "null");
  EXPECT_FALSE(store.rows.contains(key));
}

TEST(Actors, AnAlarmWhoseHandlerThrewIsStillSet) {
  Store store;
  Loaded actor(
      "async run() { await this.s.setAlarm(5000); return await this.s.getAlarm(); }"
      "async alarm() { throw new Error('later'); }",
      &store);
  EXPECT_EQ(actor.text(), "5000");
  EXPECT_NE(actor.ring(5000).find("later"), std::string::npos);
  EXPECT_TRUE(store.rows.contains("alarm/" + kActor.home.key));
}

}  // namespace
}  // namespace themis::js
