// Any bytes into the frame splitter: whole and in pieces it finds the same frames and the same end.

#include <algorithm>

#include "tests/fuzz/input.hpp"
#include "wire/frame_splitter.hpp"

namespace themis::fuzz {
namespace {

struct Outcome {
  std::vector<Bytes> frames;
  bool refused = false;
  size_t pending = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome split(Bytes stream, size_t limit, size_t piece) {
  wire::FrameSplitter splitter(limit);
  Outcome outcome;
  const auto keep = [&](std::span<std::byte> frame) -> Status {
    promise(frame.size() <= wire::kFrameHeaderBytes + limit, "a frame keeps to the limit");
    outcome.frames.emplace_back(frame.begin(), frame.end());
    std::ranges::fill(frame, std::byte{0xee});  // whoever takes a frame may overwrite it
    return {};
  };
  for (std::span<std::byte> left(stream); !left.empty() && !outcome.refused;) {
    const size_t count = std::min(piece, left.size());
    outcome.refused = !splitter.feed(left.first(count), keep);
    left = left.subspan(count);
  }
  outcome.pending = outcome.refused ? 0 : splitter.pending();
  promise(splitter.pending() <= wire::kFrameHeaderBytes + limit, "what is held keeps to the limit");
  return outcome;
}

}  // namespace
}  // namespace themis::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace themis::fuzz;
  Input input(data, size);
  const size_t piece = 1 + input.byte(), limit = input.number() % 512;
  themis::Bytes stream;
  while (!input.empty() && stream.size() < 4096) {
    // Half of the headers agree with the limit, so that frames come out at all.
    const uint8_t how = input.byte();
    const themis::ByteView body = input.take(how >> 1);
    if (how % 2 == 0) {
      themis::Bytes header(themis::wire::kFrameHeaderBytes);
      themis::wire::FrameHeader{.type = how, .length = static_cast<uint16_t>(body.size())}.write(
          header.data());
      themis::append(stream, header);
    }
    themis::append(stream, body);
  }
  promise(split(stream, limit, SIZE_MAX) == split(stream, limit, piece),
          "the pieces of a stream do not matter");
  return 0;
}
