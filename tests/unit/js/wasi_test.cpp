// Wasm functions: a module alone, started for each request as a WASI command.
#include "tests/unit/js/test_host.hpp"
#include "tests/unit/js/wasm_module.hpp"

namespace themis::js {
namespace {

using namespace wasm;

/// Imports of functions (i32 x count) -> i32 have the types 0 (count 2), 1 (4), 2 (1, no result), 3
/// (none, _start), 4 (3).
const Bytes kTypes = section(
    1, bytes({5,    kFunction, 2,         kI32, kI32, 1,         kI32, kFunction, 4,   kI32,
              kI32, kI32,      kI32,      1,    kI32, kFunction, 1,    kI32,      0,   kFunction,
              0,    0,         kFunction, 3,    kI32, kI64,      kI32, 1,         kI32}));

struct Import {
  const char* name;
  int type;
};
/// A command that imports these of WASI; `code` is its _start, function number `imports.size()`.
Bytes command(const std::vector<Import>& imports, const Bytes& code, const Bytes& data = {}) {
  Bytes wanted = number(imports.size());
  for (const Import& one : imports)
    append(wanted, name("wasi_snapshot_preview1") + name(one.name) + bytes({0, one.type}));
  return header() + kTypes + section(2, wanted) + section(3, bytes({1, 3})) +
         section(5, bytes({1, 0, 1})) +
         section(7, bytes({2}) + name("memory") + bytes({2, 0}) + name("_start") + bytes({0}) +
                        number(imports.size())) +
         section(10, bytes({1}) + body(code)) +
         (data.empty() ? Bytes{}
                       : section(11, bytes({1, 0}) + i32_const(0) + bytes({kEnd}) + data));
}
Bytes call(int function, std::initializer_list<int> words, bool result = true) {
  Bytes out;
  for (const int word : words) append(out, i32_const(word));
  append(out, bytes({kCall, function}));
  if (result) out.push_back(std::byte{kDrop});
  return out;
}
Bytes store32(int at, int value) { return i32_const(at) + i32_const(value) + bytes({0x36, 2, 0}); }
Bytes load32(int at) { return i32_const(at) + bytes({0x28, 2, 0}); }

/// Writes what it reads of its input to descriptor `fd`: a vector at 0 for the bytes from 64 on.
Bytes echo(int fd) {
  return command({{"fd_read", 1}, {"fd_write", 1}},
                 store32(0, 64) + store32(4, 1000) + call(0, {0, 0, 1, 8}) +
                     // the length of the vector becomes what was read
                     i32_const(4) + load32(8) + bytes({0x36, 2, 0}) + call(1, {fd, 0, 1, 8}));
}

std::string source(const Bytes& module) { return std::string(as_text(module)); }

TEST(Wasi, AnswersWithWhatItWrites) {
  Function f(source(echo(1)));
  for (const char* input : {"hello", "", "again"}) {
    const auto out = f.call({.method = "POST", .url = "http://f/", .body = to_bytes(input)});
    ASSERT_TRUE(out) << out.error().text();
    EXPECT_EQ(as_text(out->body), input);
    EXPECT_EQ(header(*out, "content-type"), "text/plain;charset=UTF-8");
  }
  const auto binary =
      f.call({.method = "POST", .url = "http://f/", .body = Bytes(3, std::byte{0xFF})});
  EXPECT_EQ(header(binary.value(), "content-type"), "application/octet-stream");
}

TEST(Wasi, LogsWhatItWritesToDescriptorTwo) {
  Function f(source(echo(2)));
  EXPECT_EQ(f.text({.method = "POST", .url = "http://f/", .body = to_bytes("one\ntwo")}), "");
  ASSERT_EQ(f.host().lines.size(), 2u);
  EXPECT_EQ(f.host().lines[0].second, "one");
  EXPECT_EQ(f.host().lines[1].second, "two");
}

TEST(Wasi, TellsNameMethodAndPathAsArguments) {
  // Sizes to 0 and 4, pointers to 8, bytes from 64 on; writes them all.
  const Bytes module =
      command({{"args_sizes_get", 0}, {"args_get", 0}, {"fd_write", 1}},
              call(0, {0, 4}) + call(1, {8, 64}) + store32(32, 64) + i32_const(36) + load32(4) +
                  bytes({0x36, 2, 0}) + call(2, {1, 32, 1, 40}));
  EXPECT_EQ(Function(source(module)).text({.method = "PUT", .url = "http://f/a/b?c=1"}),
            std::string("f\0PUT\0/a/b?c=1\0", 15));
}

TEST(Wasi, HasClockAndRandomness) {
  // The realtime clock to 0, eight random bytes to 8; writes the sixteen.
  const Bytes module =
      command({{"clock_time_get", 4}, {"random_get", 0}, {"fd_write", 1}},
              i32_const(0) + bytes({0x42, 0}) + i32_const(0) + bytes({kCall, 0, kDrop}) +
                  call(1, {8, 8}) + store32(32, 0) + store32(36, 16) + call(2, {1, 32, 1, 40}));
  Function f(source(module));
  const Bytes first = f.call()->body;
  const Bytes second = f.call()->body;
  ASSERT_EQ(first.size(), 16u);
  EXPECT_EQ(load<uint64_t>(first.data()), 1'700'000'000'000'000'000u);
  EXPECT_NE(load<uint64_t>(first.data() + 8), load<uint64_t>(second.data() + 8));
}

/// Its clock has microseconds, and a BigInt no fractions: the command ended with a RangeError.
TEST(Wasi, RegressTheMonotonicClockOfTheProfileTrustedIsRead) {
  const Bytes module =
      command({{"clock_time_get", 4}, {"fd_write", 1}},
              i32_const(1) + bytes({0x42, 0}) + i32_const(0) + bytes({kCall, 0, kDrop}) +
                  store32(32, 0) + store32(36, 8) + call(1, {1, 32, 1, 40}));
  Limits limits;
  limits.profile = Profile::trusted;
  Function f(source(module), limits);
  f.host().run(1'500us);
  const auto out = f.call();
  ASSERT_TRUE(out) << out.error().text();
  ASSERT_EQ(out->body.size(), 8u);
  EXPECT_EQ(load<uint64_t>(out->body.data()), 1'500'000u);
}

TEST(Wasi, AnExitCodeOtherThanNoneIsAFailure) {
  const auto exits = [](int code) {
    return Function(source(command({{"proc_exit", 2}}, call(0, {code}, false)))).text();
  };
  EXPECT_EQ(exits(0), "");
  EXPECT_NE(exits(3).find("threw: Error: the Wasm function ended with exit code 3"),
            std::string::npos)
      << exits(3);
  const std::string trap = Function(source(command({}, bytes({kUnreachable})))).text();
  EXPECT_NE(trap.find("RuntimeError: unreachable"), std::string::npos) << trap;
}

TEST(Wasi, StartsAnewForEachRequest) {
  // Adds one to what is at 64, and writes it.
  const Bytes module =
      command({{"fd_write", 1}}, i32_const(64) + load32(64) + i32_const(1) + bytes({0x6A}) +
                                     bytes({0x36, 2, 0}) + store32(0, 64) + store32(4, 4) +
                                     call(0, {1, 0, 1, 8}));
  Function f(source(module));
  for (int i = 0; i < 200; ++i) ASSERT_EQ(f.text(), std::string("\1\0\0\0", 4)) << i;
}

TEST(Wasi, SaysWhatItCannotGive) {
  const auto refused = [](const Bytes& module) {
    return Function(source(module)).load_error().text();
  };
  EXPECT_EQ(refused(command({{"sock_accept", 4}}, {})),
            "invalid: f: imports wasi_snapshot_preview1.sock_accept (function); a Wasm function is "
            "given the functions of wasi_snapshot_preview1 for args, stdin, stdout, clock and "
            "random, and nothing else");
  EXPECT_EQ(refused(grower(true)), "invalid: f: exports no function _start: it is no WASI command");
  EXPECT_EQ(refused(header() + bytes({1, 9})),
            "syntax: f: a section that reaches over the end @+8");
  const std::string bad = refused(header() + section(1, bytes({1, 9})));
  EXPECT_TRUE(bad.starts_with("syntax: f: CompileError:")) << bad;
  const Bytes no_memory = header() + kTypes + section(3, bytes({1, 3})) +
                          section(7, bytes({1}) + name("_start") + bytes({0, 0})) +
                          section(10, bytes({1}) + body({}));
  EXPECT_EQ(refused(no_memory), "invalid: f: exports no memory under the name memory");
}

TEST(Wasi, AdversaryLimitsHold) {
  Limits limits;
  limits.response_bytes = 1000;
  limits.buffer_bytes = 8u << 20;
  const auto text = [&](const Bytes& module) { return Function(source(module), limits).text(); };
  EXPECT_EQ(text(command({}, bytes({kLoop, kVoid, kBranch, 0, kEnd}))),
            "cpu_exceeded: over 50 ms of CPU time");
  // Writes 64 KB over and over.
  EXPECT_TRUE(text(command({{"fd_write", 1}}, store32(0, 0) + store32(4, 60'000) +
                                                  call(0, {1, 0, 1, 8}) + call(0, {1, 0, 1, 8})))
                  .starts_with("too_large"));
  // A vector that points over the end of the memory.
  const std::string outside = text(
      command({{"fd_write", 1}}, store32(0, 65'000) + store32(4, 60'000) + call(0, {1, 0, 1, 8})));
  EXPECT_NE(outside.find("RangeError"), std::string::npos) << outside;
  EXPECT_EQ(text(command({}, i32_const(1000) + bytes({kMemoryGrow, 0, kDrop}))), "")
      << "it is refused, and the module may go on";
}

}  // namespace
}  // namespace themis::js
