// env.SERVICES: the request that goes out, the Response that comes back, and what can go wrong.
#include "tests/unit/js/test_host.hpp"

namespace themis::js {
namespace {

TEST(Services, ARequestGoesOutAndItsAnswerIsAResponse) {
  TestHost host;
  host.answer_service = [](const Request&) -> Result<Response> {
    return Response{.status = 418, .headers = {{"x-kind", "pot"}}, .body = to_bytes("short")};
  };
  Function f(handler("const r = await env.SERVICES.fetch('check', 'http://check/a?b=1',"
                     "  {method: 'POST', headers: {'X-Who': 'ada'}, body: 'stout'});"
                     "return new Response([r.status, r.ok, r.headers.get('x-kind'), await r.text(),"
                     "  r instanceof Response].join());"),
             {}, &host);
  EXPECT_EQ(f.text(), "418,false,pot,short,true");
  ASSERT_EQ(host.requests.size(), 1u);
  const auto& [service, request] = host.requests[0];
  EXPECT_EQ(service, "check");
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, "http://check/a?b=1");
  EXPECT_EQ(as_text(request.body), "stout");
  const Headers expected{{"x-who", "ada"}, {"content-type", "text/plain;charset=UTF-8"}};
  EXPECT_EQ(request.headers, expected);
}

TEST(Services, BytesGoBothWays) {
  TestHost host;
  host.answer_service = [](const Request& request) -> Result<Response> {
    return Response{.status = 200, .headers = {}, .body = request.body};
  };
  Function f(handler("const r = await env.SERVICES.fetch('s', 'http://s/',"
                     "  {method: 'PUT', body: new Uint8Array([0, 255, 128])});"
                     "return new Response((await r.bytes()).join());"),
             {}, &host);
  EXPECT_EQ(f.text(), "0,255,128");
}

TEST(Services, AFailedCallIsAnExceptionThatAHandlerCanCatch) {
  TestHost host;
  host.answer_service = [](const Request&) { return fail(Code::denied, "not this one"); };
  Function f(handler("try { await env.SERVICES.fetch('s', 'http://s/'); return new Response('?'); }"
                     "catch (e) { return new Response(e.message); }"),
             {}, &host);
  EXPECT_EQ(f.text(), "SERVICES: denied: not this one");
}

TEST(Services, AnAnswerThatComesAfterItsCallIsIgnored) {
  TestHost host;
  Function f(handler("env.SERVICES.fetch('s', 'http://s/').then(() => console.log('late'));"
                     "return new Response('done');"),
             {}, &host);
  EXPECT_EQ(f.text(), "done");
  ASSERT_EQ(host.called.size(), 1u);
  host.called[0](Response{});
  EXPECT_TRUE(host.lines.empty());
}

// Found beside workerd (tests/workerd).
TEST(Services, RegressAnAnswerSaysItsUrlAndRedirectsAreFollowed) {
  TestHost host;
  host.answer_service = [](const Request& request) -> Result<Response> {
    if (request.url != "http://s/old") return Response{.status = 200, .body = to_bytes("there")};
    return Response{.status = 302, .headers = {{"location", "/new"}}, .body = {}};
  };
  Function f(
      handler("const r = await env.SERVICES.fetch('s', 'http://s/old');"
              "const m = await env.SERVICES.fetch('s', 'http://s/old', { redirect: 'manual' });"
              "return new Response([r.status, r.url, r.redirected, await r.text(), m.status,"
              "  m.headers.get('location')].join());"),
      {}, &host);
  EXPECT_EQ(f.text(), "200,http://s/new,true,there,302,/new");
}

TEST(Services, RegressACallThatIsAbortedIsNotWaitedFor) {
  TestHost host;
  Function f(handler("const told = []; const c = new AbortController();"
                     "for (const signal of [AbortSignal.abort('before'), c.signal]) {"
                     "  const call = env.SERVICES.fetch('s', 'http://s/', { signal });"
                     "  c.abort('meanwhile'); try { await call; } catch (e) { told.push(e); } }"
                     "return new Response(told.join());"),
             {}, &host);
  EXPECT_EQ(f.text(), "before,meanwhile");
}

TEST(AdversaryServices, MoreQuestionsThanAreAllowedAreRefusedOneByOne) {
  TestHost host;
  Function f(handler("let refused = 0; const all = [];"
                     "for (let i = 0; i < 300; i++)"
                     "  all.push(env.SERVICES.fetch('s', 'http://s/').catch(() => refused++));"
                     "await Promise.race([all[299]]);"
                     "return new Response(String(refused));"),
             {}, &host);
  EXPECT_EQ(f.text(), std::to_string(300 - kAsksMax));
}

TEST(AdversaryServices, AnAnswerWithoutRoomForItsBodyIsRefused) {
  TestHost host;
  host.answer_service = [](const Request&) -> Result<Response> {
    return Response{.status = 200, .headers = {}, .body = Bytes(2 << 20)};
  };
  Limits limits;
  limits.buffer_bytes = 1 << 20;
  Function f(handler("try { await env.SERVICES.fetch('s', 'http://s/'); return new Response('?'); }"
                     "catch (e) { return new Response(e.message); }"),
             limits, &host);
  EXPECT_EQ(f.text(), "SERVICES: memory_exceeded: no room for the answer's body");
}

}  // namespace
}  // namespace themis::js
