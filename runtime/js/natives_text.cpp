// TextEncoder, TextDecoder, atob and btoa.
#include <algorithm>
#include <array>

#include "runtime/base/utf8.hpp"
#include "runtime/js/decoders.hpp"
#include "runtime/js/natives.hpp"
#include "runtime/js/text.hpp"
#include "runtime/js/worker.hpp"

namespace themis::js {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

void set_string(const Info& info, v8::MaybeLocal<v8::String> maybe) {
  v8::Local<v8::String> text;
  if (maybe.ToLocal(&text)) return info.GetReturnValue().Set(text);
  throw_range_error(info.GetIsolate(), "the text is too long");
}

/// utf8Encode(string): a Uint8Array
void utf8_encode(const Info& info) {
  if (!info[0]->IsString() || is_too_long(info, 0)) return;
  v8::Isolate* isolate = info.GetIsolate();
  const auto text = info[0].As<v8::String>();
  v8::Local<v8::ArrayBuffer> buffer;
  if (!v8::ArrayBuffer::MaybeNew(isolate, text->Utf8LengthV2(isolate)).ToLocal(&buffer))
    return throw_range_error(isolate, "Array buffer allocation failed");
  if (buffer->ByteLength() > 0)
    text->WriteUtf8V2(isolate, static_cast<char*>(buffer->Data()), buffer->ByteLength(),
                      v8::String::WriteFlags::kReplaceInvalidUtf8);
  info.GetReturnValue().Set(v8::Uint8Array::New(buffer, 0, buffer->ByteLength()));
}

/// utf8EncodeInto(string, Uint8Array): [UTF-16 units read, bytes written]
void utf8_encode_into(const Info& info) {
  if (!info[0]->IsString() || is_too_long(info, 0)) return;
  v8::Isolate* isolate = info.GetIsolate();
  const std::span<std::byte> out = bytes_of(info[1]);
  size_t read = 0;
  size_t written = 0;
  if (!out.empty())
    written = info[0].As<v8::String>()->WriteUtf8V2(
        isolate, reinterpret_cast<char*>(out.data()), out.size(),
        v8::String::WriteFlags::kReplaceInvalidUtf8, &read);
  std::array<v8::Local<v8::Value>, 2> pair{
      v8::Integer::NewFromUnsigned(isolate, static_cast<uint32_t>(read)),
      v8::Integer::NewFromUnsigned(isolate, static_cast<uint32_t>(written))};
  info.GetReturnValue().Set(v8::Array::New(isolate, pair.data(), pair.size()));
}

/// utf8Decode(bytes, fatal, keepBom): a string; undefined for malformed bytes when fatal
void utf8_decode(const Info& info) {
  ByteView bytes = bytes_of(info[0]);
  if (info[1]->IsTrue() && !is_utf8(bytes)) return;
  std::string_view text = as_text(bytes);
  if (!info[2]->IsTrue() && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  set_string(info, from_utf8(info.GetIsolate(), text));
}

/// utf8Tail(bytes): how many bytes at the end wait for more
void utf8_tail(const Info& info) {
  info.GetReturnValue().Set(static_cast<uint32_t>(incomplete_utf8_tail(bytes_of(info[0]))));
}

/// utf16Decode(bytes): little-endian; an odd last byte is left out
void utf16_decode(const Info& info) {
  const std::span<std::byte> bytes = bytes_of(info[0]);
  std::vector<uint16_t> units(bytes.size() / 2);
  if (!units.empty()) std::memcpy(units.data(), bytes.data(), units.size() * 2);
  if (units.size() > static_cast<size_t>(v8::String::kMaxLength))
    return throw_range_error(info.GetIsolate(), "the text is too long");
  set_string(info,
             v8::String::NewFromTwoByte(info.GetIsolate(), units.data(), v8::NewStringType::kNormal,
                                        static_cast<int>(units.size())));
}

/// indexOf(bytes, needle, from): -1 when it is not there
void index_of(const Info& info) {
  const std::string_view bytes = as_text(bytes_of(info[0]));
  const size_t found = bytes.find(as_text(bytes_of(info[1])), info[2].As<v8::Uint32>()->Value());
  info.GetReturnValue().Set(found == std::string_view::npos ? -1.0 : static_cast<double>(found));
}

/// What a decoder made of the bytes; undefined: malformed.
void decode_with(const Info& info, IcuDecoder& decoder, v8::Local<v8::Value> bytes, bool last) {
  std::u16string units;
  if (!decoder.decode(bytes_of(bytes), last, units)) return;
  if (units.size() > static_cast<size_t>(v8::String::kMaxLength))
    return throw_range_error(info.GetIsolate(), "the text is too long");
  set_string(info, v8::String::NewFromTwoByte(
                       info.GetIsolate(), reinterpret_cast<const uint16_t*>(units.data()),
                       v8::NewStringType::kNormal, static_cast<int>(units.size())));
}

/// legacyDecode(encoding, fatal, bytes): all of a text at once
void legacy_decode(const Info& info) {
  IcuDecoder decoder(to_latin1(info.GetIsolate(), info[0].As<v8::String>()).c_str(),
                     info[1]->IsTrue());
  if (!decoder.good()) return throw_range_error(info.GetIsolate(), "the encoding is not there");
  decode_with(info, decoder, info[2], true);
}

/// legacyOpen(encoding, fatal): a decoder for legacyPush
void legacy_open(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  auto decoder = std::make_unique<IcuDecoder>(to_latin1(isolate, info[0].As<v8::String>()).c_str(),
                                              info[1]->IsTrue());
  v8::Local<v8::Object> object;
  if (!decoder->good() ||
      !WorkerImpl::of(isolate).decoders().add(isolate, std::move(decoder)).ToLocal(&object))
    return throw_range_error(isolate, "too many texts are being decoded");
  info.GetReturnValue().Set(object);
}

/// legacyPush(decoder, bytes, last): the next part of a text
void legacy_push(const Info& info) {
  if (IcuDecoder* decoder = WorkerImpl::of(info.GetIsolate()).decoders().of(info[0]))
    decode_with(info, *decoder, info[1], info[2]->IsTrue());
}

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// btoa(string): undefined when a character is over U+00FF
void base64_encode(const Info& info) {
  if (is_too_long(info, 0) || !info[0]->IsString() ||
      !info[0].As<v8::String>()->ContainsOnlyOneByte())
    return;
  const std::string in = to_latin1(info.GetIsolate(), info[0].As<v8::String>());
  std::string out;
  out.reserve((in.size() + 2) / 3 * 4);
  for (size_t i = 0; i < in.size(); i += 3) {
    const size_t count = std::min<size_t>(3, in.size() - i);
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k)
      group = group << 8 | (k < count ? static_cast<unsigned char>(in[i + k]) : 0u);
    for (size_t k = 0; k < 4; ++k) out += k <= count ? kAlphabet[group >> (18 - 6 * k) & 63] : '=';
  }
  set_string(info, from_latin1(info.GetIsolate(), out));
}

constexpr std::array<int8_t, 256> kBase64Values = [] {
  std::array<int8_t, 256> values{};
  values.fill(-1);
  for (int i = 0; i < 64; ++i)
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<int8_t>(i);
  return values;
}();

bool is_ascii_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r'; }

/// Forgiving base64 (https://infra.spec.whatwg.org/#forgiving-base64-decode).
bool decode_base64(std::string in, std::string& out) {
  std::erase_if(in, is_ascii_space);
  if (in.size() % 4 == 0 && in.ends_with('=')) in.resize(in.size() - (in.ends_with("==") ? 2 : 1));
  if (in.size() % 4 == 1) return false;
  uint32_t group = 0;
  int bits = 0;
  for (const char c : in) {
    const int value = kBase64Values[static_cast<unsigned char>(c)];
    if (value < 0) return false;
    group = group << 6 | static_cast<uint32_t>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out += static_cast<char>(group >> bits & 0xFF);
  }
  return true;
}

/// atob(string): undefined for anything that is not base64
void base64_decode(const Info& info) {
  if (is_too_long(info, 0) || !info[0]->IsString() ||
      !info[0].As<v8::String>()->ContainsOnlyOneByte())
    return;
  std::string out;
  if (decode_base64(to_latin1(info.GetIsolate(), info[0].As<v8::String>()), out))
    set_string(info, from_latin1(info.GetIsolate(), out));
}

constexpr Native kNatives[] = {{"utf8Encode", utf8_encode},
                               {"utf8EncodeInto", utf8_encode_into},
                               {"utf8Decode", utf8_decode},
                               {"utf8Tail", utf8_tail},
                               {"utf16Decode", utf16_decode},
                               {"base64Encode", base64_encode},
                               {"base64Decode", base64_decode},
                               {"legacyDecode", legacy_decode},
                               {"legacyOpen", legacy_open},
                               {"legacyPush", legacy_push},
                               {"indexOf", index_of}};

}  // namespace

std::span<const Native> text_natives() { return kNatives; }

}  // namespace themis::js
