#include "runtime/js/wasm_bytes.hpp"

#include <gtest/gtest.h>

#include "runtime/base/rng.hpp"
#include "tests/unit/js/wasm_module.hpp"

namespace themis::js {
namespace {

using namespace wasm;

std::string refused(const Bytes& module) {
  const auto out = import_memories(module);
  return out ? "taken" : out.error().detail;
}
/// A module with this one section.
Bytes with(int id, const Bytes& content) { return header() + section(id, content); }

TEST(WasmBytes, AModuleWithoutMemoryStaysAsItIs) {
  const Bytes module = header() + section(1, bytes({0})) + section(0, name("note") + bytes({1}));
  EXPECT_EQ(import_memories(module).value(), module);
  EXPECT_EQ(import_memories(header()).value(), header());
}

TEST(WasmBytes, AMemoryBecomesTheOnlyImport) {
  const Bytes type = section(1, bytes({1, kFunction, 0, 0}));
  const Bytes rest = section(3, bytes({1, 0})) + section(7, bytes({0}));
  const Bytes module = header() + type + section(3, bytes({1, 0})) +
                       section(5, bytes({1, 1, 2, 9})) + section(7, bytes({0}));
  const Bytes import =
      section(2, bytes({1}) + name("themis:memory") + name("0,2,9,32") + bytes({2, 1, 2, 9}));
  EXPECT_EQ(import_memories(module).value(), header() + type + import + rest);
}

TEST(WasmBytes, MemoriesComeAfterTheImportsThereAre) {
  const Bytes before = name("env") + name("m") + bytes({2, 0, 1});
  const Bytes module = header() + section(2, bytes({1}) + before) +
                       section(5, bytes({2, 0, 3, 5}) + number(300) + number(100'000));
  const Bytes out =
      header() + section(2, bytes({3}) + before + name("themis:memory") + name("0,3,,32") +
                                bytes({2, 0, 3}) + name("themis:memory") + name("1,300,100000,64") +
                                bytes({2, 5}) + number(300) + number(100'000));
  EXPECT_EQ(import_memories(module).value(), out);
}

TEST(WasmBytes, AdversaryEachFaultIsOneLine) {
  EXPECT_EQ(refused({}), "expected the magic word 00 61 73 6d and a version @+0");
  EXPECT_EQ(refused(bytes({0, 'a', 's', 'm'})),
            "expected the magic word 00 61 73 6d and a version @+0");
  EXPECT_EQ(refused(header() + bytes({5, 9, 1})), "a section that reaches over the end @+8");
  EXPECT_EQ(refused(header() + bytes({5})), "a section that reaches over the end @+8");
  EXPECT_EQ(refused(with(5, bytes({1, 3, 1, 2}))), "shared memory is not supported @+11");
  EXPECT_EQ(refused(with(5, bytes({1, 8, 1, 0}))), "unknown kind of memory @+11");
  EXPECT_EQ(refused(with(5, bytes({17}))), "more than 16 memories @+10");
  EXPECT_EQ(refused(with(5, bytes({2, 0, 1}))),
            "a memory section that does not end where it says @+10");
  EXPECT_EQ(refused(with(5, bytes({1, 0, 1, 7}))),
            "a memory section that does not end where it says @+10");
  EXPECT_EQ(refused(with(5, bytes({1, 0, 1})) + section(5, bytes({1, 0, 1}))),
            "a second memory section @+13");
  EXPECT_EQ(refused(with(2, bytes({0})) + section(2, bytes({0}))), "a second import section @+11");
  EXPECT_EQ(refused(with(5, bytes({1, 0, 1})) + section(2, bytes({0}))),
            "sections out of order @+8");
  EXPECT_EQ(
      refused(with(2, bytes({1}) + name("themis:memory") + name("0,1,,32") + bytes({2, 0, 1}))),
      "imports from \"themis:memory\" are reserved @+8");
}

/// Whatever bytes come: an answer, and none that still has a memory section.
TEST(WasmBytes, AdversaryEveryByteFlippedAndEveryCutIsAnswered) {
  const Bytes module = grower(true);
  const auto holds = [](const Bytes& given) {
    const auto out = import_memories(given);
    if (!out) return;
    const auto again = import_memories(*out);
    if (again) {
      EXPECT_EQ(*again, *out);
    }
  };
  for (size_t at = 0; at < module.size(); ++at) {
    holds(Bytes(module.begin(), module.begin() + static_cast<ptrdiff_t>(at)));
    for (int bit = 0; bit < 8; ++bit) {
      Bytes flipped = module;
      flipped[at] ^= static_cast<std::byte>(1 << bit);
      holds(flipped);
    }
  }
}

}  // namespace
}  // namespace themis::js
