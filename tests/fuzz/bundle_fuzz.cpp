// Any bytes as a bundle: refused, or read and written as they were; any text as a source whose
// imports are collected, or as a cron line, which then fires in the future.

#include "runtime/bundle/bundle.hpp"
#include "runtime/bundle/cron.hpp"
#include "runtime/bundle/imports.hpp"
#include "runtime/bundle/secrets.hpp"
#include "runtime/bundle/source_map.hpp"
#include "runtime/crypto/crypto.hpp"
#include "tests/fuzz/input.hpp"

namespace themis::fuzz {
namespace {

Bytes genuine() {
  bundle::Bundle all;
  all.main = "main.js";
  all.modules = {{"a.txt", bundle::ModuleKind::text, to_bytes("a")},
                 {"main.js", bundle::ModuleKind::es, to_bytes("1;")}};
  all.settings.texts["A"] = "a";
  all.settings.sealed["B"] = std::string(20, 'b');
  all.settings.functions["C"] = "other";
  all.settings.consumers["jobs"] = {};
  all.settings.crons = {"* * * * *"};
  all.settings.fetch = {"*.example.org:1"};
  all.settings.limits.cpu_ms = 5;
  return bundle::encode(all).value();
}

void read_bundle(ByteView code) {
  const auto read = bundle::decode(code);
  if (!read) return;
  const auto again = bundle::encode(*read);
  promise(again && std::equal(again->begin(), again->end(), code.begin(), code.end()),
          "a bundle has one form");
  bundle::Settings settings = read->settings;
  const bundle::SecretsKey key;
  promise(settings.sealed.empty() || !bundle::open_secrets(settings, &key), "nobody sealed this");
}

void read_text(std::string_view text) {
  for (const std::string& name : bundle::imports_of(text))
    promise(text.find(name) != std::string_view::npos, "an import is in the source");
  const std::string map = std::string(bundle::kSourceMapHead) + "a\nb\n\n" + std::string(text);
  bundle::TraceMapper traces("main.js", map);
  constexpr std::string_view kTrace = "at f (main.js:1:1) at main.js:2:9";
  promise(traces.rewrite(std::string(kTrace), 64).size() <= 64, "a trace stays as long as it may");
  const auto cron = bundle::Cron::parse(text);
  if (!cron) return;
  constexpr int64_t kNow = 1'795'255'200'000;
  const auto next = cron->next_after(kNow);
  promise(next && *next > kNow && *next % 60'000 == 0, "a line fires at a minute to come");
}

}  // namespace
}  // namespace themis::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace themis;
  crypto::init();
  fuzz::Input input(data, size);
  switch (input.byte() % 3) {
    case 0:
      fuzz::read_bundle(input.changed(fuzz::genuine()));
      break;
    case 1:
      fuzz::read_bundle(input.rest());
      break;
    default:
      fuzz::read_text(as_text(input.rest()));
  }
  return 0;
}
