// Streams, and the bodies of requests and responses, as a handler sees them.
#include "tests/unit/js/test_host.hpp"

namespace themis::js {
namespace {

std::string run(std::string_view body) { return Function(handler(body)).text(); }

TEST(Bodies, AreStreamsWhenAskedFor) {
  EXPECT_EQ(Function(handler("let n = 0; for await (const chunk of request.body) n += chunk.length;"
                             "return new Response(n + ' ' + request.bodyUsed);"))
                .text({.method = "POST", .url = "http://f/", .body = Bytes(200'000)}),
            "200000 true");
  EXPECT_EQ(run("const r = new Response('x'); const b = r.body; return Response.json([b === r.body,"
                "r.bodyUsed, await r.text(), r.bodyUsed, new Response().body]);"),
            "[true,false,\"x\",true,null]");
}

TEST(Bodies, OfStreamsGoOutWhole) {
  EXPECT_EQ(run("const e = new TextEncoder(); let n = 0; return new Response(new ReadableStream({"
                "pull(c) { if (n++ === 3) c.close(); else c.enqueue(e.encode(String(n))); } }));"),
            "123");
  EXPECT_EQ(run("const { readable, writable } = new TextEncoderStream(); const w ="
                "writable.getWriter(); w.write('late'); setTimeout(() => w.close(), 5);"
                "return new Response(readable);"),
            "late");
  const Result<Response> text = Function(handler("return new Response(new ReadableStream({ start(c)"
                                                 "{ c.enqueue('no bytes'); c.close(); } }));"))
                                    .call();
  EXPECT_EQ(text.error().code, Code::threw);
}

TEST(Bodies, AdversaryAStreamWithoutEndMeetsTheLimitOfResponses) {
  Limits limits;
  limits.response_bytes = 100'000;
  limits.cpu = 5s;
  Function f(handler("return new Response(new ReadableStream({ pull(c) {"
                     "c.enqueue(new Uint8Array(30000)); } }));"),
             limits);
  EXPECT_EQ(f.call().error().code, Code::too_large);
}

TEST(Bodies, AreTeedByClone) {
  EXPECT_EQ(run("const r = new Response(new Blob(['a', 'b']).stream()); const c = r.clone();"
                "return new Response(await r.text() + await c.text());"),
            "abab");
  EXPECT_EQ(run("const r = new Response('x'); r.body.getReader(); try { r.clone(); } catch (e) {"
                "return new Response(e.name); }"),
            "TypeError");
}

TEST(Forms, ComeBackAsTheyWent) {
  EXPECT_EQ(run("const f = new FormData(); f.append('a\"\\n', 'x\\ny'); f.append('f',"
                "new File(['\\r\\n--\\x00'], 'n.bin', { type: 'a/b' })); f.append('a', 'z');"
                "const g = await new Response(f).formData(); const file = g.get('f');"
                "return Response.json([[...g.keys()], g.get('a\"\\r\\n'), file.name, file.type,"
                "await file.text()]);"),
            "[[\"a\\\"\\r\\n\",\"f\",\"a\"],\"x\\r\\ny\",\"n.bin\",\"a/b\",\"\\r\\n--\\u0000\"]");
  EXPECT_EQ(run("const f = await new Response(new URLSearchParams('a=1&b=+%26')).formData();"
                "return new Response([...f].join(';'));"),
            "a,1;b, &");
}

TEST(Forms, AdversaryMalformedOnesAreRefused) {
  for (const char* body : {"''", "'--b'", "'--b\\r\\n'", "'--b\\r\\n\\r\\nx\\r\\n--b--'",
                           "'--b\\r\\nContent-Disposition: form-data\\r\\n\\r\\nx\\r\\n--b--'",
                           "'--b\\r\\nContent-Disposition: form-data; name=\"a\"\\r\\n\\r\\nx'"})
    EXPECT_EQ(run(std::string("try { await new Response(") + body +
                  ", { headers: { 'content-type': 'multipart/form-data; boundary=b' } })"
                  ".formData(); } catch (e) { return new Response(e.name); }"),
              "TypeError")
        << body;
  EXPECT_EQ(run("try { await new Response('x').formData(); } catch (e) {"
                "return new Response(e.name); }"),
            "TypeError");
}

TEST(TextDecoder, KnowsLegacyEncodingsWholeAndInPieces) {
  EXPECT_EQ(evaluate("new TextDecoder('shift_jis').decode(new Uint8Array([0x83, 0x65])) +"
                     "new TextDecoder('latin1').encoding"),
            "\xE3\x83\x86windows-1252");
  EXPECT_EQ(evaluate("(d => d.decode(new Uint8Array([0x83]), { stream: true }) +"
                     "d.decode(new Uint8Array([0x65])))(new TextDecoder('sjis'))"),
            "\xE3\x83\x86");
}

TEST(TextDecoder, AdversaryOpenDecodersAreBounded) {
  EXPECT_EQ(evaluate("(() => { const all = []; try { for (;;) { const d = new TextDecoder('sjis');"
                     "d.decode(new Uint8Array([0x83]), { stream: true }); all.push(d); } } catch"
                     "(e) { return e.name + all.length; } })()"),
            "RangeError1024");
}

TEST(UrlPattern, Matches) {
  EXPECT_EQ(evaluate("new URLPattern({ pathname: '/a/:id' }).exec('http://x/a/7')"
                     ".pathname.groups.id"),
            "7");
}

TEST(Sandbox, AdversaryAPoisonedPromiseLeavesBodiesWorking) {
  Function f(
      "Promise.prototype.then = function () { throw new Error('poison'); };"
      "Function.prototype.bind = null; Array.prototype.push = null;" +
      handler("return new Response(new Uint8Array([120]));"));
  EXPECT_EQ(f.text(), "x") << f.load_error().text();
}

}  // namespace
}  // namespace themis::js
