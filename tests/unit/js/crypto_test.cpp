// crypto.subtle where the Web Platform Tests do not look: hostile callers, limits, keys that stay.
#include "runtime/js/watchdog.hpp"
#include "tests/unit/js/test_host.hpp"

namespace themis::js {
namespace {

Limits patient() {
  Limits limits;
  limits.cpu = 20s;
  return limits;
}
std::string run(std::string_view body) {
  return Function(handler("const s = crypto.subtle;" + std::string(body)), patient()).text();
}
/// The name of the error of an expression.
std::string error_of(std::string_view expression) {
  return run("try { await " + std::string(expression) +
             "; return new Response('done'); } catch (e) { return new Response(e.name); }");
}

TEST(Subtle, SealsSignsAndDerives) {
  EXPECT_EQ(run("const k = await s.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt',"
                "'decrypt']); const iv = new Uint8Array(12), a = { name: 'AES-GCM', iv };"
                "const c = new Uint8Array(await s.encrypt(a, k, new Uint8Array([1, 2])));"
                "const p = new Uint8Array(await s.decrypt(a, k, c)); c[0] ^= 1;"
                "try { await s.decrypt(a, k, c); } catch (e) {"
                "return new Response([p, c.length, e.name].join(' ')); }"),
            "1,2 18 OperationError");
  // RFC 5869, test case 1, the first four bytes.
  EXPECT_EQ(run("const h = (t) => Uint8Array.from(t.match(/../g), (x) => parseInt(x, 16));"
                "const k = await s.importKey('raw', h('0b'.repeat(22)), 'HKDF', false,"
                "['deriveBits']); return new Response(new Uint8Array(await s.deriveBits({ name:"
                "'HKDF', hash: 'SHA-256', salt: h('000102030405060708090a0b0c'), info:"
                "h('f0f1f2f3f4f5f6f7f8f9') }, k, 32)).join());"),
            "60,178,95,37");
}

TEST(Subtle, AdversaryAKeyKeepsWhatItIsFor) {
  EXPECT_EQ(run("const k = await s.generateKey({ name: 'HMAC', hash: 'SHA-256' }, false, ['verify'"
                "]); k.usages.push('sign'); k.algorithm.name = 'AES-CBC'; const out = [];"
                "for (const c of [k, structuredClone(k)]) { try { await s.sign('HMAC', c,"
                "new Uint8Array(1)); } catch (e) { out.push(e.name); } try { await"
                " s.exportKey('raw', c); } catch (e) { out.push(e.name, c.extractable); } }"
                "return new Response(out.join());"),
            "InvalidAccessError,InvalidAccessError,false,InvalidAccessError,InvalidAccessError,"
            "false");
}

TEST(Subtle, AdversaryPoisonedPrototypesDoNotChangeWhatIsComputed) {
  EXPECT_EQ(Function("Object.prototype.sign = {}; Object.prototype.hash = 'SHA-1';"
                     "String.prototype.replaceAll = () => 'x'; String.fromCharCode = () => 'x';"
                     "Uint8Array.prototype.fill = null; Object.keys = null; Array.isArray = null;" +
                     handler("const s = crypto.subtle; try { await s.sign('SHA-1', 1, 2); }"
                             "catch (e) { request = e.name; } const k = await s.importKey('jwk',"
                             "{ kty: 'oct', k: 'AAEC' }, { name: 'HMAC', hash: 'SHA-256' },"
                             "true, ['sign']); return new Response(request + (await"
                             " s.exportKey('jwk', k)).k + k.algorithm.hash.name);"))
                .text(),
            "TypeErrorAAECSHA-256");
}

TEST(Subtle, AdversaryWhatIsLoadedLaterOutlivesAFullStack) {
  EXPECT_EQ(Function(handler("const seen = new Set(); const f = () => { try { f(); } catch (e) {"
                             "for (const ask of [() => crypto.subtle, () => URLPattern, () => new"
                             " TextDecoder('sjis')]) try { ask(); } catch {} throw e; } };"
                             "try { f(); } catch (e) { seen.add(e.name); }"
                             "const k = await crypto.subtle.importKey('raw', new Uint8Array(16),"
                             "'AES-CBC', true, ['encrypt']);"
                             "return new Response([...seen, k.type, k instanceof CryptoKey, typeof"
                             " URLPattern, new TextDecoder('koi8-r').encoding].join());"),
                     patient())
                .text(),
            "RangeError,secret,true,function,koi8-r");
}

TEST(Subtle, AdversaryCostlyParametersAreRefused) {
  EXPECT_EQ(error_of("s.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt: new Uint8Array(1),"
                     "iterations: 4294967295 }, await s.importKey('raw', new Uint8Array(1),"
                     "'PBKDF2', false, ['deriveBits']), 256)"),
            "OperationError");
  EXPECT_EQ(error_of("s.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt: new Uint8Array(1),"
                     "iterations: 1 }, await s.importKey('raw', new Uint8Array(1), 'PBKDF2',"
                     "false, ['deriveBits']), 4294967288)"),
            "OperationError");
  const std::string rsa =
      "s.generateKey({ name: 'RSA-PSS', hash: 'SHA-256', modulusLength: BITS,"
      "publicExponent: new Uint8Array([E]) }, true, ['sign'])";
  const auto generate = [&rsa](std::string bits, std::string exponent) {
    std::string text = rsa;
    text.replace(text.find("BITS"), 4, bits);
    text.replace(text.find("[E]"), 3, "[" + exponent + "]");
    return error_of(text);
  };
  EXPECT_EQ(generate("16384", "1, 0, 1"), "OperationError");
  EXPECT_EQ(generate("65536", "1, 0, 1"), "OperationError");
  EXPECT_EQ(generate("1024", "2"), "OperationError");
  EXPECT_EQ(generate("1024", "1"), "OperationError");
  EXPECT_EQ(generate("1024", "1, 0, 1"), "done");
}

TEST(Subtle, AdversaryKeysAreBounded) {
  const std::string make = "s.importKey('raw', new Uint8Array(16), 'AES-CBC', true, ['encrypt'])";
  EXPECT_EQ(run("const all = []; try { for (;;) all.push(await " + make +
                "); } catch (e) { return new Response(e.name + all.length); }"),
            "RangeError1024");
  EXPECT_EQ(run("for (let i = 0; i < 3000; i++) await " + make + "; return new Response('all');"),
            "all");
}

TEST(Subtle, AdversaryMalformedKeysAreRefused) {
  for (const char* format : {"'spki'", "'pkcs8'", "'raw'"})
    for (const char* bytes : {"new Uint8Array(0)", "new Uint8Array(65).fill(4)",
                              "new Uint8Array([48, 132, 127, 255,"
                              "255, 255])"})
      EXPECT_EQ(error_of("s.importKey(" + std::string(format) + ", " + bytes +
                         ", { name: 'ECDSA', namedCurve: 'P-256' }, true, " +
                         (std::string_view(format) == "'pkcs8'" ? "['sign']" : "['verify']") + ")"),
                "DataError")
          << format << bytes;
  EXPECT_EQ(error_of("s.importKey('jwk', { kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'AAAA' },"
                     "{ name: 'ECDSA', namedCurve: 'P-256' }, true, ['verify'])"),
            "DataError");
}

TEST(Subtle, RegressAKeyPairOfRsaIsEndedByTheCpuLimit) {
  Limits limits;
  limits.cpu = 20ms;
  Function f(handler("for (;;) await crypto.subtle.generateKey({ name: 'RSA-OAEP', hash: 'SHA-256',"
                     "modulusLength: 4096, publicExponent: new Uint8Array([1, 0, 1]) }, false,"
                     "['encrypt', 'decrypt']);"),
             limits);
  const Duration before = thread_cpu();
  EXPECT_EQ(f.text(), "cpu_exceeded: over 20 ms of CPU time");
  EXPECT_LT(thread_cpu() - before, 400ms);  // one key takes one to ten times that
}

TEST(Subtle, MoreRoundsThanTheCpuLimitAllowsAreRefused) {
  Limits limits;
  limits.cpu = 10ms;
  const std::string derive =
      "const k = await crypto.subtle.importKey('raw', new Uint8Array(9), 'PBKDF2', false,"
      "['deriveBits']); const bits = (iterations) => crypto.subtle.deriveBits({ name: 'PBKDF2',"
      "hash: 'SHA-256', salt: new Uint8Array(8), iterations }, k, 256);";
  EXPECT_EQ(
      Function(handler(derive + "await bits(100000).catch((e) => e).then((e) => { throw e; })"),
               limits)
          .text()
          .substr(0, 21),
      "threw: OperationError");
  EXPECT_EQ(
      Function(handler(derive + "await bits(1000); return new Response('done');"), limits).text(),
      "done");
}

TEST(Crypto, ComparesInConstantTime) {
  const auto equal = [](const std::string& a, const std::string& b) {
    return evaluate("(() => { try { return crypto.subtle.timingSafeEqual(new Uint8Array([" + a +
                    "]), new Uint8Array([" + b + "]).buffer); } catch (e) { return e.name; } })()");
  };
  EXPECT_EQ(equal("1, 2", "1, 2"), "true");
  EXPECT_EQ(equal("1, 2", "1, 3"), "false");
  EXPECT_EQ(equal("", ""), "true");
  EXPECT_EQ(equal("1", "1, 2"), "TypeError");
}

}  // namespace
}  // namespace themis::js
