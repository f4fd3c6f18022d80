#include "actors/gateway/invocation.hpp"

#include <gtest/gtest.h>

namespace themis {
namespace {

http::Request request(std::vector<std::pair<std::string, std::string>> headers,
                      std::string body = {}) {
  http::Request made{"POST", "/f/f/x", {}, std::move(body), {}};
  for (auto& [name, value] : headers) made.headers.add(name, value);
  return made;
}
std::vector<std::string> names(const InvokeMsg& invoke) {
  std::vector<std::string> all;
  const auto view = invoke.view();
  for (const auto header : view->getHeaders()) all.emplace_back(wire::text_of(header.getName()));
  return all;
}

TEST(Invocation, CarriesTheRequest) {
  const auto invoke = encode_invoke({"f", {}}, request({{"X-A", "1"}, {"x-a", "2"}}, "body"),
                                    "http://h/x?y=1", false, TimePoint::max());
  ASSERT_TRUE(invoke);
  const auto view = invoke->view();
  EXPECT_EQ(wire::text_of(view->getFunction()), "f");
  EXPECT_EQ(wire::text_of(view->getMethod()), "POST");
  EXPECT_EQ(wire::text_of(view->getUrl()), "http://h/x?y=1");
  EXPECT_EQ(as_text(wire::bytes_of(view->getBody())), "body");
  EXPECT_EQ(names(*invoke), (std::vector<std::string>{"X-A", "x-a"}));
  EXPECT_FALSE(view->hasCode());
  EXPECT_TRUE(decode_target(*invoke));
}

TEST(Invocation, LeavesOutWhatIsForOneHop) {
  const auto invoke = encode_invoke({"f", {}},
                                    request({{"Connection", "close, X-Private"},
                                             {"x-private", "1"},
                                             {"TE", "trailers"},
                                             {"Transfer-Encoding", "chunked"},
                                             {"Upgrade", "h2c"},
                                             {"Keep-Alive", "5"},
                                             {"Proxy-Authorization", "x"},
                                             {"Expect", "100-continue"},
                                             {"Accept", "*/*"}}),
                                    "http://h/", false, TimePoint::max());
  ASSERT_TRUE(invoke);
  EXPECT_EQ(names(*invoke), (std::vector<std::string>{"Accept"}));
}

TEST(Invocation, AdversaryFunctionNeverSeesTheGatewaysToken) {
  const auto with = request({{"Authorization", "Bearer secret"}});
  EXPECT_TRUE(names(*encode_invoke({"f", {}}, with, "http://h/", true, TimePoint::max())).empty());
  EXPECT_EQ(names(*encode_invoke({"f", {}}, with, "http://h/", false, TimePoint::max())).size(), 1u)
      << "another bearer is the function's own business";
}

TEST(Invocation, ByCodeNamesTheCode) {
  const CallTarget target{{}, crypto::blake2b(as_bytes("x"))};
  EXPECT_EQ(target.ring_name(), "code/" + to_hex(target.code));
  const auto invoke = encode_invoke(target, request({}), "http://h/", false, TimePoint::max());
  ASSERT_TRUE(invoke);
  EXPECT_EQ(decode_target(*invoke)->id, target.code);
}

TEST(Invocation, OneSegmentHoldsALargeBody) {
  const auto invoke = encode_invoke({"f", {}}, request({{"A", "b"}}, std::string(1 << 20, 'x')),
                                    "http://h/", false, TimePoint::max());
  ASSERT_TRUE(invoke);
  EXPECT_LT(invoke->frame()->size(), (1u << 20) + 4096);
}

TEST(Invocation, RefusesMoreThanAFunctionTakes) {
  std::vector<std::pair<std::string, std::string>> many(kInvokeHeadersMax + 1, {"a", "b"});
  EXPECT_EQ(
      encode_invoke({"f", {}}, request(many), "http://h/", false, TimePoint::max()).error().code,
      Code::too_large);
}

TEST(Invocation, TheHostHeaderMustBeAHost) {
  http::Headers headers;
  EXPECT_EQ(*origin_of(headers), "http://localhost");
  headers.set("Host", "[::1]:8080");
  EXPECT_EQ(*origin_of(headers), "http://[::1]:8080");
  for (const char* bad : {"a/b", "a b", "a@b", "a?b", "a#b", "\"", "a\\b"}) {
    headers.set("Host", bad);
    EXPECT_EQ(origin_of(headers).error().code, Code::malformed) << bad;
  }
}

OutcomeMsg outcome(uint16_t status, const std::string& name, const std::string& value) {
  wire::Builder<schema::Outcome> made;
  made->setStatus(status);
  auto headers = made->initHeaders(1);
  headers[0].setName(wire::to_text(name));
  headers[0].setValue(wire::to_text(value));
  made->setBody(wire::to_data(as_bytes("body")));
  return made.finish();
}

TEST(Outcome, BecomesAResponse) {
  const auto reply = decode_outcome(outcome(201, "X-A", "1"));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->response.status, 201);
  EXPECT_EQ(*reply->response.headers.find("x-a"), "1");
  EXPECT_EQ(reply->response.body, "body");
  EXPECT_EQ(reply->flow, 0u);
  EXPECT_EQ(decode_outcome(outcome(200, "Connection", "x"))->response.headers.size(), 0u);
}

TEST(Outcome, AdversaryAnswerCannotBreakOutOfItsResponse) {
  EXPECT_FALSE(decode_outcome(outcome(200, "X-A", "1\r\nSet-Cookie: a=b")));
  EXPECT_FALSE(decode_outcome(outcome(200, "X A", "1")));
  EXPECT_FALSE(decode_outcome(outcome(200, "", "1")));
  EXPECT_FALSE(decode_outcome(outcome(101, "X-A", "1")));
  EXPECT_FALSE(decode_outcome(outcome(999, "X-A", "1")));
  EXPECT_FALSE(decode_outcome(OutcomeMsg{}));
}

}  // namespace
}  // namespace themis
