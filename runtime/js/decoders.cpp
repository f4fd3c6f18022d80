#include "runtime/js/decoders.hpp"

#include <array>
#include <string_view>

#include "runtime/js/icu.hpp"

namespace themis::js {
namespace {

/// Text made at a time, in UTF-16 units.
constexpr size_t kChunkUnits = 4096;
constexpr v8::EmbedderDataTypeTag kTag = 1;
constexpr std::string_view kUserDefined = "x-user-defined";

}  // namespace

IcuDecoder::IcuDecoder(const char* encoding, bool fatal) : user_defined_(encoding == kUserDefined) {
  if (user_defined_) return;
  IcuStatus status = kIcuOk;
  converter_ = ucnv_open_78(encoding, &status);
  if (status <= kIcuOk && fatal)
    ucnv_setToUCallBack_78(converter_, UCNV_TO_U_CALLBACK_STOP_78, nullptr, nullptr, nullptr,
                           &status);
  if (status <= kIcuOk || converter_ == nullptr) return;
  ucnv_close_78(converter_);
  converter_ = nullptr;
}

IcuDecoder::~IcuDecoder() {
  if (converter_ != nullptr) ucnv_close_78(converter_);
}

bool IcuDecoder::decode(ByteView bytes, bool last, std::u16string& out) {
  if (user_defined_) {
    for (const std::byte byte : bytes) {
      const auto unit = std::to_integer<uint16_t>(byte);
      out += static_cast<char16_t>(unit < 0x80 ? unit : 0xF700 + unit);
    }
    return true;
  }
  const char* from = reinterpret_cast<const char*>(bytes.data());
  const char* const end = from + bytes.size();
  std::array<char16_t, kChunkUnits> chunk;
  IcuStatus status = kIcuBufferOverflow;
  while (status == kIcuBufferOverflow) {  // every round fills the chunk or ends
    status = kIcuOk;
    char16_t* to = chunk.data();
    ucnv_toUnicode_78(converter_, &to, chunk.data() + chunk.size(), &from, end, nullptr,
                      last ? 1 : 0, &status);
    out.append(chunk.data(), to);
  }
  if (status > kIcuOk || last) ucnv_reset_78(converter_);
  return status <= kIcuOk;
}

v8::MaybeLocal<v8::Object> Decoders::add(v8::Isolate* isolate,
                                         std::unique_ptr<IcuDecoder> decoder) {
  if (entries_.size() >= kDecodersMax) return {};
  if (template_.IsEmpty()) {
    const v8::Local<v8::ObjectTemplate> made = v8::ObjectTemplate::New(isolate);
    made->SetInternalFieldCount(1);
    template_.Reset(isolate, made);
  }
  v8::Local<v8::Object> object;
  if (!template_.Get(isolate)->NewInstance(isolate->GetCurrentContext()).ToLocal(&object))
    return {};
  auto entry = std::make_unique<Entry>();
  entry->owner = this;
  entry->decoder = std::move(decoder);
  entry->object.Reset(isolate, object);
  object->SetAlignedPointerInInternalField(0, entry->decoder.get(), kTag);
  const auto forget = [](const v8::WeakCallbackInfo<Entry>& info) {
    Entry* gone = info.GetParameter();
    gone->owner->entries_.erase(gone);
  };
  entry->object.SetWeak(entry.get(), forget, v8::WeakCallbackType::kParameter);
  Entry* const key = entry.get();
  entries_.emplace(key, std::move(entry));
  return object;
}

IcuDecoder* Decoders::of(v8::Local<v8::Value> object) {
  if (!object->IsObject() || object.As<v8::Object>()->InternalFieldCount() != 1) return nullptr;
  return static_cast<IcuDecoder*>(
      object.As<v8::Object>()->GetAlignedPointerFromInternalField(0, kTag));
}

}  // namespace themis::js
