#include "runtime/bundle/bundle.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace themis::bundle {
namespace {

constexpr std::string_view kMagic("\0THEMIS1", 8);
constexpr std::string_view kWasmMagic("\0asm", 4);

/// Kinds of entries; 1 to 6 are modules. Part of the format.
enum class Kind : uint8_t {
  main = 0,
  text = 16,
  json = 17,
  secret = 18,
  sealed = 19,
  function = 20,
  service = 21,
  queue = 22,
  actor = 23,
  consumer = 24,
  cron = 25,
  fetch = 26,
  limits = 27,
  remote = 28,
};
constexpr size_t kConsumerBytes = 8;
constexpr size_t kLimitsBytes = 12;
constexpr size_t kLimitsWithRequestsBytes = 16;  // only where it is limited
/// All modules and settings there can be; a bound for the loop over entries.
constexpr size_t kEntriesMax =
    kModulesMax + kBindingsMax + kCronsMax + kConsumersMax + kFetchHostsMax + kRemotesMax + 2;

struct TextKind {
  Kind kind;
  Settings::Texts Settings::*texts;
};
constexpr std::array<TextKind, 8> kTextKinds{{{Kind::text, &Settings::texts},
                                              {Kind::json, &Settings::json},
                                              {Kind::secret, &Settings::secrets},
                                              {Kind::sealed, &Settings::sealed},
                                              {Kind::function, &Settings::functions},
                                              {Kind::service, &Settings::services},
                                              {Kind::queue, &Settings::queues},
                                              {Kind::actor, &Settings::actors}}};

bool is_module_name(std::string_view name) {
  if (name.empty() || name.size() > kModuleNameBytesMax) return false;
  for (size_t at = 0; at <= name.size();) {
    const size_t end = std::min(name.find('/', at), name.size());
    const std::string_view segment = name.substr(at, end - at);
    if (segment.empty() || segment == "." || segment == "..") return false;
    at = end + 1;
  }
  return std::ranges::all_of(
      name, [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f && c != '\\'; });
}

Status check_modules(const Bundle& bundle) {
  if (bundle.modules.size() > kModulesMax)
    return fail(Code::too_large, fmt::format("a bundle of {} modules; {} is the limit",
                                             bundle.modules.size(), kModulesMax));
  for (const Module& module : bundle.modules)
    if (!is_module_name(module.name))
      return fail(Code::invalid,
                  fmt::format("\"{}\" is no name of a module: a relative path without spaces, at "
                              "most {} bytes",
                              module.name.substr(0, kModuleNameBytesMax), kModuleNameBytesMax));
  if (std::ranges::adjacent_find(bundle.modules, std::greater_equal{}, &Module::name) !=
      bundle.modules.end())
    return fail(Code::invalid, "the modules of a bundle are sorted by name, each there once");
  const Module* main = bundle.find(bundle.main);
  if (main == nullptr || (main->kind != ModuleKind::es && main->kind != ModuleKind::commonjs))
    return fail(Code::invalid, fmt::format("the main module \"{}\" is no JavaScript of the bundle",
                                           bundle.main.substr(0, kModuleNameBytesMax)));
  return {};
}

class Writer {
 public:
  void add(uint8_t kind, std::string_view name, ByteView content) {
    out_.push_back(std::byte{kind});
    out_.push_back(static_cast<std::byte>(name.size()));
    append(out_, as_bytes(name));
    std::byte length[4];
    store(length, static_cast<uint32_t>(content.size()));
    append(out_, length);
    append(out_, content);
  }
  void add(Kind kind, std::string_view name, ByteView content) {
    add(static_cast<uint8_t>(kind), name, content);
  }
  Bytes take() && { return std::move(out_); }

 private:
  Bytes out_ = to_bytes(kMagic);
};

void write_modules(Writer& writer, const Bundle& bundle) {
  writer.add(Kind::main, bundle.main, {});
  for (uint8_t kind = 1; kind <= static_cast<uint8_t>(ModuleKind::wasm); ++kind)
    for (const Module& module : bundle.modules)
      if (static_cast<uint8_t>(module.kind) == kind) writer.add(kind, module.name, module.content);
}

void write_settings(Writer& writer, const Settings& settings) {
  for (const TextKind& kind : kTextKinds)
    for (const auto& [name, value] : settings.*kind.texts)
      writer.add(kind.kind, name, as_bytes(value));
  for (const auto& [queue, consumer] : settings.consumers) {
    Bytes bytes(kConsumerBytes);
    store(bytes.data(), consumer.batch);
    store(bytes.data() + 2, consumer.retries);
    store(bytes.data() + 4, consumer.delay_s);
    append(bytes, as_bytes(consumer.dead_queue));
    writer.add(Kind::consumer, queue, bytes);
  }
  // A cron line may be longer than a name.
  for (size_t i = 0; i < settings.crons.size(); ++i)
    writer.add(Kind::cron, std::string(1, static_cast<char>('a' + i)), as_bytes(settings.crons[i]));
  for (size_t i = 0; i < settings.fetch.size(); ++i)
    writer.add(Kind::fetch, std::string(1, static_cast<char>('!' + i)),
               as_bytes(settings.fetch[i]));
  if (settings.limits != WantedLimits{}) {
    std::byte limits[kLimitsWithRequestsBytes];
    store(limits, settings.limits.memory_mb);
    store(limits + 4, settings.limits.cpu_ms);
    store(limits + 8, settings.limits.wall_ms);
    store(limits + 12, settings.limits.max_requests);
    const bool is_short = settings.limits.max_requests == 0;
    writer.add(Kind::limits, "",
               ByteView(limits, is_short ? kLimitsBytes : kLimitsWithRequestsBytes));
  }
  for (const std::string& name : settings.remote) writer.add(Kind::remote, name, {});
}

struct Entry {
  uint8_t kind = 0;
  std::string_view name;
  ByteView content;
};

Status read_consumer(const Entry& entry, Settings& settings) {
  if (entry.content.size() < kConsumerBytes) return fail(Code::malformed, "a consumer's numbers");
  Consumer& consumer = settings.consumers[std::string(entry.name)];
  consumer.batch = load<uint16_t>(entry.content.data());
  consumer.retries = load<uint16_t>(entry.content.data() + 2);
  consumer.delay_s = load<uint32_t>(entry.content.data() + 4);
  consumer.dead_queue = as_text(entry.content.subspan(kConsumerBytes));
  return {};
}

/// Errors: malformed.
Status take(const Entry& entry, Bundle& bundle) {
  const std::string text(as_text(entry.content));
  if (entry.kind >= 1 && entry.kind <= static_cast<uint8_t>(ModuleKind::wasm)) {
    bundle.modules.push_back({std::string(entry.name), static_cast<ModuleKind>(entry.kind),
                              Bytes(entry.content.begin(), entry.content.end())});
    return {};
  }
  for (const TextKind& kind : kTextKinds)
    if (static_cast<uint8_t>(kind.kind) == entry.kind)
      return (bundle.settings.*kind.texts).emplace(entry.name, text), Status{};
  switch (static_cast<Kind>(entry.kind)) {
    case Kind::main:
      bundle.main = entry.name;
      return {};
    case Kind::consumer:
      return read_consumer(entry, bundle.settings);
    case Kind::cron:
      bundle.settings.crons.push_back(text);
      return {};
    case Kind::fetch:
      bundle.settings.fetch.push_back(text);
      return {};
    case Kind::remote:
      bundle.settings.remote.emplace_back(entry.name);
      return {};
    case Kind::limits:
      if (entry.content.size() != kLimitsBytes && entry.content.size() != kLimitsWithRequestsBytes)
        break;
      bundle.settings.limits = {load<uint32_t>(entry.content.data()),
                                load<uint32_t>(entry.content.data() + 4),
                                load<uint32_t>(entry.content.data() + 8)};
      if (entry.content.size() == kLimitsWithRequestsBytes)
        bundle.settings.limits.max_requests = load<uint32_t>(entry.content.data() + 12);
      return {};
    default:
      break;
  }
  return fail(Code::malformed, fmt::format("an entry of the unknown kind {}", entry.kind));
}

/// The first entry of what is left, which it is taken from. Errors: malformed.
Result<Entry> next_entry(ByteView& left) {
  constexpr size_t kHeadBytes = 2;
  constexpr size_t kLengthBytes = 4;
  const auto cut_short = [] { return fail(Code::malformed, "a bundle that is cut short"); };
  if (left.size() < kHeadBytes) return cut_short();
  Entry entry;
  entry.kind = load<uint8_t>(left.data());
  const size_t name_bytes = load<uint8_t>(left.data() + 1);
  left = left.subspan(kHeadBytes);
  if (left.size() < name_bytes + kLengthBytes) return cut_short();
  entry.name = as_text(left.first(name_bytes));
  const size_t bytes = load<uint32_t>(left.data() + name_bytes);
  left = left.subspan(name_bytes + kLengthBytes);
  if (left.size() < bytes) return cut_short();
  entry.content = left.first(bytes);
  left = left.subspan(bytes);
  return entry;
}

}  // namespace

ModuleKind kind_of(std::string_view name) {
  const size_t slash = name.rfind('/');
  const std::string_view file = slash == std::string_view::npos ? name : name.substr(slash + 1);
  const size_t dot = file.rfind('.');
  const std::string_view ending = dot == std::string_view::npos ? "" : file.substr(dot);
  if (ending == ".js" || ending == ".mjs") return ModuleKind::es;
  if (ending == ".cjs") return ModuleKind::commonjs;
  if (ending == ".json") return ModuleKind::json;
  if (ending == ".wasm") return ModuleKind::wasm;
  for (const std::string_view text :
       {".txt", ".html", ".css", ".md", ".sql", ".svg", ".xml", ".csv", ".graphql", ".pem"})
    if (ending == text) return ModuleKind::text;
  return ModuleKind::data;
}

const Module* Bundle::find(std::string_view name) const {
  const auto found = std::ranges::find(modules, name, &Module::name);
  return found == modules.end() ? nullptr : &*found;
}

bool is_bundle(ByteView code) { return as_text(code).starts_with(kMagic); }
bool is_wasm(ByteView code) { return as_text(code).starts_with(kWasmMagic); }

Result<Bytes> encode(const Bundle& bundle) {
  THEMIS_CHECK(check_modules(bundle));
  THEMIS_CHECK(check(bundle.settings));
  size_t bytes = kMagic.size();
  for (const Module& module : bundle.modules) bytes += module.content.size();
  if (bytes <= kCodeBytesMax) {
    Writer writer;
    write_modules(writer, bundle);
    write_settings(writer, bundle.settings);
    Bytes code = std::move(writer).take();
    if (code.size() <= kCodeBytesMax) return code;
    bytes = code.size();
  }
  return fail(Code::too_large,
              fmt::format("a bundle of {} bytes; {} is the limit", bytes, kCodeBytesMax));
}

Result<Bundle> decode(ByteView code) {
  if (!is_bundle(code)) return fail(Code::malformed, "not a bundle");
  if (code.size() > kCodeBytesMax) return fail(Code::too_large, "a bundle of over 1 MB");
  Bundle bundle;
  ByteView left = code.subspan(kMagic.size());
  Entry before;
  for (size_t count = 0; !left.empty(); ++count) {
    THEMIS_TRY(const Entry entry, next_entry(left));
    const bool ascends =
        count == 0 || std::pair(before.kind, before.name) < std::pair(entry.kind, entry.name);
    if (!ascends || count >= kEntriesMax)
      return fail(Code::malformed, "the entries of a bundle are not in order");
    THEMIS_CHECK(take(entry, bundle));
    before = entry;
  }
  std::ranges::sort(bundle.modules, {}, &Module::name);
  THEMIS_TRY(const Bytes again, encode(bundle));
  if (!std::ranges::equal(again, code))
    return fail(Code::malformed, "a bundle in another form than its own");
  return bundle;
}

Result<Bundle> read_code(ByteView code, std::string_view name) {
  if (is_bundle(code)) return decode(code);
  if (code.size() > kCodeBytesMax)
    return fail(Code::too_large,
                fmt::format("a source of {} bytes; {} is the limit", code.size(), kCodeBytesMax));
  const bool is_wasm = bundle::is_wasm(code);
  const bool has_ending = name.ends_with(".js") || name.ends_with(".mjs");
  Bundle bundle;
  bundle.main = std::string(name) + (is_wasm ? ".wasm" : has_ending ? "" : ".js");
  bundle.modules.push_back(
      {bundle.main, is_wasm ? ModuleKind::wasm : ModuleKind::es, Bytes(code.begin(), code.end())});
  return bundle;
}

}  // namespace themis::bundle
