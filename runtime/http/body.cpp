#include "runtime/http/body.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace themis::http {

BodyReader::BodyReader(Framing framing, uint64_t length, size_t bytes_max)
    : framing_(framing), bytes_max_(bytes_max) {
  switch (framing) {
    case Framing::none:
      break;
    case Framing::length:
      length_ = left_ = length;
      state_ = length == 0 ? State::done : State::data;
      break;
    case Framing::chunked:
      state_ = State::size_line;
      break;
    case Framing::until_close:
      left_ = std::numeric_limits<uint64_t>::max();
      state_ = State::data;
      break;
  }
}

Result<size_t> BodyReader::feed(std::string_view input, std::string& out) {
  const size_t before = input.size();
  while (!input.empty() && state_ != State::done) {
    switch (state_) {
      case State::data:
        THEMIS_CHECK(append(input, out));
        if (left_ == 0) state_ = State::done;
        break;
      case State::size_line: {
        THEMIS_TRY(const bool whole, read_line(input, kChunkLineBytesMax));
        if (whole) THEMIS_CHECK(on_size_line(bytes_max_ - bytes_));
        break;
      }
      case State::chunk:
        THEMIS_CHECK(append(input, out));
        if (left_ == 0) state_ = State::chunk_end;
        break;
      case State::chunk_end: {
        THEMIS_TRY(const bool whole, read_line(input, 2));
        if (whole && !line_.empty())
          return fail(Code::malformed, "a chunk is longer than its size says");
        if (whole) state_ = State::size_line;
        break;
      }
      case State::trailer: {
        THEMIS_TRY(const bool whole, read_line(input, kTrailerBytesMax - trailer_bytes_));
        if (!whole) break;
        trailer_bytes_ += line_.size() + 2;
        if (line_.empty()) state_ = State::done;
        line_.clear();
        break;
      }
      case State::done:
        break;
    }
  }
  return before - input.size();
}

Result<bool> BodyReader::read_line(std::string_view& input, size_t bytes_max) {
  const size_t newline = input.find('\n');
  const size_t take = newline == std::string_view::npos ? input.size() : newline + 1;
  if (line_.size() + take > bytes_max) {
    if (state_ == State::chunk_end)
      return fail(Code::malformed, "a chunk is longer than its size says");
    return fail(Code::too_large, "a chunk's size line or the trailers are too long");
  }
  line_.append(input.substr(0, take));
  input.remove_prefix(take);
  if (newline == std::string_view::npos) return false;
  if (!line_.ends_with("\r\n")) return fail(Code::malformed, "a line of the body has no CR");
  line_.resize(line_.size() - 2);
  if (line_.find('\r') != std::string::npos)
    return fail(Code::malformed, "a CR inside a line of the body");
  return true;
}

Status BodyReader::on_size_line(size_t room) {
  uint64_t size = 0;
  const char* const end = line_.data() + line_.size();
  const auto [stop, error] = std::from_chars(line_.data(), end, size, 16);
  if (error == std::errc::result_out_of_range || (error == std::errc{} && size > room))
    return fail(Code::too_large, "a body over " + std::to_string(bytes_max_) + " bytes");
  if (error != std::errc{}) return fail(Code::malformed, "a chunk size that is not hexadecimal");
  const std::string_view extension(stop, static_cast<size_t>(end - stop));
  const size_t mark = extension.find_first_not_of(" \t");
  if (mark != std::string_view::npos && extension[mark] != ';')
    return fail(Code::malformed, "a chunk size that is not hexadecimal");
  if (mark == std::string_view::npos && !extension.empty())
    return fail(Code::malformed, "white space after a chunk size");
  line_.clear();
  left_ = size;
  state_ = size == 0 ? State::trailer : State::chunk;
  return {};
}

Status BodyReader::append(std::string_view& input, std::string& out) {
  const size_t take = static_cast<size_t>(std::min<uint64_t>(left_, input.size()));
  const size_t room = bytes_max_ - bytes_;
  if (take > room)
    return fail(Code::too_large, "a body over " + std::to_string(bytes_max_) + " bytes");
  if (framing_ == Framing::length && take < left_ && left_ <= kReservedBytesMax)
    out.reserve(out.size() + static_cast<size_t>(left_));
  out.append(input.substr(0, take));
  bytes_ += take;
  input.remove_prefix(take);
  if (framing_ != Framing::until_close) left_ -= take;
  return {};
}

}  // namespace themis::http
