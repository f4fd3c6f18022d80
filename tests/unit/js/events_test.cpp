// Events, abort signals, messages and uncaught errors, as a handler sees them.
#include "tests/unit/js/test_host.hpp"

namespace themis::js {
namespace {

TEST(Events, CallListenersInOrderAndOnce) {
  EXPECT_EQ(
      Function(handler("const t = new EventTarget(), seen = [];"
                       "t.addEventListener('x', (e) => seen.push('b' + e.eventPhase));"
                       "t.addEventListener('x', { handleEvent(e) { seen.push(this === e.target"
                       "|| e.currentTarget === t ? 'o' : '-'); } }, { once: true });"
                       "t.addEventListener('x', () => seen.push('c'), true);"
                       "t.dispatchEvent(new Event('x')); t.dispatchEvent(new CustomEvent('x'));"
                       "return new Response(seen.join());"))
          .text(),
      "c,b2,o,c,b2");
}

TEST(Events, KnowWhetherTheyWereCanceled) {
  EXPECT_EQ(evaluate("(t => { t.addEventListener('x', (e) => e.preventDefault());"
                     "t.addEventListener('y', (e) => e.preventDefault(), { passive: true });"
                     "return [new Event('x', { cancelable: true }), new Event('x'),"
                     "new Event('y', { cancelable: true })].map((e) => t.dispatchEvent(e)); })"
                     "(new EventTarget())"),
            "false,true,true");
}

TEST(Events, AListenersExceptionReachesTheGlobalScopeAndTheNextListenerRuns) {
  Function f(
      handler("const seen = []; const t = new EventTarget();"
              "globalThis.onerror = (m, f, l, c, e) => { seen.push(m, e.name);"
              "return seen.length > 2; };"
              "t.addEventListener('x', () => { throw new TypeError('one'); });"
              "t.addEventListener('x', () => { throw new RangeError('two'); });"
              "t.dispatchEvent(new Event('x')); return new Response(seen.join());"));
  EXPECT_EQ(f.text(), "Uncaught one,TypeError,Uncaught two,RangeError");
  ASSERT_EQ(f.host().lines.size(), 1u);  // the second was handled
  EXPECT_TRUE(f.host().lines[0].second.starts_with("Uncaught in an event listener: TypeError: one"))
      << f.host().lines[0].second;
}

TEST(Abort, TellsListenersAndFollowers) {
  EXPECT_EQ(
      evaluate("((c, seen) => { const s = AbortSignal.any([c.signal, new"
               " AbortController().signal]); s.onabort = () => seen.push(s.reason);"
               "c.signal.addEventListener('abort', () => seen.push(s.aborted));"
               "c.abort('why'); c.abort('again'); return seen; })(new AbortController(), [])"),
      "true,why");
  EXPECT_EQ(evaluate("(() => { try { AbortSignal.abort().throwIfAborted(); } catch (e) { return"
                     " e.name + e.code; } })()"),
            "AbortError20");
}

TEST(Abort, TimeoutIsATimerOfTheCall) {
  Function f(
      handler("const s = AbortSignal.timeout(20); const from = performance.now();"
              "await new Promise((r) => s.addEventListener('abort', r));"
              "return new Response(s.reason.name + (performance.now() - from));"));
  EXPECT_EQ(f.text(), "TimeoutError20");
  EXPECT_EQ(f.host().timers(), 0u);
}

TEST(Messages, ArriveAsCopiesInOrder) {
  Function f(
      handler("const { port1, port2 } = new MessageChannel(), seen = [];"
              "const b = new Uint8Array([7]).buffer; const v = { n: 1 };"
              "port1.postMessage(v); v.n = 2; port1.postMessage(b, [b]);"
              "await new Promise((r) => { port2.onmessage = (e) => { seen.push(e.data.n ??"
              "new Uint8Array(e.data)[0]); if (seen.length === 2) r(); }; });"
              "return new Response(seen + ' ' + b.byteLength);"));
  EXPECT_EQ(f.text(), "1,7 0");
}

TEST(Messages, APortTravelsWithItsQueue) {
  Function f(
      handler("const a = new MessageChannel(), b = new MessageChannel();"
              "a.port1.postMessage('early'); b.port1.postMessage('take', [a.port2]);"
              "const port = await new Promise((r) => { b.port2.onmessage = (e) =>"
              "r(e.ports[0]); });"
              "const text = await new Promise((r) => { port.onmessage = (e) => r(e.data);"
              "});"
              "return new Response(text + (port === a.port2));"));
  EXPECT_EQ(f.text(), "earlyfalse");
}

TEST(StructuredClone, MovesBuffersAndRefusesObjectsOfThePlatform) {
  EXPECT_EQ(evaluate("(b => structuredClone(new Uint8Array(b), { transfer: [b] }).length +"
                     "' ' + b.byteLength)(new ArrayBuffer(3))"),
            "3 0");
  for (const char* value : {"new URL('http://a')", "new Headers()", "new EventTarget()",
                            "[new Event('x')]", "new MessageChannel().port1", "() => 1"})
    EXPECT_EQ(evaluate(std::string("(() => { try { structuredClone(") + value +
                       "); } catch (e) { return e.name; } })()"),
              "DataCloneError")
        << value;
  EXPECT_EQ(evaluate("(() => { try { structuredClone({ get x() { throw new RangeError('own'); } });"
                     "} catch (e) { return e.message; } })()"),
            "own");
}

TEST(StructuredClone, RegressCopiesObjectsOfThePlatformInsideOthers) {
  EXPECT_EQ(
      Function(
          handler("const b = new Blob(['x'], { type: 't' });"
                  "const c = structuredClone({ b: [b, new Blob()], again: b, f: new File([], 'n')"
                  "}); return new Response((await c.b[0].text()) + c.b[0].type +"
                  "c.f.name + (c.b[0] === c.again) + (c.again === b));"))
          .text(),
      "xtntruefalse");
}

TEST(StructuredClone, AdversaryABufferDetachedByAGetterIsRefused) {
  EXPECT_EQ(evaluate("(() => { const b = new ArrayBuffer(8); try { structuredClone({ get x() {"
                     "structuredClone(b, { transfer: [b] }); return 1; } }, { transfer: [b] });"
                     "return 'cloned'; } catch (e) { return e.name; } })()"),
            "DataCloneError");
}

TEST(Rejections, ReachTheGlobalScopeAtTheEndOfTheTurn) {
  Function f(
      handler("const seen = []; globalThis.onunhandledrejection = (e) => {"
              "seen.push(e.reason); e.preventDefault(); };"
              "globalThis.onrejectionhandled = (e) => seen.push('late ' + e.reason);"
              "const p = Promise.reject('lost'); Promise.reject('kept').catch(() => 0);"
              "await new Promise((r) => setTimeout(r, 1)); p.catch(() => 0);"
              "await new Promise((r) => setTimeout(r, 1));"
              "return new Response(seen.join());"));
  EXPECT_EQ(f.text(), "lost,late lost");
  EXPECT_TRUE(f.host().lines.empty());
}

TEST(Rejections, RegressAreLoggedWhenNobodyHandlesThem) {
  Function f(handler("Promise.reject(new Error('lost')); return new Response('x');"));
  EXPECT_EQ(f.text(), "x");
  ASSERT_EQ(f.host().lines.size(), 1u);
  EXPECT_TRUE(f.host().lines[0].second.starts_with("Uncaught in a promise: Error: lost"))
      << f.host().lines[0].second;
}

TEST(Rejections, AdversaryAFloodOfThemIsBounded) {
  Limits limits;
  limits.cpu = 200ms;
  Function f(handler("for (let i = 0; i < 5000; i++) Promise.reject(i);"
                     "globalThis.onunhandledrejection = () => { Promise.reject(1); };"
                     "await new Promise((r) => setTimeout(r, 1)); return new Response('x');"),
             limits);
  EXPECT_EQ(f.call().error().code, Code::cpu_exceeded);
}

TEST(Timers, AnExceptionReachesTheGlobalScope) {
  Function f(
      handler("const seen = []; addEventListener('error', (e) => { seen.push(e.error);"
              "e.preventDefault(); }); setTimeout(() => { throw 'a'; }, 1);"
              "queueMicrotask(() => { throw 'b'; });"
              "await new Promise((r) => setTimeout(r, 5)); reportError('c');"
              "return new Response(seen.join());"));
  EXPECT_EQ(f.text(), "b,a,c");
  EXPECT_TRUE(f.host().lines.empty());
}

TEST(DomException, IsAnErrorWithAttributesOfItsPrototype) {
  EXPECT_EQ(
      evaluate("(e => [e instanceof Error, Object.keys(e).length, 'message' in e,"
               "Object.hasOwn(e, 'message'), e.message, e.name, e.code, DOMException.SYNTAX_ERR,"
               "Object.getPrototypeOf(DOMException) === Function.prototype])"
               "(new DOMException('m', 'SyntaxError'))"),
      "true,0,true,false,m,SyntaxError,12,12,true");
}

TEST(Scheduler, WaitsUntilItIsOverOrAborted) {
  Function f(
      handler("const told = [await scheduler.wait(1000)];"
              "const c = new AbortController(); const late = scheduler.wait(1e6,"
              " { signal: c.signal }); c.abort('enough');"
              "try { await late; } catch (e) { told.push(e); }"
              "try { await scheduler.wait(0, c); } catch (e) { told.push(e); }"
              "return new Response(told.join());"));
  EXPECT_EQ(f.text(), ",enough,enough");
}

}  // namespace
}  // namespace themis::js
