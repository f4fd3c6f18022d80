#pragma once
// Cuts a byte stream into frames, incrementally and strictly. Every frame starts with an 8-byte
// header {u8 type, u8 version, u16 length of what follows, u32 sequence}; a length is checked
// before anything is kept for it.

#include "runtime/base/bytes.hpp"
#include "wire/frame_header.hpp"

namespace themis::wire {

/// One per stream. Holds at most one partial frame: `body_bytes_max` + 8 bytes.
class FrameSplitter {
 public:
  explicit FrameSplitter(size_t body_bytes_max) : body_bytes_max_(body_bytes_max) {}

  /// Before a peer is authenticated only handshake messages fit; afterwards records do.
  void set_body_bytes_max(size_t bytes) { body_bytes_max_ = bytes; }

  /// Calls `on_frame(std::span<std::byte>) -> Status` with each whole frame, header included. Whole
  /// frames inside `chunk` are passed in place, so `on_frame` may overwrite them. Stops at the
  /// first error and returns it; the stream is then of no more use. Errors: too_large (a length
  /// over the limit), malformed (another version), and those of `on_frame`.
  template <class F>
  Status feed(std::span<std::byte> chunk, F&& on_frame) {
    while (!chunk.empty()) {
      if (partial_.empty()) {
        THEMIS_TRY(const size_t size, frame_size(chunk));
        if (size != 0 && chunk.size() >= size) {
          THEMIS_CHECK(on_frame(chunk.first(size)));
          chunk = chunk.subspan(size);
          continue;
        }
      }
      chunk = chunk.subspan(keep(chunk));
      THEMIS_TRY(const size_t size, frame_size(partial_));
      if (size != 0 && partial_.size() == size) {
        // Moved out first: `on_frame` may destroy this object's owner only by returning an error.
        Bytes frame = std::move(partial_);
        partial_.clear();
        THEMIS_CHECK(on_frame(std::span(frame)));
      }
    }
    return {};
  }

  /// Bytes of a frame that has not arrived whole; a stream that ends with some was cut.
  size_t pending() const { return partial_.size(); }

 private:
  /// 0 while the header is not complete.
  Result<size_t> frame_size(ByteView bytes) const {
    if (bytes.size() < kFrameHeaderBytes) return size_t{0};
    const FrameHeader header = FrameHeader::read(bytes.data());
    if (header.version != kProtocolVersion)
      return fail(Code::malformed, "a frame of protocol version " + std::to_string(header.version));
    if (header.length > body_bytes_max_)
      return fail(Code::too_large, "a frame of " + std::to_string(header.length) +
                                       " bytes; at most " + std::to_string(body_bytes_max_) +
                                       " fit here");
    return kFrameHeaderBytes + header.length;
  }
  /// Moves what the partial frame still needs into it, the header first. Returns how many bytes
  /// were taken.
  size_t keep(ByteView chunk) {
    size_t wanted = kFrameHeaderBytes;
    if (partial_.size() >= kFrameHeaderBytes)
      wanted = kFrameHeaderBytes + FrameHeader::read(partial_.data()).length;
    const size_t taken = std::min(wanted - partial_.size(), chunk.size());
    partial_.insert(partial_.end(), chunk.begin(),
                    chunk.begin() + static_cast<std::ptrdiff_t>(taken));
    return taken;
  }

  size_t body_bytes_max_;
  Bytes partial_;
};

}  // namespace themis::wire
