#include "runtime/js/decoders.hpp"

#include <array>
#include <string_view>

#include "runtime/js/icu.hpp"

namespace themis::js {
namespace {

/// Text made at a time, in UTF-16 units.
constexpr size_t kChunkUnits = 4096;
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

}  // namespace themis::js
