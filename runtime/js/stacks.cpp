#include "runtime/js/stacks.hpp"

#include "runtime/js/codec.hpp"
#include "runtime/js/text.hpp"
#include "runtime/js/worker.hpp"

namespace themis::js {
namespace {

/// Smaller maps are kept as they are.
constexpr size_t kPackedFrom = 4096;

/// Nothing: there is no memory for it, or `in` is not what was made of a map.
std::optional<Bytes> recode(ByteView in, bool compress, ArrayBuffers& buffers) {
  const auto codec = Codec::create("deflate-raw", compress, buffers);
  if (!codec) return std::nullopt;
  Bytes out;
  for (bool more = true; more;) {
    const auto step = codec->step(in, true);
    if (!step) return std::nullopt;
    out.insert(out.end(), step->out.begin(), step->out.end());
    in = in.subspan(step->consumed);
    more = step->more;
  }
  return out;
}

/// "" when it throws.
std::string text_of(v8::Local<v8::Context> context, v8::MaybeLocal<v8::Value> value) {
  v8::Local<v8::Value> known;
  v8::Local<v8::String> text;
  if (!value.ToLocal(&known) || !known->ToString(context).ToLocal(&text)) return "";
  return to_utf8(v8::Isolate::GetCurrent(), text, MappedStacks::kTraceBytesMax);
}

v8::MaybeLocal<v8::Value> prepare_stack(v8::Local<v8::Context> context, v8::Local<v8::Value> error,
                                        v8::Local<v8::Array> sites) {
  WorkerImpl& worker = WorkerImpl::of(v8::Isolate::GetCurrent());
  return worker.stacks().prepare(context, error, sites, worker.buffers());
}

}  // namespace

void MappedStacks::open(v8::Local<v8::Context> context, std::string module, std::string map) {
  if (map.empty()) return;
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  const v8::Local<v8::Value> sample = v8::Exception::Error(v8::String::Empty(isolate));
  v8::Local<v8::Value> errors, to_string;
  if (!sample.As<v8::Object>()->Get(context, literal(isolate, "constructor")).ToLocal(&errors) ||
      !sample.As<v8::Object>()->Get(context, literal(isolate, "toString")).ToLocal(&to_string) ||
      !errors->IsObject() || !to_string->IsFunction())
    return;
  module_ = std::move(module);
  map_ = std::move(map);
  errors_.Reset(isolate, errors.As<v8::Object>());
  to_string_.Reset(isolate, to_string.As<v8::Function>());
  isolate->SetPrepareStackTraceCallback(&prepare_stack);
}

std::string MappedStacks::rewrite(std::string text, size_t bytes_max) {
  if (module_.empty()) return text;
  wake(WorkerImpl::of(v8::Isolate::GetCurrent()).buffers());
  return mapper_.rewrite(std::move(text), bytes_max);
}

void MappedStacks::wake(ArrayBuffers& buffers) {
  if (mapper_.is_for(module_)) return;
  std::string map = map_;
  if (!packed_.empty())
    if (const auto unpacked = recode(packed_, false, buffers)) map = as_text(*unpacked);
  mapper_ = bundle::TraceMapper(module_, std::move(map));
}

void MappedStacks::rest(ArrayBuffers& buffers) {
  mapper_ = {};
  if (map_.size() < kPackedFrom) return;
  if (auto packed = recode(as_bytes(map_), true, buffers)) {
    packed_ = std::move(*packed);
    packed_.shrink_to_fit();
    std::string().swap(map_);
  }
}

v8::MaybeLocal<v8::Value> MappedStacks::prepare(v8::Local<v8::Context> context,
                                                v8::Local<v8::Value> error,
                                                v8::Local<v8::Array> sites, ArrayBuffers& buffers) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  if (!is_preparing_) {
    const v8::Local<v8::Object> errors = errors_.Get(isolate);
    v8::Local<v8::Value> own;
    if (!errors->Get(context, literal(isolate, "prepareStackTrace")).ToLocal(&own)) return {};
    if (own->IsFunction()) {
      is_preparing_ = true;
      v8::Local<v8::Value> with[] = {error, sites};
      const auto made = own.As<v8::Function>()->Call(context, errors, 2, with);
      is_preparing_ = false;
      return made;
    }
  }
  std::string trace = trace_of(context, error, sites);
  wake(buffers);
  trace = mapper_.rewrite(std::move(trace), kTraceBytesMax);
  v8::Local<v8::String> made;
  if (!from_utf8(isolate, trace).ToLocal(&made)) return v8::String::Empty(isolate);
  return made;
}

/// As V8 writes it.
std::string MappedStacks::trace_of(v8::Local<v8::Context> context, v8::Local<v8::Value> error,
                                   v8::Local<v8::Array> sites) const {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  const v8::TryCatch hostile(isolate);  // getters and methods of the function's own
  std::string trace = text_of(context, to_string_.Get(isolate)->Call(context, error, 0, nullptr));
  if (trace.empty()) trace = "<error>";
  for (uint32_t i = 0; i < sites->Length() && trace.size() < kTraceBytesMax; ++i)
    trace += "\n    at " + text_of(context, sites->Get(context, i));
  return trace;
}

}  // namespace themis::js
