// What an isolate gives back when nobody calls it, and that it goes on as before.
#include <unistd.h>

#include <fstream>

#include "runtime/js/idle_memory.hpp"
#include "tests/unit/js/test_host.hpp"

namespace themis::js {
namespace {

size_t private_kb() {
  std::ifstream maps("/proc/self/smaps_rollup");
  std::string word;
  while (maps >> word) {
    if (word != "Private_Dirty:") continue;
    size_t kb = 0;
    maps >> kb;
    return kb;
  }
  return 0;
}

/// Reads, writes and defines properties of more shapes than one place in the code remembers, and
/// walks a stack: what the lookup caches are for. What it answers is the same each time.
constexpr std::string_view kShapes = R"(
const shapes = [];
for (let i = 0; i < 300; i++) {
  const one = { ['own' + i]: i };
  one.common = i;
  one['key' + i % 7] = i * 2;
  shapes.push(one);
}
class Base {
  read(object) { return object.common; }
  write(object, value) { object.common = value; }
}
const readers = [];
for (let i = 0; i < 20; i++) readers.push(new (class extends Base { ['m' + i]() { return i; } })());
function deep(n) { if (n > 0) return deep(n - 1) + 1; throw new Error('deep'); }
export default { async fetch() {
  let sum = 0;
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < shapes.length; i++) {
      const reader = readers[i % readers.length];
      sum += reader.read(shapes[i]) + (shapes[i]['key' + i % 7] ?? 1000);
      reader.write(shapes[i], i);
      sum += Object.assign({ ['new' + i % 90]: i }, { a: 1 }).a;
    }
  }
  let frames = 0;
  try { deep(50); } catch (error) { frames = error.stack.split('\n').length; }
  return Response.json([sum, frames, readers.map((r, i) => r['m' + i]()).join()]);
} };
)";

TEST(IdleMemory, AFunctionAnswersTheSameBeforeAndAfterARest) {
  Function function(kShapes);
  const std::string first = function.text();
  ASSERT_TRUE(first.starts_with("[")) << first;
  for (int rest = 0; rest < 5; ++rest) {
    for (int call = 0; call < 20; ++call) EXPECT_EQ(function.text(), first);
    function.worker().rest();
    EXPECT_EQ(function.text(), first) << "after rest " << rest;
    function.worker().rest();  // of what the call before has left
  }
}

/// Fails for a V8 whose lookup caches are not where release_lookup_caches() looks for them.
TEST(IdleMemory, AnIsolateAtRestGivesItsLookupCachesBack) {
  constexpr size_t kWorkers = 20;
  constexpr size_t kCachesKb = 264;  // 66 whole pages at least of the five
  TestHost host;
  std::vector<std::unique_ptr<Worker>> workers;
  for (size_t i = 0; i < kWorkers; ++i) {
    auto worker = engine().load(handler("return new Response('hello');"), "f", {}, host);
    ASSERT_TRUE(worker);
    (*worker)->call({.url = "http://f/"}, [](const Result<Response>& r) { EXPECT_TRUE(r); });
    workers.push_back(std::move(*worker));
  }
  const size_t before = private_kb();
  for (const auto& worker : workers) worker->rest();
  const size_t after = private_kb();
  EXPECT_GE(before, after + kWorkers * kCachesKb * 3 / 4) << before << " and " << after << " KB";
}

/// Once in 256 isolates the C library puts a cache at a page's start: the isolate's address in it
/// went with the page, and the next collection ended the process.
TEST(IdleMemory, RegressWhereACacheKeepsItsIsolateIsNotGivenBack) {
  const size_t page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  Bytes memory(8 * page);
  const size_t start = (page - reinterpret_cast<uintptr_t>(memory.data()) % page) % page;
  for (size_t offset = 0; offset <= 2 * page; offset += 16) {
    const auto block = std::span(memory).subspan(start + offset, 4 * page + 8);
    for (const size_t kept_at : {size_t{0}, block.size() - 8, kNowhere}) {
      const auto pages = whole_pages(block, kept_at);
      ASSERT_EQ(reinterpret_cast<uintptr_t>(pages.data()) % page, 0u);
      ASSERT_EQ(pages.size() % page, 0u);
      ASSERT_GE(pages.size(), 3 * page);
      ASSERT_TRUE(pages.data() >= block.data() && &pages.back() <= &block.back());
      if (kept_at == kNowhere) continue;
      const std::byte* kept = block.data() + kept_at;
      ASSERT_TRUE(kept + 8 <= pages.data() || kept > &pages.back()) << offset << ", " << kept_at;
    }
  }
}

}  // namespace
}  // namespace themis::js
