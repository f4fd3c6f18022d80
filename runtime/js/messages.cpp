#include "runtime/js/messages.hpp"

#include <algorithm>
#include <memory>

#include "runtime/js/text.hpp"

namespace themis::js {
namespace {

/// The body as an ArrayBuffer over the request's own bytes, counted like any other.
struct HeldBody {
  Bytes bytes;
  ArrayBuffers& buffers;

  static void release(void*, size_t length, void* held) {
    const std::unique_ptr<HeldBody> owned(static_cast<HeldBody*>(held));
    owned->buffers.give_back(length);
  }
};

}  // namespace

std::string join_headers(const Headers& headers) {
  std::string out;
  for (const auto& [name, value] : headers) {
    if (!out.empty()) out += '\0';
    out += name;
    out += '\0';
    out += value;
  }
  return out;
}

Headers split_headers(const std::string& flat) {
  Headers headers;
  for (size_t at = 0; at < flat.size();) {
    const size_t name_end = std::min(flat.find('\0', at), flat.size());
    const size_t value_at = std::min(name_end + 1, flat.size());
    const size_t value_end = std::min(flat.find('\0', value_at), flat.size());
    headers.emplace_back(flat.substr(at, name_end - at),
                         flat.substr(value_at, value_end - value_at));
    at = value_end + 1;
  }
  return headers;
}

v8::Local<v8::Value> body_value(v8::Isolate* isolate, ArrayBuffers& buffers, Bytes body) {
  auto held = std::make_unique<HeldBody>(HeldBody{std::move(body), buffers});
  std::byte* data = held->bytes.data();
  const size_t size = held->bytes.size();
  auto store = v8::ArrayBuffer::NewBackingStore(data, size, HeldBody::release, held.release());
  return v8::Uint8Array::New(v8::ArrayBuffer::New(isolate, std::move(store)), 0, size);
}

Result<Bytes> body_bytes(v8::Isolate* isolate, v8::Local<v8::Value> value, size_t bytes_max) {
  Bytes body;
  const auto too_large = [&](size_t size) {
    return fail(Code::too_large, "a body of " + std::to_string(size) + " bytes; " +
                                     std::to_string(bytes_max) + " is the limit");
  };
  if (value->IsString()) {
    const auto text = value.As<v8::String>();
    const auto units = static_cast<size_t>(text->Length());
    if (units > bytes_max) return too_large(units);  // before it is flattened to be counted
    const size_t size = text->Utf8LengthV2(isolate);
    if (size > bytes_max) return too_large(size);
    body.resize(size);
    text->WriteUtf8V2(isolate, reinterpret_cast<char*>(body.data()), size,
                      v8::String::WriteFlags::kReplaceInvalidUtf8);
  } else {
    const ByteView bytes = bytes_of(value);
    if (bytes.size() > bytes_max) return too_large(bytes.size());
    body.assign(bytes.begin(), bytes.end());
  }
  return body;
}

}  // namespace themis::js
