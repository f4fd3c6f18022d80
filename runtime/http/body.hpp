#pragma once
// Where a message body ends, and its bytes without the chunk marks.

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/error.hpp"

namespace themis::http {

/// How the end of a body is told (RFC 9112 section 6.3).
enum class Framing { none, length, chunked, until_close };

/// Reads one body. Own code, because Beast 1.74 asserts on a correct chunked body that arrives in
/// pieces ("0\r\n", then one byte more), and asserts are on in our builds. One thread at a time.
class BodyReader {
 public:
  /// A chunk's size line with its extensions, which are read over (RFC 9112 section 7.1.1).
  static constexpr size_t kChunkLineBytesMax = 256;
  /// All trailer fields together; they are dropped.
  static constexpr size_t kTrailerBytesMax = 4 * 1024;
  /// Of a body whose length is known and that comes in pieces, as much is allocated with the first
  /// piece: it is not moved then as it grows. Memory that is not written to is not taken.
  static constexpr size_t kReservedBytesMax = 256 * 1024;

  BodyReader() = default;
  /// `length` counts for Framing::length only. `bytes_max` bounds what is appended in all, whether
  /// it is taken out of `out` meanwhile or not.
  BodyReader(Framing framing, uint64_t length, size_t bytes_max);

  /// Appends body bytes to `out` and returns how many bytes of `input` belong to this body; all of
  /// them until done(). Errors: malformed (chunk marks), too_large (the body, a chunk line or the
  /// trailers).
  Result<size_t> feed(std::string_view input, std::string& out);
  bool done() const { return state_ == State::done; }
  /// Another bound; before anything was appended.
  void limit(size_t bytes_max) { bytes_max_ = bytes_max; }

  Framing framing() const { return framing_; }
  uint64_t length() const { return length_; }

 private:
  enum class State { data, size_line, chunk, chunk_end, trailer, done };

  /// Takes bytes up to the end of a line; true when `line_` holds a whole one without its CRLF.
  Result<bool> read_line(std::string_view& input, size_t bytes_max);
  Status on_size_line(size_t room);
  Status append(std::string_view& input, std::string& out);

  Framing framing_ = Framing::none;
  State state_ = State::done;
  uint64_t length_ = 0;
  uint64_t left_ = 0;  // of the body or of the chunk
  size_t bytes_max_ = 0;
  size_t bytes_ = 0;  // appended
  size_t trailer_bytes_ = 0;
  std::string line_;
};

}  // namespace themis::http
