// The names of the Minimum Common Web API (Ecma TC55, https://min-common-api.proposal.wintertc.org,
// section 3): 53 interfaces and 25 globals. Each is here, or listed as absent with its reason.
#include <algorithm>
#include <span>

#include "tests/unit/js/test_host.hpp"

namespace themis::js {
namespace {

constexpr std::string_view kInterfaces[] = {"AbortController",
                                            "AbortSignal",
                                            "Blob",
                                            "ByteLengthQueuingStrategy",
                                            "CompressionStream",
                                            "CountQueuingStrategy",
                                            "Crypto",
                                            "CryptoKey",
                                            "CustomEvent",
                                            "DOMException",
                                            "DecompressionStream",
                                            "ErrorEvent",
                                            "Event",
                                            "EventTarget",
                                            "File",
                                            "FormData",
                                            "Headers",
                                            "MessageChannel",
                                            "MessageEvent",
                                            "MessagePort",
                                            "Performance",
                                            "PromiseRejectionEvent",
                                            "ReadableByteStreamController",
                                            "ReadableStream",
                                            "ReadableStreamBYOBReader",
                                            "ReadableStreamBYOBRequest",
                                            "ReadableStreamDefaultController",
                                            "ReadableStreamDefaultReader",
                                            "Request",
                                            "Response",
                                            "SubtleCrypto",
                                            "TextDecoder",
                                            "TextDecoderStream",
                                            "TextEncoder",
                                            "TextEncoderStream",
                                            "TransformStream",
                                            "TransformStreamDefaultController",
                                            "URL",
                                            "URLPattern",
                                            "URLSearchParams",
                                            "WebAssembly.CompileError",
                                            "WebAssembly.Exception",
                                            "WebAssembly.Global",
                                            "WebAssembly.Instance",
                                            "WebAssembly.LinkError",
                                            "WebAssembly.Memory",
                                            "WebAssembly.Module",
                                            "WebAssembly.RuntimeError",
                                            "WebAssembly.Table",
                                            "WebAssembly.Tag",
                                            "WritableStream",
                                            "WritableStreamDefaultController",
                                            "WritableStreamDefaultWriter"};

constexpr std::string_view kGlobals[] = {"WebAssembly.compile",
                                         "WebAssembly.compileStreaming",
                                         "WebAssembly.instantiate",
                                         "WebAssembly.instantiateStreaming",
                                         "WebAssembly.validate",
                                         "atob",
                                         "btoa",
                                         "clearInterval",
                                         "clearTimeout",
                                         "console",
                                         "crypto",
                                         "fetch",
                                         "globalThis",
                                         "navigator.userAgent",
                                         "onerror",
                                         "onrejectionhandled",
                                         "onunhandledrejection",
                                         "performance.now",
                                         "performance.timeOrigin",
                                         "queueMicrotask",
                                         "reportError",
                                         "self",
                                         "setInterval",
                                         "setTimeout",
                                         "structuredClone"};

/// One JavaScript test of a name: 'yes' when every part of the path exists.
std::string probe(std::string_view name) {
  return evaluate("(() => { let at = globalThis; for (const part of '" + std::string(name) +
                  "'.split('.')) { if (at === undefined || !(part in at)) return 'no';"
                  "at = at[part]; } return 'yes'; })()");
}

void expect_inventory(std::span<const std::string_view> names) {
  for (const std::string_view name : names) EXPECT_EQ(probe(name), "yes") << name;
}

TEST(Inventory, NamesWhatIsThereOfTheMinimumCommonApi) {
  EXPECT_EQ(std::size(kInterfaces), 53u);
  EXPECT_EQ(std::size(kGlobals), 25u);
  expect_inventory(kInterfaces);
  expect_inventory(kGlobals);
}

TEST(Inventory, ExposesInterfacesAsThePlatformDoes) {
  for (const std::string_view name : kInterfaces) {
    if (name.starts_with("WebAssembly.")) continue;  // those are V8's own
    const std::string at = "globalThis['" + std::string(name) + "']";
    // Asked for before: a name that is used by few is a getter until then.
    EXPECT_EQ(evaluate("(" + at +
                       ", (d => [typeof d.value, d.writable, d.enumerable, d.configurable])("
                       "Object.getOwnPropertyDescriptor(globalThis, '" +
                       std::string(name) + "')))"),
              "function,true,false,true")
        << name;
    EXPECT_EQ(evaluate(at + ".name + ' ' + " + at + ".prototype[Symbol.toStringTag]"),
              std::string(name) + " " + std::string(name));
    EXPECT_EQ(evaluate("(() => { try { " + at + "(); } catch (e) { return e.name; } })()"),
              "TypeError")
        << name << " called without new";
  }
}

}  // namespace
}  // namespace themis::js
