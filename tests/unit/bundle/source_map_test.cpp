#include "runtime/bundle/source_map.hpp"

#include <gtest/gtest.h>

namespace themis::bundle {
namespace {

std::string map_of(const std::string& sources, const std::string& mappings) {
  return std::string(kSourceMapHead) + sources + "\n" + mappings;
}

std::string place(const SourceMap& map, uint32_t line, uint32_t column) {
  const auto found = map.find(line, column);
  if (!found) return "";
  return std::string(found->source) + ":" + std::to_string(found->line) + ":" +
         std::to_string(found->column);
}

/// Of esbuild 0.25, of a module whose third line throws:
///   interface Order { price: number }
///   export default { fetch(request: Request) {
///     throw new Error("no"); } };
constexpr const char* kMade =
    ";AACA,IAAO,gBAAQ,EAAE,MAAM,SAAkB;AACvC,QAAM,IAAI,MAAM,IAAI;AAAG,EAAE;";

TEST(SourceMap, FindsWhatAPlaceWasMadeOf) {
  const auto map = SourceMap::parse(map_of("src/index.ts\n", kMade));
  ASSERT_TRUE(map) << map.error().text();
  EXPECT_EQ(place(*map, 2, 1), "src/index.ts:2:1");
  EXPECT_EQ(place(*map, 3, 3), "src/index.ts:3:3");
  EXPECT_EQ(place(*map, 3, 9), "src/index.ts:3:9") << "new Error";
  EXPECT_EQ(place(*map, 3, 11), "src/index.ts:3:9") << "within it";
  EXPECT_EQ(place(*map, 3, 500), "src/index.ts:3:23") << "the last segment of the line";
  EXPECT_EQ(place(*map, 1, 1), "") << "esbuild's own line";
  EXPECT_EQ(place(*map, 9, 1), "");
}

TEST(SourceMap, ReadsNegativeNumbersLongOnesAndSegmentsWithoutASource) {
  // Line 1: (0, a, 0, 0), (8), (16, b, 39,424, 0); line 2: (0, a, 39,423, 2).
  const auto map = SourceMap::parse(map_of("a\nb\n", "AAAA,Q,QCggtCA;ADDE"));
  ASSERT_TRUE(map) << map.error().text();
  EXPECT_EQ(place(*map, 1, 8), "a:1:1");
  EXPECT_EQ(place(*map, 1, 9), "");
  EXPECT_EQ(place(*map, 1, 17), "b:39425:1");
  EXPECT_EQ(place(*map, 2, 1), "a:39424:3");
}

TEST(SourceMap, AdversaryIsRefusedWhatIsNoMap) {
  const std::string cases[] = {
      "",
      "{}",
      std::string(kSourceMapHead),
      std::string(kSourceMapHead) + "a",
      map_of("a\n", "AAA"),        // too few numbers
      map_of("a\n", "AAAAAA"),     // too many
      map_of("a\n", "A!AA"),       // no digit
      map_of("a\n", "AAAg"),       // does not end
      map_of("a\n", "ACAA"),       // no such source
      map_of("a\n", "DAAA"),       // before the line's begin
      map_of("a\n", "EAAA,DAAA"),  // columns that fall
      map_of("a\n", "AADA"),       // a line below 0
      map_of("a\n", "AAgggggggggggggA"),
      map_of("a\n", "AA+/////DA,AA+/////DA"),  // past the largest number
  };
  for (const std::string& text : cases) EXPECT_FALSE(SourceMap::parse(text)) << text;
}

TEST(SourceMap, HasNoMoreSegmentsAndSourcesThanItMay) {
  std::string many;
  for (size_t i = 0; i <= SourceMap::kSegmentsMax; ++i) many += "A,";
  EXPECT_EQ(SourceMap::parse(map_of("a\n", many)).error().code, Code::too_large);
  std::string sources;
  for (size_t i = 0; i <= SourceMap::kSourcesMax; ++i) sources += "a\n";
  EXPECT_EQ(SourceMap::parse(map_of(sources, "")).error().code, Code::too_large);
}

TEST(TraceMapper, PutsTheLinesOfATraceRight) {
  TraceMapper mapper("main.js", map_of("src/index.ts\n", kMade));
  EXPECT_EQ(
      mapper.rewrite("Error: no\n    at Object.fetch (main.js:3:11)\n    at main.js:2:1", 999),
      "Error: no\n    at Object.fetch (src/index.ts:3:9)\n    at src/index.ts:2:1");
  for (const char* same :
       {"", "main.js", "main.js:", "main.js:3", "main.js:3:", "other/main.js:3:11",
        "domain.js:3:11", "main.js:1:1", "main.js:0:0", "main.js:99999999999:1", "main.jsx:3:11"})
    EXPECT_EQ(mapper.rewrite(same, 999), same);
  EXPECT_EQ(mapper.rewrite("main.js:3:11", 12), "main.js:3:11") << "it would be longer than it may";
}

TEST(TraceMapper, LeavesATextAsItIsWithoutAMap) {
  TraceMapper none;
  EXPECT_EQ(none.rewrite("at main.js:3:11", 99), "at main.js:3:11");
  TraceMapper broken("main.js", "{}");
  EXPECT_EQ(broken.rewrite("at main.js:3:11", 99), "at main.js:3:11");
}

}  // namespace
}  // namespace themis::bundle
