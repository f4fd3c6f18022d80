// CompressionStream and DecompressionStream.
#include <array>

#include "runtime/js/codec.hpp"
#include "runtime/js/natives.hpp"
#include "runtime/js/text.hpp"
#include "runtime/js/worker.hpp"

namespace themis::js {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

/// codecOpen(format, compress): a codec; undefined when the format is none
void open_codec(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  WorkerImpl& worker = WorkerImpl::of(isolate);
  auto codec = Codec::create(to_latin1(isolate, info[0].As<v8::String>()), info[1]->IsTrue(),
                             worker.buffers());
  v8::Local<v8::Object> object;
  if (!codec || !worker.codecs().add(isolate, std::move(codec)).ToLocal(&object))
    return throw_range_error(isolate, "no memory for another stream of compressed data");
  info.GetReturnValue().Set(object);
}

/// codecStep(codec, bytes, finish): [bytes consumed, Uint8Array, more]; undefined: malformed
void step_codec(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Codec* codec = WorkerImpl::of(isolate).codecs().of(info[0]);
  if (codec == nullptr) return;
  const Result<Codec::Step> step = codec->step(bytes_of(info[1]), info[2]->IsTrue());
  if (!step && step.error().code == Code::malformed) return;
  v8::Local<v8::ArrayBuffer> out;
  if (!step || !v8::ArrayBuffer::MaybeNew(isolate, step->out.size()).ToLocal(&out))
    return throw_range_error(isolate, "Array buffer allocation failed");
  if (!step->out.empty()) std::memcpy(out->Data(), step->out.data(), step->out.size());
  std::array<v8::Local<v8::Value>, 3> parts{
      v8::Number::New(isolate, static_cast<double>(step->consumed)),
      v8::Uint8Array::New(out, 0, out->ByteLength()), v8::Boolean::New(isolate, step->more)};
  info.GetReturnValue().Set(v8::Array::New(isolate, parts.data(), parts.size()));
}

/// codecClose(codec): frees its memory now
void close_codec(const Info& info) { WorkerImpl::of(info.GetIsolate()).codecs().drop(info[0]); }

constexpr Native kNatives[] = {
    {"codecOpen", open_codec}, {"codecStep", step_codec}, {"codecClose", close_codec}};

}  // namespace

std::span<const Native> codec_natives() { return kNatives; }

}  // namespace themis::js
