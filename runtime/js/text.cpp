#include "runtime/js/text.hpp"

#include <algorithm>

namespace themis::js {

v8::MaybeLocal<v8::String> from_utf8(v8::Isolate* isolate, std::string_view text) {
  if (text.size() > static_cast<size_t>(v8::String::kMaxLength)) return {};
  return v8::String::NewFromUtf8(isolate, text.data(), v8::NewStringType::kNormal,
                                 static_cast<int>(text.size()));
}

v8::MaybeLocal<v8::String> from_latin1(v8::Isolate* isolate, std::string_view text) {
  if (text.size() > static_cast<size_t>(v8::String::kMaxLength)) return {};
  return v8::String::NewFromOneByte(isolate, reinterpret_cast<const uint8_t*>(text.data()),
                                    v8::NewStringType::kNormal, static_cast<int>(text.size()));
}

v8::Local<v8::String> text(v8::Isolate* isolate, std::string_view text) {
  return from_utf8(isolate, text).ToLocalChecked();
}

std::string to_utf8(v8::Isolate* isolate, v8::Local<v8::String> text) {
  std::string out(text->Utf8LengthV2(isolate), '\0');
  text->WriteUtf8V2(isolate, out.data(), out.size(), v8::String::WriteFlags::kReplaceInvalidUtf8);
  return out;
}

std::string to_utf8(v8::Isolate* isolate, v8::Local<v8::String> text, size_t bytes_max) {
  std::string out(std::min<size_t>(bytes_max, static_cast<size_t>(text->Length()) * 3), '\0');
  out.resize(text->WriteUtf8V2(isolate, out.data(), out.size(),
                               v8::String::WriteFlags::kReplaceInvalidUtf8));
  return out;
}

std::string to_latin1(v8::Isolate* isolate, v8::Local<v8::String> text) {
  std::string out(static_cast<size_t>(text->Length()), '\0');
  text->WriteOneByteV2(isolate, 0, static_cast<uint32_t>(out.size()),
                       reinterpret_cast<uint8_t*>(out.data()));
  return out;
}

std::span<std::byte> bytes_of(v8::Local<v8::Value> value) {
  if (value->IsArrayBufferView()) {
    const auto view = value.As<v8::ArrayBufferView>();
    const auto buffer = view->Buffer();
    auto* data = static_cast<std::byte*>(buffer->Data());
    return data == nullptr ? std::span<std::byte>()
                           : std::span(data + view->ByteOffset(), view->ByteLength());
  }
  if (value->IsArrayBuffer()) {
    const auto buffer = value.As<v8::ArrayBuffer>();
    return {static_cast<std::byte*>(buffer->Data()), buffer->ByteLength()};
  }
  return {};
}

bool is_too_long(const v8::FunctionCallbackInfo<v8::Value>& info, int index) {
  if (!info[index]->IsString() || info[index].As<v8::String>()->Length() <= kNativeTextMax)
    return false;
  throw_range_error(info.GetIsolate(), "the text is too long");
  return true;
}

void throw_range_error(v8::Isolate* isolate, std::string_view message) {
  isolate->ThrowException(v8::Exception::RangeError(text(isolate, message)));
}

}  // namespace themis::js
