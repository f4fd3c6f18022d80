// Messages of functions survive their encoding; what does not fit is refused.
#include "actors/worker/function_codec.hpp"

#include <gtest/gtest.h>

#include "wire/message.hpp"

namespace themis {
namespace {

InstallFunction function() {
  InstallFunction out;
  out.name = "primes";
  out.id.fill(std::byte{7});
  out.source = std::make_shared<const Bytes>(to_bytes("export default {}"));
  out.limits = {64, 20, 1'000};
  return out;
}

TEST(FunctionCodec, LoadSurvives) {
  const auto request = decode_load(encode_load(function(), TimePoint::max()));
  ASSERT_TRUE(request) << request.error().text();
  EXPECT_EQ(request->name, "primes");
  EXPECT_EQ(request->id, function().id);
  EXPECT_EQ(request->source, "export default {}");
  EXPECT_EQ(request->limits.memory_mb, 64u);
  EXPECT_EQ(request->limits.cpu_ms, 20u);
  EXPECT_EQ(request->limits.wall_ms, 1'000u);
}

TEST(FunctionCodec, RefusesCodeIdsOfAnotherLength) {
  wire::Builder<schema::Unload> unload;
  const Bytes short_id(31);
  unload->setCode(wire::to_data(short_id));
  EXPECT_EQ(decode_unload(unload.finish()).error().code, Code::malformed);
  EXPECT_EQ(decode_unload(wire::Msg<schema::Unload>()).error().code, Code::malformed);
  EXPECT_EQ(*decode_unload(encode_unload(function().id)), function().id);
}

TEST(FunctionCodec, InvokeKeepsEveryHeader) {
  wire::Builder<schema::Invoke> invoke;
  invoke->setMethod("PUT");
  invoke->setUrl("http://f/");
  auto headers = invoke->initHeaders(2);
  headers[0].setName("a");
  headers[0].setValue("1");
  headers[1].setName("a");
  headers[1].setValue("2");
  const auto request = decode_invoke(invoke.finish());
  ASSERT_TRUE(request);
  EXPECT_EQ(request->method, "PUT");
  EXPECT_EQ(request->headers, (js::Headers{{"a", "1"}, {"a", "2"}}));
}

TEST(FunctionCodec, RefusesTooManyAndTooLongHeaders) {
  wire::Builder<schema::Invoke> many;
  many->initHeaders(kHeadersMax + 1);
  EXPECT_EQ(decode_invoke(many.finish()).error().code, Code::too_large);
  wire::Builder<schema::Invoke> longer;
  longer->initHeaders(1)[0].setValue(wire::to_text(std::string(kHeaderBytesMax + 1, 'x')));
  EXPECT_EQ(decode_invoke(longer.finish()).error().code, Code::too_large);
}

TEST(FunctionCodec, RefusesResponsesThatFitNoMessage) {
  js::Response response;
  response.body.resize(kResponseBodyBytesMax);
  response.headers.assign(kHeadersMax, {"name", std::string(200, 'x')});
  const auto largest = encode_outcome(response);
  ASSERT_TRUE(largest) << largest.error().text();
  EXPECT_LE(largest->frame()->size(), wire::kMessageBytesMax);
  response.headers.emplace_back("one", "more");
  EXPECT_EQ(encode_outcome(response).error().code, Code::too_large);
  response.headers.clear();
  response.body.resize(kResponseBodyBytesMax + 1);
  EXPECT_EQ(encode_outcome(response).error().code, Code::too_large);
}

}  // namespace
}  // namespace themis
