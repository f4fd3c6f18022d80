#pragma once
// Compression and decompression, a step at a time: zlib and Brotli of the node executable.

#include <memory>
#include <string>
#include <string_view>

#include "runtime/base/bytes.hpp"
#include "runtime/js/array_buffers.hpp"

namespace themis::js {

/// What one step makes at most: a small input may stand for gigabytes.
inline constexpr size_t kCodecStepBytes = 64 << 10;
/// Codecs one worker may have at a time.
inline constexpr size_t kCodecsMax = 256;

/// Memory of a codec, counted with the ArrayBuffers of its worker.
class CodecMemory {
 public:
  explicit CodecMemory(ArrayBuffers& buffers) : buffers_(buffers) {}
  /// Null past the limit.
  void* allocate(size_t size);
  void release(void* address);

 private:
  ArrayBuffers& buffers_;
};

/// One stream of compressed data. Engine thread.
class Codec {
 public:
  struct Step {
    size_t consumed = 0;
    Bytes out;
    bool more = false;  ///< Call again, with what is left of the input.
  };
  virtual ~Codec() = default;
  /// `format`: "gzip", "deflate", "deflate-raw" or "brotli". Null: no such format, or no memory.
  static std::unique_ptr<Codec> create(std::string_view format, bool compress,
                                       ArrayBuffers& buffers);
  /// Takes some of `in` and makes at most kCodecStepBytes; `finish`: nothing follows `in`.
  /// Errors: malformed (what is decompressed, or goes on after its end, or has none),
  /// memory_exceeded.
  [[nodiscard]] virtual Result<Step> step(ByteView in, bool finish) = 0;
};

/// The name of the first function of the executable that is missing here; empty: none is.
std::string missing_codec_function();

}  // namespace themis::js
