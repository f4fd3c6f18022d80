// What a worker costs on this machine: printed, and held to bounds far above what is measured.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>

#include "tests/unit/js/test_host.hpp"
#include "tests/unit/js/wasm_module.hpp"

namespace themis::js {
namespace {

using Steady = std::chrono::steady_clock;

double us_since(Steady::time_point start) {
  return std::chrono::duration<double, std::micro>(Steady::now() - start).count();
}
/// Of this thread: what others run meanwhile does not count.
double cpu_us() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}
double percentile(std::vector<double> values, double p) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(p * static_cast<double>(values.size() - 1))];
}
size_t private_kb() {
  std::ifstream maps("/proc/self/smaps_rollup");
  std::string word;
  while (maps >> word)
    if (word == "Private_Dirty:") {
      size_t kb = 0;
      maps >> kb;
      return kb;
    }
  return 0;
}

void print(const char* what, const std::vector<double>& us) {
  std::printf("%-42s p50 %8.2f us  p99 %8.2f us\n", what, percentile(us, 0.5),
              percentile(us, 0.99));
}

constexpr const char* kHello =
    "export default { async fetch() { return new Response('hello'); } };";

void cold(bool prepared) {
  TestHost host;
  std::vector<double> load;
  std::vector<double> first;
  std::vector<double> drop;
  for (int i = 0; i < 100; ++i) {
    if (prepared) engine().prepare();
    auto start = Steady::now();
    auto worker = engine().load(kHello, "f", {}, host);
    ASSERT_TRUE(worker);
    load.push_back(us_since(start));
    start = Steady::now();
    (*worker)->call({.url = "http://f/"}, [](Result<Response> r) { EXPECT_TRUE(r); });
    first.push_back(us_since(start));
    start = Steady::now();
    worker->reset();
    drop.push_back(us_since(start));
  }
  print("load (isolate, context, module)", load);
  print("first call", first);
  print("drop", drop);
  EXPECT_LT(percentile(load, 0.5), 50'000);
}

TEST(Figures, Cold) { cold(false); }
TEST(Figures, ColdWithPreparedIsolates) { cold(true); }

/// A Wasm function of 3,000 functions: its first load, and the next ones of the process.
TEST(Figures, Wasm) {
  using namespace wasm;
  Bytes types = number(3000);
  Bytes bodies = number(3000);
  for (int i = 0; i < 3000; ++i) {
    append(types, bytes({0}));
    Bytes code;
    for (int j = 0; j < 40; ++j) append(code, i32_const(i + j) + bytes({kDrop}));
    append(bodies, body(code));
  }
  const Bytes module =
      header() + section(1, bytes({1, kFunction, 0, 0})) + section(3, types) +
      section(5, bytes({1, 0, 1})) +
      section(7, bytes({2}) + name("memory") + bytes({2, 0}) + name("_start") + bytes({0, 0})) +
      section(10, bodies);
  TestHost host;
  std::vector<double> load;
  std::vector<double> call;
  for (int i = 0; i < 20; ++i) {
    engine().prepare();
    auto start = Steady::now();
    auto worker = engine().load(as_text(module), "f", {}, host);
    ASSERT_TRUE(worker) << worker.error().text();
    load.push_back(us_since(start));
    start = Steady::now();
    (*worker)->call({.url = "http://f/"}, [](const Result<Response>& r) { EXPECT_TRUE(r); });
    call.push_back(us_since(start));
  }
  std::printf("%-42s %zu KB, first load %.0f us\n", "Wasm function", module.size() >> 10, load[0]);
  load.erase(load.begin());
  print("load of the same module", load);
  print("call, with an instance of its own", call);
  EXPECT_LT(percentile(load, 0.5), 50'000);
}

void warm(const char* what, std::string_view source, const Request& request) {
  TestHost host;
  auto worker = engine().load(source, "f", {}, host);
  ASSERT_TRUE(worker);
  std::vector<double> times;
  size_t answered = 0;
  for (int i = 0; i < 30'000; ++i) {
    Request copy = request;
    const auto start = Steady::now();
    (*worker)->call(std::move(copy), [&](Result<Response> r) { answered += r ? 1 : 0; });
    if (i >= 10'000) times.push_back(us_since(start));
  }
  EXPECT_EQ(answered, 30'000u);
  print(what, times);
  EXPECT_LT(percentile(times, 0.5), 1'000);
}

TEST(Figures, Warm) {
  const Headers headers = {{"host", "127.0.0.1:8080"},
                           {"user-agent", "curl/7.88.1"},
                           {"accept", "*/*"},
                           {"content-type", "application/json"}};
  warm("warm call: hello", kHello, {.url = "http://f/", .headers = headers});
  warm("warm call: JSON in, JSON out",
       "export default { async fetch(r) { const v = await r.json(); return Response.json({ n: "
       "v.num + "
       "1 }); } };",
       {.method = "POST",
        .url = "http://f/",
        .headers = headers,
        .body = to_bytes("{\"num\": 10}")});
  warm("warm call: a header, the URL, a query",
       "export default { async fetch(r) { return new Response(r.headers.get('accept') + new "
       "URL(r.url).searchParams.get('q')); } };",
       {.url = "http://f/path?q=1", .headers = headers});
}

TEST(Figures, Memory) {
  constexpr size_t kWorkers = 50;
  TestHost host;
  std::vector<std::unique_ptr<Worker>> workers;
  const auto call = [](Worker& worker) {
    const auto start = Steady::now();
    worker.call({.url = "http://f/"}, [](const Result<Response>& r) { EXPECT_TRUE(r); });
    return us_since(start);
  };
  const size_t before = private_kb();
  for (size_t i = 0; i < kWorkers; ++i) {
    auto worker = engine().load(kHello, "f", {}, host);
    ASSERT_TRUE(worker);
    call(**worker);
    workers.push_back(std::move(*worker));
  }
  const auto print_each = [&](const char* what) {
    const size_t each = (private_kb() - before) / kWorkers;
    const HeapFigures heap = workers.back()->heap();
    std::printf("%-42s %zu KB private, heap %zu KB used, %zu KB committed: %zu in 1 GiB\n", what,
                each, heap.used_bytes >> 10, heap.committed_bytes >> 10, (size_t{1} << 20) / each);
    return each;
  };
  const auto let_rest = [&] {
    std::vector<double> rest;
    for (const auto& worker : workers) {
      const auto start = Steady::now();
      worker->rest();
      rest.push_back(us_since(start));
    }
    print("rest", rest);
  };
  EXPECT_LT(print_each("idle worker"), 8192u);
  let_rest();
  EXPECT_LT(print_each("idle worker that rests"), 8192u);
  std::vector<double> again;
  for (const auto& worker : workers) again.push_back(call(*worker));
  print("first call after a rest", again);
  for (const auto& worker : workers)
    for (int i = 0; i < 2'000; ++i) call(*worker);
  print_each("idle worker after 2,000 calls");
  let_rest();
  EXPECT_LT(print_each("the same at rest"), 8192u);
}

/// A function of 300 KB, of which a call uses a part: loaded with and without a code cache.
TEST(Figures, CodeCache) {
  std::string source;
  for (size_t i = 0; source.size() < (300 << 10); ++i) {
    const std::string n = std::to_string(i);
    source += "class Shape" + n + " { constructor(a) { this.a = a; this.name = 'shape" + n +
              "'; } area(b) { let sum = 0; for (let i = 0; i < b; ++i) sum += i * this.a; "
              "return sum; } describe() { return `${this.name} of ${this.a}`; } }\n"
              "export const make" +
              n + " = (a) => new Shape" + n + "(a ?? " + n +
              ");\n"
              "const table" +
              n + " = { kind: 'k" + n + "', make: make" + n + ", limits: [1, 2, " + n + "] };\n";
  }
  source += "const all = [";
  for (size_t i = 0; i < 200; ++i) source += "table" + std::to_string(i * 2) + ",";
  source +=
      "];\nexport default { async fetch() { return new Response(all.map((t) => "
      "t.make(3).describe()).join()); } };";
  TestHost host;
  Bytes cache;
  const auto measure = [&](const char* what) {
    std::vector<double> load;
    std::vector<double> both;
    std::vector<double> cpu;
    for (int i = 0; i < 100; ++i) {
      engine().prepare();
      const double cpu_start = cpu_us();
      const auto start = Steady::now();
      auto worker = engine().load(source, "f", {}, host, cache);
      ASSERT_TRUE(worker) << worker.error().text();
      load.push_back(us_since(start));
      (*worker)->call({.url = "http://f/"}, [](const Result<Response>& r) { EXPECT_TRUE(r); });
      both.push_back(us_since(start));
      cpu.push_back(cpu_us() - cpu_start);
    }
    print((std::string("load of 300 KB, ") + what).c_str(), load);
    print("and its first call", both);
    print("CPU time of both", cpu);
  };
  measure("compiled");
  auto worker = engine().load(source, "f", {}, host);
  ASSERT_TRUE(worker);
  EXPECT_FALSE((*worker)->code_cached());
  (*worker)->call({.url = "http://f/"}, [](const Result<Response>& r) { EXPECT_TRUE(r); });
  const auto start = Steady::now();
  cache = (*worker)->make_code_cache();
  std::printf("%-42s %zu KB in %.0f us\n", "its code cache", cache.size() >> 10, us_since(start));
  measure("from a code cache");
}

}  // namespace
}  // namespace themis::js
