#include "runtime/js/codec.hpp"

#include <zlib.h>

#include <cstdlib>

#include "runtime/js/brotli.hpp"

#pragma weak deflateInit2_
#pragma weak deflate
#pragma weak deflateEnd
#pragma weak inflateInit2_
#pragma weak inflate
#pragma weak inflateEnd

namespace themis::js {
namespace {

/// In front of every allocation: its size, and alignment for what follows.
constexpr size_t kHeaderBytes = 16;
/// Brotli's own default, 11, takes a hundred times as long.
constexpr uint32_t kQuality = 5;
constexpr int kWindowBits = 15;
constexpr int kGzip = 16;        // zlib: added to the window bits
constexpr int kMemoryLevel = 8;  // zlib's default

void* zlib_allocate(void* memory, unsigned items, unsigned size) {
  return static_cast<CodecMemory*>(memory)->allocate(size_t{items} * size);
}
void release(void* memory, void* address) { static_cast<CodecMemory*>(memory)->release(address); }
void* brotli_allocate(void* memory, size_t size) {
  return static_cast<CodecMemory*>(memory)->allocate(size);
}

Result<Codec::Step> checked_end(Codec::Step step, ByteView in, bool ended, bool finish) {
  if (ended && step.consumed < in.size())
    return fail(Code::malformed, "data after the end of the compressed data");
  step.more = !ended && (step.consumed < in.size() || step.out.size() == kCodecStepBytes);
  if (finish && !ended && !step.more)
    return fail(Code::malformed, "the compressed data ends too early");
  return step;
}

class Zlib final : public Codec {
 public:
  Zlib(int window_bits, bool compress, ArrayBuffers& buffers)
      : memory_(buffers), compress_(compress) {
    stream_.zalloc = zlib_allocate;
    stream_.zfree = release;
    stream_.opaque = &memory_;
    ready_ = (compress ? deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window_bits,
                                      kMemoryLevel, Z_DEFAULT_STRATEGY)
                       : inflateInit2(&stream_, window_bits)) == Z_OK;
  }
  ~Zlib() override {
    if (ready_) compress_ ? deflateEnd(&stream_) : inflateEnd(&stream_);
  }
  Zlib(const Zlib&) = delete;
  Zlib& operator=(const Zlib&) = delete;
  bool ready() const { return ready_; }

  Result<Step> step(ByteView in, bool finish) override {
    Step step;
    step.out.resize(kCodecStepBytes);
    // zlib reads what it is given; its type lacks the const.
    stream_.next_in = reinterpret_cast<unsigned char*>(const_cast<std::byte*>(in.data()));
    stream_.avail_in = static_cast<unsigned>(in.size());
    stream_.next_out = reinterpret_cast<unsigned char*>(step.out.data());
    stream_.avail_out = static_cast<unsigned>(step.out.size());
    if (ended_) return checked_end(Step{}, in, true, finish);
    const int result = compress_ ? deflate(&stream_, finish ? Z_FINISH : Z_NO_FLUSH)
                                 : inflate(&stream_, Z_NO_FLUSH);
    if (result == Z_MEM_ERROR) return fail(Code::memory_exceeded, "no memory to go on");
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
      return fail(Code::malformed, "the data is not compressed so");
    ended_ = result == Z_STREAM_END;
    step.consumed = in.size() - stream_.avail_in;
    step.out.resize(step.out.size() - stream_.avail_out);
    if (!compress_) return checked_end(std::move(step), in, ended_, finish);
    step.more = !ended_ && (stream_.avail_in > 0 || stream_.avail_out == 0 || finish);
    return step;
  }

 private:
  CodecMemory memory_;
  const bool compress_;
  z_stream stream_{};
  bool ready_ = false;
  bool ended_ = false;
};

class BrotliCompression final : public Codec {
 public:
  explicit BrotliCompression(ArrayBuffers& buffers)
      : memory_(buffers),
        encoder_(BrotliEncoderCreateInstance(brotli_allocate, release, &memory_)) {
    if (encoder_ != nullptr) BrotliEncoderSetParameter(encoder_, kBrotliQuality, kQuality);
  }
  ~BrotliCompression() override {
    if (encoder_ != nullptr) BrotliEncoderDestroyInstance(encoder_);
  }
  BrotliCompression(const BrotliCompression&) = delete;
  BrotliCompression& operator=(const BrotliCompression&) = delete;
  bool ready() const { return encoder_ != nullptr; }

  Result<Step> step(ByteView in, bool finish) override {
    Step step;
    step.out.resize(kCodecStepBytes);
    const auto* from = reinterpret_cast<const uint8_t*>(in.data());
    auto* to = reinterpret_cast<uint8_t*>(step.out.data());
    size_t left = in.size();
    size_t room = step.out.size();
    if (BrotliEncoderCompressStream(encoder_, finish ? kBrotliFinish : kBrotliProcess, &left, &from,
                                    &room, &to, nullptr) == 0)
      return fail(Code::memory_exceeded, "no memory to go on");
    step.consumed = in.size() - left;
    step.out.resize(step.out.size() - room);
    step.more = left > 0 || room == 0 || (finish && BrotliEncoderIsFinished(encoder_) == 0);
    return step;
  }

 private:
  CodecMemory memory_;
  BrotliEncoder* const encoder_;
};

class BrotliDecompression final : public Codec {
 public:
  explicit BrotliDecompression(ArrayBuffers& buffers)
      : memory_(buffers),
        decoder_(BrotliDecoderCreateInstance(brotli_allocate, release, &memory_)) {}
  ~BrotliDecompression() override {
    if (decoder_ != nullptr) BrotliDecoderDestroyInstance(decoder_);
  }
  BrotliDecompression(const BrotliDecompression&) = delete;
  BrotliDecompression& operator=(const BrotliDecompression&) = delete;
  bool ready() const { return decoder_ != nullptr; }

  Result<Step> step(ByteView in, bool finish) override {
    if (ended_) return checked_end(Step{}, in, true, finish);
    Step step;
    step.out.resize(kCodecStepBytes);
    const auto* from = reinterpret_cast<const uint8_t*>(in.data());
    auto* to = reinterpret_cast<uint8_t*>(step.out.data());
    size_t left = in.size();
    size_t room = step.out.size();
    const int result = BrotliDecoderDecompressStream(decoder_, &left, &from, &room, &to, nullptr);
    if (result == kBrotliFailed) return fail(Code::malformed, "the data is not compressed so");
    ended_ = result == kBrotliEnded;
    step.consumed = in.size() - left;
    step.out.resize(step.out.size() - room);
    return checked_end(std::move(step), in, ended_, finish);
  }

 private:
  CodecMemory memory_;
  BrotliDecoder* const decoder_;
  bool ended_ = false;
};

template <class T, class... Arguments>
std::unique_ptr<Codec> ready(Arguments&&... arguments) {
  auto codec = std::make_unique<T>(std::forward<Arguments>(arguments)...);
  return codec->ready() ? std::move(codec) : nullptr;
}

}  // namespace

void* CodecMemory::allocate(size_t size) {
  if (size > SIZE_MAX - kHeaderBytes || !buffers_.take(size + kHeaderBytes)) return nullptr;
  void* memory = std::malloc(size + kHeaderBytes);
  if (memory == nullptr) {
    buffers_.give_back(size + kHeaderBytes);
    return nullptr;
  }
  store(static_cast<std::byte*>(memory), size);
  return static_cast<std::byte*>(memory) + kHeaderBytes;
}

void CodecMemory::release(void* address) {
  if (address == nullptr) return;
  std::byte* memory = static_cast<std::byte*>(address) - kHeaderBytes;
  buffers_.give_back(load<size_t>(memory) + kHeaderBytes);
  std::free(memory);
}

std::unique_ptr<Codec> Codec::create(std::string_view format, bool compress,
                                     ArrayBuffers& buffers) {
  if (format == "gzip") return ready<Zlib>(kWindowBits + kGzip, compress, buffers);
  if (format == "deflate") return ready<Zlib>(kWindowBits, compress, buffers);
  if (format == "deflate-raw") return ready<Zlib>(-kWindowBits, compress, buffers);
  if (format != "brotli") return nullptr;
  return compress ? ready<BrotliCompression>(buffers) : ready<BrotliDecompression>(buffers);
}

std::string missing_codec_function() {
  const std::pair<const char*, const void*> needed[] = {
#define THEMIS_NEEDED(name) {#name, reinterpret_cast<const void*>(&name)}
      THEMIS_NEEDED(deflateInit2_),
      THEMIS_NEEDED(deflate),
      THEMIS_NEEDED(deflateEnd),
      THEMIS_NEEDED(inflateInit2_),
      THEMIS_NEEDED(inflate),
      THEMIS_NEEDED(inflateEnd),
      THEMIS_NEEDED(BrotliEncoderCreateInstance),
      THEMIS_NEEDED(BrotliEncoderDestroyInstance),
      THEMIS_NEEDED(BrotliEncoderSetParameter),
      THEMIS_NEEDED(BrotliEncoderCompressStream),
      THEMIS_NEEDED(BrotliEncoderIsFinished),
      THEMIS_NEEDED(BrotliDecoderCreateInstance),
      THEMIS_NEEDED(BrotliDecoderDestroyInstance),
      THEMIS_NEEDED(BrotliDecoderDecompressStream)
#undef THEMIS_NEEDED
  };
  for (const auto& [name, address] : needed)
    if (address == nullptr) return name;
  return {};
}

}  // namespace themis::js
