#include "runtime/js/snapshot.hpp"

#include <fstream>
#include <memory>
#include <sstream>

#include "runtime/js/errors.hpp"
#include "runtime/js/isolate.hpp"
#include "runtime/js/natives.hpp"
#include "runtime/js/prelude_strings.hpp"
#include "runtime/js/text.hpp"

namespace themis::js {
namespace {

constexpr std::string_view kMagic = "THEMIS-V8-SNAPSHOT-1\n";

/// FNV-1a, 64 bits: tells builds and damaged files apart. Whoever can write the file can also
/// write the addon beside it, so it need not resist an attacker.
class Fingerprint {
 public:
  void add(std::string_view text) {
    for (const char c : text) value_ = (value_ ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
    value_ = (value_ ^ text.size()) * 0x100000001B3u;
  }
  std::string hex() const {
    std::byte bytes[8];
    store(bytes, value_);
    return to_hex(bytes);
  }

 private:
  uint64_t value_ = 0xCBF29CE484222325u;
};

/// What a snapshot is bound to: V8's version, flags and CPU features, our natives and prelude.
std::string key() {
  Fingerprint ours;
  for (const Native& native : all_natives()) ours.add(native.name);
  for (const PreludeSource& part : prelude_sources()) ours.add(part.source);
  return std::string(v8::V8::GetVersion()) + " " +
         std::to_string(v8::ScriptCompiler::CachedDataVersionTag()) + " " + ours.hex() + "\n";
}

std::string checksum(std::string_view blob) {
  Fingerprint sum;
  sum.add(blob);
  return sum.hex() + "\n";
}

Result<v8::Local<v8::Object>> run_prelude(v8::Local<v8::Context> context) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  v8::TryCatch caught(isolate);
  const auto web = v8::Object::New(isolate);
  v8::Local<v8::Value> arguments[] = {make_natives(context), v8::Object::New(isolate), web};
  for (size_t i = 0; i < prelude_sources().size(); ++i) {
    const PreludeSource& part = prelude_sources()[i];
    if (part.library.empty() && run_prelude_part(context, i, arguments).IsEmpty())
      return fail(Code::internal,
                  std::string(part.name) + ": " + describe_exception(context, caught.Exception()));
  }
  return web;
}

/// A function that the prelude leaves for C++.
v8::Local<v8::Function> entry(v8::Local<v8::Context> context, v8::Local<v8::Object> web,
                              const char* name) {
  const v8::Local<v8::Value> found =
      web->Get(context, text(v8::Isolate::GetCurrent(), name)).ToLocalChecked();
  THEMIS_ASSERT(found->IsFunction(), name);
  return found.As<v8::Function>();
}

}  // namespace

Result<Snapshot> Snapshot::build() {
  IsolateBox box;
  v8::StartupData blob{};
  {
    v8::Isolate::CreateParams params;
    params.array_buffer_allocator = &box.buffers();
    params.external_references = external_references();
    v8::SnapshotCreator creator(box.get(), params);
    Status ran;
    {
      const v8::HandleScope handles(box.get());
      const v8::Local<v8::Context> context = v8::Context::New(box.get());
      const v8::Context::Scope scope(context);
      Result<v8::Local<v8::Object>> web = run_prelude(context);
      creator.SetDefaultContext(context);
      if (web) {
        for (size_t i = 0; i < std::size(kEntries); ++i) {
          const size_t at = creator.AddData(context, entry(context, *web, kEntries[i]));
          THEMIS_ASSERT(at == i, "data are numbered in the order they are added");
        }
      } else {
        ran = fail(web.error());
      }
    }
    // Without compiled code: reading it back costs an isolate more than compiling what it runs.
    blob = creator.CreateBlob(v8::SnapshotCreator::FunctionCodeHandling::kClear);
    THEMIS_CHECK(ran);
  }
  const std::unique_ptr<const char[]> owned(blob.data);  // CreateBlob's array is ours
  return Snapshot(std::string(blob.data, static_cast<size_t>(blob.raw_size)));
}

Result<Snapshot> Snapshot::read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Code::not_found, path + ": no such snapshot");
  std::stringstream content;
  content << file.rdbuf();
  if (!file || !content) return fail(Code::io, path + ": cannot be read");
  std::string all = std::move(content).str();
  const std::string head = std::string(kMagic) + key();
  const size_t sum_size = checksum({}).size();
  if (all.size() > kSnapshotBytesMax || !all.starts_with(head) ||
      all.size() <= head.size() + sum_size)
    return fail(Code::malformed, path + ": of another V8, other flags or another build");
  std::string blob = all.substr(head.size() + sum_size);
  if (std::string_view(all).substr(head.size(), sum_size) != checksum(blob))
    return fail(Code::malformed, path + ": damaged");
  return Snapshot(std::move(blob));
}

Status Snapshot::write(const std::string& path) const {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << kMagic << key() << checksum(blob_) << blob_;
  file.close();
  if (!file) return fail(Code::io, path + ": cannot be written");
  return {};
}

}  // namespace themis::js
