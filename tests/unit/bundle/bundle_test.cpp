// The bytes of a bundle: one form, strictly read; its settings and its secrets.
#include "runtime/bundle/bundle.hpp"

#include <gtest/gtest.h>

#include "runtime/base/rng.hpp"
#include "runtime/bundle/secrets.hpp"
#include "runtime/crypto/crypto.hpp"

namespace themis::bundle {
namespace {

Bundle full() {
  Bundle all;
  all.main = "main.js";
  all.modules = {{"a/data.bin", ModuleKind::data, to_bytes(std::string("\0\1", 2))},
                 {"b.json", ModuleKind::json, to_bytes("{}")},
                 {"main.js", ModuleKind::es, to_bytes("export default {}")}};
  Settings& set = all.settings;
  set.texts["A"] = "a";
  set.json["B"] = "[1]";
  set.secrets["C"] = "c";
  set.functions["D"] = "other";
  set.services["E"] = "greeter";
  set.queues["F"] = "jobs";
  set.actors["G"] = "Counter";
  set.consumers["jobs"] = {.batch = 5, .retries = 0, .delay_s = 60, .dead_queue = "dead"};
  set.crons = {"*/5 * * * *", "0 0 * * mon"};
  set.fetch = {"*.example.org:8443", "api.example.org"};
  set.remote = {"add", "total"};
  set.limits = {.memory_mb = 64, .cpu_ms = 10, .wall_ms = 1000, .max_requests = 8};
  return all;
}

TEST(Bundle, ComesBackAsItWas) {
  const auto code = encode(full());
  ASSERT_TRUE(code) << code.error().text();
  EXPECT_TRUE(is_bundle(*code));
  const auto back = decode(*code);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(*back, full());
}

/// As every bundle was before functions could limit their requests.
TEST(Bundle, LimitsWithoutRequestsHaveTheirOldForm) {
  Bundle all = full();
  all.settings.limits.max_requests = 0;
  EXPECT_EQ(decode(encode(all).value()).value(), all);
  EXPECT_EQ(encode(full()).value().size(), encode(all).value().size() + 4);
}

TEST(Bundle, EveryCutAndEveryFlippedBitIsRefusedOrAnotherBundle) {
  const Bytes code = encode(full()).value();
  for (size_t cut = 0; cut < code.size(); ++cut) {
    const auto part = decode(ByteView(code).first(cut));
    EXPECT_TRUE(!part || encode(*part).value().size() == cut) << cut;
  }
  for (size_t bit = 0; bit < 8 * code.size(); ++bit) {
    Bytes other = code;
    other[bit / 8] ^= std::byte{1} << (bit % 8);
    const auto read = decode(other);
    EXPECT_TRUE(!read || (*read != full() && encode(*read).value() == other)) << bit;
  }
}

TEST(Bundle, ASourceIsTheBundleOfOneModule) {
  const auto code = read_code(as_bytes("1;"), "f");
  ASSERT_TRUE(code);
  EXPECT_EQ(code->main, "f.js");
  EXPECT_EQ(as_text(code->find("f.js")->content), "1;");
  EXPECT_EQ(read_code(as_bytes("1;"), "f.mjs")->main, "f.mjs");
  const auto wasm = read_code(as_bytes(std::string_view("\0asm\1", 5)), "f");
  EXPECT_EQ(wasm->main, "f.wasm");
  EXPECT_EQ(wasm->modules[0].kind, ModuleKind::wasm);
  EXPECT_EQ(read_code(Bytes(kCodeBytesMax + 1, std::byte{'x'}), "f").error().code, Code::too_large);
}

TEST(Bundle, BoundsModules) {
  const auto code_of = [](const Bundle& bundle) {
    const auto made = encode(bundle);
    return made ? Code{} : made.error().code;
  };
  Bundle one = full();
  one.modules[0].content.resize(kCodeBytesMax);
  EXPECT_EQ(code_of(one), Code::too_large);
  one = full();
  for (size_t i = 0; i <= kModulesMax; ++i)
    one.modules.push_back({"n" + std::to_string(1000 + i), ModuleKind::text, {}});
  EXPECT_EQ(code_of(one), Code::too_large);
  for (const char* name : {"", "/a", "a/", "a//b", "./a", "a/../b", "a b", "a\\b", "a\nb"}) {
    one = full();
    one.modules[0].name = name;
    EXPECT_EQ(code_of(one), Code::invalid) << name;
  }
  one = full();
  one.modules[0].name = std::string(kModuleNameBytesMax + 1, 'a');
  EXPECT_EQ(code_of(one), Code::invalid);
  one = full();
  one.modules[1].name = one.modules[0].name;
  EXPECT_EQ(code_of(one), Code::invalid) << "twice";
  for (const char* main : {"", "gone.js", "b.json"}) {
    one = full();
    one.main = main;
    EXPECT_EQ(code_of(one), Code::invalid) << main;
  }
}

TEST(Bundle, KindsComeFromTheNamesOfFiles) {
  EXPECT_EQ(kind_of("a/b.js"), ModuleKind::es);
  EXPECT_EQ(kind_of("b.mjs"), ModuleKind::es);
  EXPECT_EQ(kind_of("b.cjs"), ModuleKind::commonjs);
  EXPECT_EQ(kind_of("b.json"), ModuleKind::json);
  EXPECT_EQ(kind_of("b.html"), ModuleKind::text);
  EXPECT_EQ(kind_of("b.wasm"), ModuleKind::wasm);
  EXPECT_EQ(kind_of("a.js/b"), ModuleKind::data);
}

TEST(Settings, SayWhatIsWrong) {
  const auto why = [](auto change) {
    Settings set = full().settings;
    change(set);
    const Status checked = check(set);
    return checked ? std::string("(nothing)") : checked.error().text();
  };
  EXPECT_EQ(why([](Settings&) {}), "(nothing)");
  EXPECT_EQ(why([](Settings& s) { s.texts["1a"] = ""; }),
            "invalid: env: \"1a\" is no name: letters, digits, \"_\" and \"$\", at most 64, no "
            "digit first");
  EXPECT_NE(why([](Settings& s) { s.json["__proto__"] = "{}"; }), "(nothing)");
  EXPECT_EQ(why([](Settings& s) { s.secrets["A"] = ""; }), "invalid: env.A is there twice");
  EXPECT_EQ(why([](Settings& s) { s.texts["STATE"] = ""; }), "invalid: env.STATE is there twice");
  EXPECT_EQ(why([](Settings& s) { s.texts["A"].resize(kBindingBytesMax + 1); }),
            "too_large: env.A has 16385 bytes; 16384 is the limit");
  EXPECT_EQ(why([](Settings& s) { s.functions["D"] = "Other"; }),
            "invalid: a function in env: \"Other\" is no name: 1 to 64 characters out of a-z, 0-9, "
            "\"_\" and \"-\"");
  EXPECT_EQ(why([](Settings& s) { s.consumers["jobs"].batch = 101; }),
            "invalid: the queue jobs: batch is 1 to 100, retries 0 to 100, delay_s 0 to 43200");
  EXPECT_EQ(why([](Settings& s) { s.consumers["jobs"].dead_queue = "jobs"; }),
            "invalid: the queue jobs is its own dead-letter queue");
  for (const char* host : {"https://a.b", "A.b", "a b", "", "a:0", "a:70000", "*.", ".a", "a..b",
                           "a:1:2", "[zz]", "[::1", "*", "**", "a.*", "*a", "a:", "a/"})
    EXPECT_NE(why([&](Settings& s) { s.fetch = {host}; }), "(nothing)") << host;
  for (const char* host : {"a.b", "*.a.b:1", "192.0.2.1:80", "[::1]", "[2001:db8::1]:443"})
    EXPECT_EQ(why([&](Settings& s) { s.fetch = {host}; }), "(nothing)") << host;
  EXPECT_NE(why([](Settings& s) { s.fetch = {"b.c", "a.b"}; }), "(nothing)") << "one order only";
  EXPECT_EQ(why([](Settings& s) { s.remote = {"a b"}; }),
            "invalid: remote: \"a b\" is no name of an exported function");
  EXPECT_NE(why([](Settings& s) { s.remote = {"default"}; }), "(nothing)");
  EXPECT_NE(why([](Settings& s) { s.remote = {"b", "a"}; }), "(nothing)") << "one order only";
  EXPECT_NE(why([](Settings& s) {
              for (int i = 0; i < 70; ++i) s.texts["N" + std::to_string(i)] = "";
            }),
            "(nothing)");
}

SecretsKey key_of(uint8_t byte) {
  crypto::init();
  std::array<std::byte, 32> bytes{};
  bytes.fill(std::byte{byte});
  return SecretsKey(bytes);
}

Status opened(Settings& settings, uint8_t byte) {
  const SecretsKey key = key_of(byte);
  return open_secrets(settings, &key);
}

TEST(Secrets, AreSealedAndOpened) {
  Settings set = full().settings;
  set.secrets["LONG"] = std::string(kBindingBytesMax, 's');
  const Settings before = set;
  seal_secrets(set, key_of(1));
  EXPECT_TRUE(set.secrets.empty());
  EXPECT_TRUE(check(set)) << "also the longest secret";
  Bundle sealed = full();
  sealed.settings = set;
  EXPECT_EQ(as_text(encode(sealed).value()).find("sssss"), std::string_view::npos);
  EXPECT_TRUE(opened(set, 1));
  EXPECT_EQ(set, before);
}

TEST(AdversarySecrets, AnotherKeyNameOrTextIsForged) {
  Settings sealed = full().settings;
  seal_secrets(sealed, key_of(1));
  Settings other_key = sealed;
  EXPECT_EQ(opened(other_key, 2).error().code, Code::forged);
  Settings no_key = sealed;
  EXPECT_EQ(open_secrets(no_key, nullptr).error().code, Code::forged);
  Settings renamed = sealed;
  renamed.sealed = {{"X", sealed.sealed.at("C")}};
  EXPECT_EQ(opened(renamed, 1).error().code, Code::forged);
  Settings changed = sealed;
  changed.sealed["C"][0] ^= 1;
  EXPECT_EQ(opened(changed, 1).error().code, Code::forged);
  Settings cut = sealed;
  cut.sealed["C"] = "short";
  EXPECT_EQ(opened(cut, 1).error().code, Code::forged);
}

}  // namespace
}  // namespace themis::bundle
