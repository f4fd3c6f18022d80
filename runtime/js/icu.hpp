#pragma once
// The part of ICU's C interface (https://unicode-org.github.io/icu, ucnv.h, version 78) that we
// use. The node executable exports it without a header. Weak: one that is missing is found at
// start.

#include <cstdint>

extern "C" {

struct UConverter;
/// Negative: a warning; zero: no error; positive: an error.
using IcuStatus = int;
inline constexpr IcuStatus kIcuOk = 0;
inline constexpr IcuStatus kIcuBufferOverflow = 15;  // U_BUFFER_OVERFLOW_ERROR

#define THEMIS_ICU [[gnu::weak]]
THEMIS_ICU UConverter* ucnv_open_78(const char* name, IcuStatus* status);
THEMIS_ICU void ucnv_close_78(UConverter* converter);
THEMIS_ICU void ucnv_reset_78(UConverter* converter);
THEMIS_ICU void ucnv_toUnicode_78(UConverter* converter, char16_t** target,
                                  const char16_t* target_end, const char** source,
                                  const char* source_end, int32_t* offsets, int8_t flush,
                                  IcuStatus* status);
THEMIS_ICU void ucnv_setToUCallBack_78(UConverter* converter, void (*action)(), const void* context,
                                       void (**old_action)(), const void** old_context,
                                       IcuStatus* status);
/// Given to ucnv_setToUCallBack, never called from here: its arguments do not matter.
THEMIS_ICU void UCNV_TO_U_CALLBACK_STOP_78();
#undef THEMIS_ICU
}
