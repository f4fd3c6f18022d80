// Loading a function from what was compiled of it before.
#include "runtime/js/code_cache.hpp"

#include "tests/unit/js/test_host.hpp"

namespace themis::js {
namespace {

/// Long enough for a cache; answers `word`.
std::string source_of(std::string_view word) {
  std::string source = "const parts = [];\n";
  for (size_t i = 0; source.size() < 2 * kCodeCacheSourceMin; ++i)
    source += "function f" + std::to_string(i) + "(x) { return x + " + std::to_string(i) + "; }\n";
  return source + "export default { fetch() { return new Response('" + std::string(word) +
         "' + f7(1)); } };";
}

std::string answer_of(Worker& worker) {
  std::string body;
  worker.call({.url = "http://f/"}, [&](const Result<Response>& answered) {
    body = answered ? std::string(as_text(answered->body)) : answered.error().text();
  });
  return body;
}

class CodeCacheTest : public ::testing::Test {
 protected:
  std::unique_ptr<Worker> load(const std::string& source, ByteView cache = {}) {
    auto worker = engine().load(source, "f", {}, host_, cache);
    EXPECT_TRUE(worker) << worker.error().text();
    return worker ? std::move(*worker) : nullptr;
  }
  TestHost host_;
};

TEST_F(CodeCacheTest, ServesTheSameCodeInAnotherIsolate) {
  const std::string source = source_of("one");
  const auto first = load(source);
  EXPECT_FALSE(first->code_cached());
  EXPECT_EQ(answer_of(*first), "one8");
  const Bytes cache = first->make_code_cache();
  ASSERT_FALSE(cache.empty());
  EXPECT_LE(cache.size(), kCodeCacheBytesMax);
  const auto second = load(source, cache);
  EXPECT_TRUE(second->code_cached());
  EXPECT_EQ(answer_of(*second), "one8");
}

TEST_F(CodeCacheTest, OfEachModuleOfABundle) {
  bundle::Bundle code{"main.js", {}, {}};
  code.modules.push_back({"a.js", bundle::ModuleKind::es, to_bytes(source_of("a"))});
  code.modules.push_back({"main.js", bundle::ModuleKind::es,
                          to_bytes("import a from './a.js'; export default { fetch: a.fetch };")});
  auto first = engine().load(code, {}, host_, {});
  ASSERT_TRUE(first);
  EXPECT_EQ(answer_of(**first), "a8");
  const Bytes cache = (*first)->make_code_cache();
  EXPECT_EQ(decode_code_cache(cache).size(), 2u);
  auto second = engine().load(code, {}, host_, cache);
  ASSERT_TRUE(second);
  EXPECT_TRUE((*second)->code_cached());
  EXPECT_EQ(answer_of(**second), "a8");
}

TEST_F(CodeCacheTest, OfOtherCodeIsRefusedAndTheSourceCompiled) {
  const auto first = load(source_of("one"));
  answer_of(*first);
  const Bytes cache = first->make_code_cache();
  const auto other = load(source_of("other"), cache);
  EXPECT_FALSE(other->code_cached()) << "another length";
  EXPECT_EQ(answer_of(*other), "other8");
}

TEST_F(CodeCacheTest, OfOtherFlagsIsRefused) {
  const std::string source = source_of("one");
  const auto first = load(source);
  answer_of(*first);
  Bytes cache = first->make_code_cache();
  ModuleCaches modules = decode_code_cache(cache);
  ASSERT_EQ(modules.size(), 1u);
  // V8's head: magic, version, source, flags.
  constexpr size_t kFlagsAt = 12;
  Bytes changed(modules.begin()->second.begin(), modules.begin()->second.end());
  changed[kFlagsAt] ^= std::byte{1};
  modules.begin()->second = changed;
  const auto second = load(source, encode_code_cache(modules));
  EXPECT_FALSE(second->code_cached());
  EXPECT_EQ(answer_of(*second), "one8");
}

TEST_F(CodeCacheTest, OfAShortSourceIsNotWanted) {
  const auto worker = load("export default { fetch() { return new Response('hi'); } };");
  EXPECT_TRUE(worker->code_cached());
}

TEST_F(CodeCacheTest, AdversaryWhatIsNoCacheIsAsNone) {
  const std::string source = source_of("one");
  const auto first = load(source);
  answer_of(*first);
  const Bytes cache = first->make_code_cache();
  for (size_t size = 0; size < cache.size(); size += 1 + size)
    EXPECT_FALSE(load(source, ByteView(cache).first(size))->code_cached()) << size;
  EXPECT_TRUE(decode_code_cache({}).empty());
  EXPECT_TRUE(decode_code_cache(Bytes(5, std::byte{9})).empty());
  EXPECT_TRUE(decode_code_cache(ByteView(cache).first(cache.size() - 1)).empty());
}

TEST_F(CodeCacheTest, AFunctionThatRestedAnswersAsBefore) {
  const auto worker = load(source_of("one"));
  EXPECT_EQ(answer_of(*worker), "one8");
  worker->rest();
  EXPECT_EQ(answer_of(*worker), "one8");
}

}  // namespace
}  // namespace themis::js
