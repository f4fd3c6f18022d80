// fetch(), with a node that the test plays.
#include "tests/unit/js/test_host.hpp"

namespace themis::js {
namespace {

Response answer(uint16_t status, Headers headers = {}, std::string_view body = "") {
  return {.status = status, .headers = std::move(headers), .body = to_bytes(body)};
}

/// A function that fetches, and what it says of it: an error's name and message.
struct Fetching : Function {
  explicit Fetching(std::string_view expression)
      : Function(handler("try { const r = await fetch(" + std::string(expression) +
                         "); return new Response([r.status, r.url, r.redirected, r.type,"
                         "await r.text()].join(' ')); } catch (e) {"
                         "return new Response(e.name + ': ' + e.message); }")) {}
  /// "GET http://a/ name=value;..." of each request that was made.
  std::string asked() {
    std::string all;
    for (const auto& [who, request] : host().requests) {
      all += request.method + " " + request.url;
      for (const auto& [name, value] : request.headers) all += " " + name + "=" + value;
      all += request.body.empty() ? "\n" : " " + std::string(as_text(request.body)) + "\n";
    }
    return all;
  }
};

TEST(Fetch, AsksTheNodeAndAnswers) {
  Fetching f("'http://a.example/x y#z', { method: 'POST', headers: { 'X-A': '1' }, body: 'hi' }");
  f.host().answer_fetch = [](const Request&) { return answer(201, {{"x-b", "2"}}, "yes"); };
  EXPECT_EQ(f.text(), "201 http://a.example/x%20y false basic yes");
  EXPECT_EQ(f.asked(),
            "POST http://a.example/x%20y#z x-a=1 content-type=text/plain;charset=UTF-8 hi\n");
}

TEST(Fetch, ARefusalIsATypeError) {
  Fetching f("'http://a.example/'");
  f.host().answer_fetch = [](const Request&) -> Result<Response> {
    return fail(Code::denied, "not there");
  };
  EXPECT_EQ(f.text(), "TypeError: fetch: denied: not there");
}

// Found beside workerd (tests/workerd): a proxy passes redirects on.
TEST(Fetch, RegressARequestThatCameInIsNotRedirected) {
  const auto redirect = [](const Request&) { return answer(302, {{"location", "/2"}}, ""); };
  for (const char* passed : {"request", "'http://a.example/', request", "new Request(request)"}) {
    Fetching f(passed);
    f.host().answer_fetch = redirect;
    EXPECT_TRUE(f.text().starts_with("302 http://")) << passed << ": " << f.text();
  }
}

TEST(Fetch, FollowsRedirectsAsTheStandardSays) {
  Fetching f(
      "'http://a.example/1', { method: 'POST', body: 'b', headers: { authorization: 's',"
      "cookie: 'c', 'x-k': 'k' } }");
  f.host().answer_fetch = [](const Request& request) {
    if (request.url == "http://a.example/1") return answer(307, {{"location", "2"}});
    if (request.url == "http://a.example/2") return answer(302, {{"location", "/3"}});
    if (request.url == "http://a.example/3")
      return answer(301, {{"location", "//b.example/4"}}, "moved");
    return answer(200, {}, "there");
  };
  EXPECT_EQ(f.text(), "200 http://b.example/4 true basic there");
  EXPECT_EQ(f.asked(),
            "POST http://a.example/1 authorization=s cookie=c x-k=k"
            " content-type=text/plain;charset=UTF-8 b\n"
            "POST http://a.example/2 authorization=s cookie=c x-k=k"
            " content-type=text/plain;charset=UTF-8 b\n"
            "GET http://a.example/3 authorization=s cookie=c x-k=k\n"
            "GET http://b.example/4 x-k=k\n");
}

TEST(Fetch, AdversaryRedirectsAreBounded) {
  Fetching f("'http://a.example/'");
  f.host().answer_fetch = [](const Request&) { return answer(302, {{"location", "/"}}); };
  EXPECT_EQ(f.text(), "TypeError: fetch: over 20 redirects");
  EXPECT_EQ(f.host().requests.size(), 21u);
  for (const char* location : {"file:///etc/passwd", "javascript:1", "http://[", "data:,x"}) {
    Fetching other("'http://a.example/'");
    other.host().answer_fetch = [&](const Request&) {
      return answer(302, {{"location", location}});
    };
    EXPECT_EQ(other.text(), "TypeError: fetch: a redirect to what is no http or https URL");
  }
}

TEST(Fetch, RedirectsCanBeRefusedOrSeen) {
  const auto redirect = [](const Request&) { return answer(302, {{"location", "/2"}}, "body"); };
  Fetching refused("'http://a.example/', { redirect: 'error' }");
  refused.host().answer_fetch = redirect;
  EXPECT_EQ(refused.text(), "TypeError: fetch: an answer that redirects");
  Fetching seen("'http://a.example/', { redirect: 'manual' }");
  seen.host().answer_fetch = redirect;
  EXPECT_EQ(seen.text(), "302 http://a.example/ false basic body");
  EXPECT_EQ(Fetching("'http://a.example/', { redirect: 'x' }").text(),
            "TypeError: Invalid redirect mode: 'x'");
}

TEST(Fetch, BodiesStream) {
  Fetching f("'http://a.example/'");
  f.host().answer_fetch = [](const Request&) {
    Response response = answer(200, {}, "first ");
    response.flow = 9;
    return response;
  };
  f.host().give_part = [n = 0](uint64_t flow) mutable -> Result<Part> {
    EXPECT_EQ(flow, 9u);
    if (n++ == 3) return Part{.kind = Part::Kind::end};
    return Part{.data = to_bytes("part ")};
  };
  EXPECT_EQ(f.text(), "200 http://a.example/ false basic first part part part ");
}

TEST(Fetch, ABodyThatIsNotReadIsLeftWithItsCall) {
  Function f(
      handler("const r = await fetch('http://a.example/'); return new Response('' +"
              "r.status);"));
  f.host().answer_fetch = [](const Request&) {
    Response response = answer(200);
    response.flow = 9;
    return response;
  };
  EXPECT_EQ(f.text(), "200");
  EXPECT_EQ(f.host().left, std::vector<uint64_t>{9});
}

TEST(Fetch, AnAbortRejectsAtOnceAndLeavesWhatComesLater) {
  Function f(
      handler("const c = new AbortController(); setTimeout(() => c.abort(), 10);"
              "try { await fetch('http://a.example/', { signal: c.signal }); } catch (e) {"
              "setTimeout(() => {}, 10); ctx.waitUntil(new Promise((r) => setTimeout(r,"
              "100))); return new Response(e.name); }"));
  EXPECT_EQ(f.text(), "AbortError");
  ASSERT_EQ(f.host().called.size(), 1u);
  Response late = answer(200);
  late.flow = 9;
  f.host().called[0](late);
  EXPECT_EQ(f.host().left, std::vector<uint64_t>{9});
  EXPECT_EQ(Fetching("'http://a.example/', { signal: AbortSignal.abort() }").text(),
            "AbortError: This operation was aborted");
}

/// The node went on with what nobody waited for.
TEST(Fetch, RegressAnAbortTellsTheNodeToGiveUp) {
  Function f(
      handler("const c = new AbortController(); setTimeout(() => c.abort(), 10);"
              "const other = fetch('http://b.example/');"
              "try { await fetch('http://a.example/', { signal: c.signal }); } catch (e) {}"
              "return new Response((await other).status);"));
  std::optional<Result<Response>> out;
  f.worker().call({.url = "http://f/"}, [&](Result<Response> r) { out = std::move(r); });
  f.host().run(20ms);
  EXPECT_EQ(f.host().given_up, std::vector<size_t>{1});
  ASSERT_EQ(f.host().called.size(), 2u);
  f.host().called[0](answer(200));
  f.host().called[1](fail(Code::cancelled, "the caller gave up"));
  ASSERT_TRUE(out && *out);
  EXPECT_EQ(as_text((*out)->body), "200");
  EXPECT_EQ(f.host().given_up.size(), 1u);
}

TEST(Fetch, RegressTheEndOfACallGivesUpWhatItAsked) {
  Function f(
      handler("if (request.url.endsWith('/wait')) ctx.waitUntil(fetch('http://a.example/'));"
              "else { fetch('http://a.example/'); env.SERVICES.fetch('s', 'http://s/'); }"
              "return new Response('');"));
  EXPECT_EQ(f.text({.url = "http://f/wait"}), "");
  EXPECT_TRUE(f.host().given_up.empty()) << "waitUntil";
  EXPECT_EQ(f.text(), "");
  EXPECT_EQ(f.host().given_up.size(), 2u);
}

TEST(Fetch, AnAbortEndsABody) {
  Function f(
      handler("const c = new AbortController(); const r = await fetch('http://a.example/', {"
              "signal: c.signal }); setTimeout(() => c.abort(), 10);"
              "try { await r.text(); } catch (e) { return new Response(e.name); }"));
  f.host().answer_fetch = [](const Request&) {
    Response response = answer(200);
    response.flow = 9;
    return response;
  };
  EXPECT_EQ(f.text(), "AbortError");
  EXPECT_EQ(f.host().left, std::vector<uint64_t>{9});
}

TEST(Fetch, TakesTheContentCodingAway) {
  Function f(
      handler("const zip = await new Response(new Blob(['squeezed']).stream().pipeThrough("
              "new CompressionStream('gzip'))).bytes(); if (request.method === 'POST')"
              "return new Response(zip); const r = await fetch('http://a.example/');"
              "return new Response(await r.text());"));
  const Result<Response> zipped = f.call({.method = "POST", .url = "http://f/"});
  ASSERT_TRUE(zipped);
  f.host().answer_fetch = [&](const Request&) {
    return answer(200, {{"content-encoding", "gzip"}}, as_text(zipped->body));
  };
  EXPECT_EQ(f.text(), "squeezed");
}

TEST(Fetch, AdversaryOneCallMakesAThousandRequestsOfAllKindsAtMost) {
  Function f(handler("let made = 0; try { for (;; made += 2) { await fetch('http://a.example/');"
                     "await env.SERVICES.fetch('greeter', 'http://a.example/'); } }"
                     "catch (e) { return new Response(made + ' ' + e.message); }"),
             Limits{.cpu = 20s});
  f.host().answer_fetch = [](const Request&) { return answer(200); };
  f.host().answer_service = [](const Request&) { return answer(200); };
  EXPECT_EQ(f.text(), "1000 over the subrequests that one call may make");
}

TEST(Fetch, OnlyWithinARequest) {
  Function f(
      "let e; fetch('http://a.example/').catch((x) => { e = x; });"
      "export default { fetch() { return new Response(e.message); } };");
  EXPECT_EQ(f.text(), "this can be used within a request only");
}

}  // namespace
}  // namespace themis::js
