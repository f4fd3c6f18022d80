#pragma once
// The part of Brotli's C interface (https://github.com/google/brotli, c/include/brotli, version 1)
// that we use. The node executable exports it without a header. Weak: one that is missing is found
// at start, by name.

#include <cstddef>
#include <cstdint>

extern "C" {

struct BrotliEncoder;
struct BrotliDecoder;
using BrotliAlloc = void* (*)(void* opaque, size_t size);
using BrotliFree = void (*)(void* opaque, void* address);

inline constexpr int kBrotliQuality = 1;  // BROTLI_PARAM_QUALITY
inline constexpr int kBrotliProcess = 0;  // BROTLI_OPERATION_PROCESS
inline constexpr int kBrotliFinish = 2;   // BROTLI_OPERATION_FINISH
inline constexpr int kBrotliFailed = 0;   // BROTLI_DECODER_RESULT_ERROR
inline constexpr int kBrotliEnded = 1;    // BROTLI_DECODER_RESULT_SUCCESS

#define THEMIS_BROTLI [[gnu::weak]]
THEMIS_BROTLI BrotliEncoder* BrotliEncoderCreateInstance(BrotliAlloc alloc, BrotliFree free,
                                                         void* opaque);
THEMIS_BROTLI void BrotliEncoderDestroyInstance(BrotliEncoder* encoder);
THEMIS_BROTLI int BrotliEncoderSetParameter(BrotliEncoder* encoder, int parameter, uint32_t value);
THEMIS_BROTLI int BrotliEncoderCompressStream(BrotliEncoder* encoder, int operation,
                                              size_t* available_in, const uint8_t** next_in,
                                              size_t* available_out, uint8_t** next_out,
                                              size_t* total_out);
THEMIS_BROTLI int BrotliEncoderIsFinished(BrotliEncoder* encoder);
THEMIS_BROTLI BrotliDecoder* BrotliDecoderCreateInstance(BrotliAlloc alloc, BrotliFree free,
                                                         void* opaque);
THEMIS_BROTLI void BrotliDecoderDestroyInstance(BrotliDecoder* decoder);
THEMIS_BROTLI int BrotliDecoderDecompressStream(BrotliDecoder* decoder, size_t* available_in,
                                                const uint8_t** next_in, size_t* available_out,
                                                uint8_t** next_out, size_t* total_out);
#undef THEMIS_BROTLI
}
