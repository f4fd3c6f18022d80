#include <gtest/gtest.h>

#include "actors/services/canary.hpp"
#include "actors/services/log_codec.hpp"
#include "actors/services/service_codec.hpp"
#include "actors/services/use_codec.hpp"
#include "runtime/base/rng.hpp"

namespace themis {
namespace {

const FunctionVersion kVersion{7, crypto::blake2b(as_bytes("code"))};

TEST(FunctionNames, AreShortAndPlain) {
  EXPECT_TRUE(is_function_name("prime_factors-2"));
  EXPECT_TRUE(is_function_name(std::string(64, 'a')));
  for (const std::string& name :
       {std::string(), std::string(65, 'a'), std::string("A"), std::string("a/b"), std::string("ä"),
        std::string("a b"), std::string("a\0b", 3), std::string("..")})
    EXPECT_FALSE(is_function_name(name)) << name;
}

TEST(FunctionVersions, NewerNumberWinsThenTheCode) {
  EXPECT_LT((FunctionVersion{1, {std::byte{9}}}), (FunctionVersion{2, {}}));
  EXPECT_LT((FunctionVersion{2, {}}), (FunctionVersion{2, {std::byte{1}}}));
}

TEST(InstancePayload, ComesBackAndRefusesOtherBytes) {
  const Bytes bytes = encode_payload({kVersion});
  EXPECT_EQ(*decode_payload(bytes), InstancePayload{kVersion});
  for (size_t length = 0; length < bytes.size(); ++length)
    EXPECT_FALSE(decode_payload(ByteView(bytes).first(length)));
  Bytes other = bytes;
  other[0] = std::byte{1};
  EXPECT_EQ(decode_payload(other).error().code, Code::malformed);
}

TEST(ServiceCodec, HostComesBack) {
  const HostedRow row{"f", kVersion};
  EXPECT_EQ(*decode_host(encode_host(row, TimePoint::max())), row);
  const HostedRow secret{row.name, row.version, {}, *bundle::SharedKey::from(Bytes(32))};
  EXPECT_EQ(*decode_host(encode_host(secret, TimePoint::max())), secret);
  EXPECT_NE(secret, row);
}

TEST(ServiceCodec, RefusesHostWithAWrongNameOrId) {
  wire::Builder<schema::Host> host;
  host->setName("../etc");
  host->setCode(wire::to_data(kVersion.id));
  EXPECT_EQ(decode_host(host.finish()).error().code, Code::malformed);
  wire::Builder<schema::Host> shorter;
  shorter->setName("f");
  shorter->setCode(wire::to_data(ByteView(kVersion.id).first(31)));
  EXPECT_EQ(decode_host(shorter.finish()).error().code, Code::malformed);
  EXPECT_EQ(decode_unhost(encode_unhost({"A"}, TimePoint::max())).error().code, Code::malformed);
  EXPECT_EQ(decode_host(HostMsg{}).error().code, Code::malformed);
}

TEST(ServiceCodec, AnUnhostIsOfInstancesOrOfActors) {
  for (const bool of_actors : {false, true}) {
    const auto read = decode_unhost(encode_unhost({"f", of_actors}, TimePoint::max()));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->name, "f");
    EXPECT_EQ(read->of_actors, of_actors);
  }
  EXPECT_EQ(decode_unhost(encode_unhost({"actor/f", true}, TimePoint::max())).error().code,
            Code::malformed);
}

TEST(ServiceCodec, AdversaryCodeOfAnotherHashIsForged) {
  const Bytes code = to_bytes("code");
  EXPECT_EQ(**decode_code(encode_code(code), kVersion.id), code);
  EXPECT_EQ(decode_code(encode_code(to_bytes("c0de")), kVersion.id).error().code, Code::forged);
  const Bytes huge(kSourceBytesMax + 1);
  EXPECT_EQ(decode_code(encode_code(huge), kVersion.id).error().code, Code::too_large);
}

TEST(ServiceCodec, AdversaryFrameOfRandomBytesIsMalformedOrBounded) {
  SystemRng system;
  const uint64_t seed = system.next();
  SeededRng rng(seed);
  for (int round = 0; round < 2000; ++round) {
    const size_t words = 1 + rng.below(16);
    wire::FramePtr frame = wire::Frame::make(words);
    rng.fill({frame.writable()->data(), words * 8});
    const auto target = decode_target(InvokeMsg(frame));
    EXPECT_TRUE(!target || target->by_code || is_function_name(target->function)) << seed;
    const auto host = decode_host(HostMsg(frame));
    EXPECT_TRUE(!host || is_function_name(host->name)) << seed;
  }
}

TEST(ServiceCodec, ReadsWhatAnInvokeIsFor) {
  wire::Builder<schema::Invoke> by_name;
  by_name->setFunction("f");
  by_name->setMethod("GET");
  const auto named = decode_target(by_name.finish());
  ASSERT_TRUE(named);
  EXPECT_EQ(named->function, "f");
  EXPECT_FALSE(named->by_code);
  wire::Builder<schema::Invoke> by_code;
  by_code->setCode(wire::to_data(kVersion.id));
  const auto coded = decode_target(by_code.finish());
  ASSERT_TRUE(coded);
  EXPECT_TRUE(coded->by_code);
  EXPECT_EQ(coded->id, kVersion.id);
}

TEST(ServiceCodec, RefusesAnInvokeOverTheLimits) {
  wire::Builder<schema::Invoke> nameless;
  EXPECT_EQ(decode_target(nameless.finish()).error().code, Code::malformed);
  wire::Builder<schema::Invoke> many(2048);
  many->setFunction("f");
  many->initHeaders(kInvokeHeadersMax + 1);
  EXPECT_EQ(decode_target(many.finish()).error().code, Code::malformed);
  wire::Builder<schema::Invoke> large(kInvokeBodyBytesMax / 8 + 64);
  large->setFunction("f");
  large->initBody(kInvokeBodyBytesMax + 1);
  EXPECT_EQ(decode_target(large.finish()).error().code, Code::malformed);
}

TEST(LogCodec, PagesComeBackAsTheyWereAndLongOnesAreRefused) {
  const ReadLog order{"f", {.after = 7, .level = 2, .since_ms = -3}, 9};
  const auto read = decode_read_log(encode_read_log(order, TimePoint::max()));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->function, "f");
  EXPECT_EQ(read->query.after, 7u);
  EXPECT_EQ(read->query.level, 2);
  EXPECT_EQ(read->query.since_ms, -3);
  EXPECT_EQ(read->reader, 9u);
  EXPECT_FALSE(decode_read_log(encode_read_log({"NO NAME", {}, 0}, TimePoint::max())));
  LogBook::Page page{{{1, 2, 3, 4, "text"}, {2, 3, 0, 0, ""}}, 5, true};
  EXPECT_EQ(*decode_log_page(encode_log_page(page)), page);
  page.lines[0].level = 4;
  EXPECT_FALSE(decode_log_page(encode_log_page(page)));
  page.lines[0] = {.text = std::string(kLogTextBytesMax + 1, 'a')};
  EXPECT_FALSE(decode_log_page(encode_log_page(page)));
}

TEST(CanaryCodec, ACanaryComesBackAsItWasAndWhatIsNoneIsRefused) {
  CanaryRow canary{{"f", {3, crypto::blake2b(as_bytes("c"))}}, {50, mesh::Sticky{true, "id"}}};
  const auto read = decode_host_canary(encode_host_canary(canary, TimePoint::max()));
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->row, canary.row);
  EXPECT_EQ(read->share, canary.share);
  for (const uint32_t percent : {0u, 51u}) {
    canary.share.percent = percent;
    EXPECT_FALSE(decode_host_canary(encode_host_canary(canary, TimePoint::max()))) << percent;
  }
  canary.share = {10, mesh::Sticky{false, "not a token"}};
  EXPECT_FALSE(decode_host_canary(encode_host_canary(canary, TimePoint::max())));
  const UnhostOrder order{"f", false, true};
  const auto unhost = decode_unhost(encode_unhost(order, TimePoint::max()));
  ASSERT_TRUE(unhost);
  EXPECT_TRUE(unhost->of_canary);
  EXPECT_EQ(unhost->name, "f");
}

TEST(UseCodec, FiguresComeBackAsTheyWereAndThoseOfNoNodeAreRefused) {
  const std::vector<std::string> names{"a", std::string(kFunctionNameBytesMax, 'b')};
  EXPECT_EQ(*decode_measure(encode_measure(names, TimePoint::max())), names);
  EXPECT_FALSE(decode_measure(encode_measure({"NO NAME"}, TimePoint::max())));
  const std::vector<std::string> many(kMeasuredNamesMax + 1, "f");
  EXPECT_FALSE(decode_measure(encode_measure(many, TimePoint::max())));
  std::vector<RunningFunction> all{{"a", 7, 2, 4096}, {names[1], UINT32_MAX, 0, 0}};
  EXPECT_EQ(*decode_measured(encode_measured(all)), all);
  all[0].isolates = kIsolatesToldMax + 1;
  EXPECT_FALSE(decode_measured(encode_measured(all)));
  all[0] = {"a", 7, 2, kMemoryToldMaxKb + 1};
  EXPECT_FALSE(decode_measured(encode_measured(all)));
  const size_t most = kMeasuredNamesMax * kVersionsRunningMax;
  EXPECT_TRUE(decode_measured(encode_measured(std::vector<RunningFunction>(most, {"f"}))));
  EXPECT_FALSE(decode_measured(encode_measured(std::vector<RunningFunction>(most + 1, {"f"}))));
}

}  // namespace
}  // namespace themis
