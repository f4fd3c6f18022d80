#include "wire/frame_splitter.hpp"

#include <gtest/gtest.h>

#include "runtime/base/rng.hpp"

namespace themis::wire {
namespace {

constexpr size_t kBodyMax = 200;

Bytes make_frame(size_t body, uint32_t sequence) {
  Bytes frame(kFrameHeaderBytes + body, static_cast<std::byte>(sequence));
  FrameHeader{.type = 1, .length = static_cast<uint16_t>(body), .sequence = sequence}.write(
      frame.data());
  return frame;
}

struct Collected {
  std::vector<Bytes> frames;
  Status operator()(std::span<std::byte> frame) {
    frames.emplace_back(frame.begin(), frame.end());
    return {};
  }
};

/// A stream of frames of many sizes, empty and full ones among them.
struct Stream {
  Stream() {
    for (const size_t body : {0, 1, 7, 8, 200, 0, 0, 199, 3, 200}) {
      frames.push_back(make_frame(body, static_cast<uint32_t>(frames.size())));
      append(bytes, frames.back());
    }
  }
  std::vector<Bytes> frames;
  Bytes bytes;
};

TEST(FrameSplitter, PutsEveryTwoPiecesTogether) {
  const Stream stream;
  for (size_t cut = 0; cut <= stream.bytes.size(); ++cut) {
    Bytes bytes = stream.bytes;
    FrameSplitter splitter(kBodyMax);
    Collected collected;
    ASSERT_TRUE(splitter.feed(std::span(bytes).first(cut), collected));
    ASSERT_TRUE(splitter.feed(std::span(bytes).subspan(cut), collected));
    ASSERT_EQ(collected.frames, stream.frames) << "cut at " << cut;
    EXPECT_EQ(splitter.pending(), 0u);
  }
}

TEST(FrameSplitter, PutsPiecesOfAnySizeTogether) {
  const Stream stream;
  for (size_t piece = 1; piece <= 64; ++piece) {
    Bytes bytes = stream.bytes;
    FrameSplitter splitter(kBodyMax);
    Collected collected;
    for (size_t at = 0; at < bytes.size(); at += piece)
      ASSERT_TRUE(splitter.feed(std::span(bytes).subspan(at, std::min(piece, bytes.size() - at)),
                                collected));
    ASSERT_EQ(collected.frames, stream.frames) << "pieces of " << piece;
  }
}

TEST(FrameSplitter, PassesWholeFramesInPlace) {
  Bytes bytes = make_frame(20, 1);
  append(bytes, make_frame(30, 2));
  FrameSplitter splitter(kBodyMax);
  std::vector<const std::byte*> where;
  ASSERT_TRUE(splitter.feed(bytes, [&](std::span<std::byte> frame) -> Status {
    where.push_back(frame.data());
    return {};
  }));
  EXPECT_EQ(where, (std::vector<const std::byte*>{bytes.data(), bytes.data() + 28}));
}

TEST(FrameSplitter, AdversaryRefusesALengthOverTheLimitBeforeItKeepsAnything) {
  for (const size_t body : {kBodyMax + 1, size_t{65'535}}) {
    for (size_t arrived = 1; arrived <= kFrameHeaderBytes; ++arrived) {
      Bytes header = make_frame(0, 1);
      FrameHeader{.type = 1, .length = static_cast<uint16_t>(body)}.write(header.data());
      FrameSplitter splitter(kBodyMax);
      Collected collected;
      Status status = splitter.feed(std::span(header).first(arrived), collected);
      if (arrived < kFrameHeaderBytes) {
        ASSERT_TRUE(status);
        status = splitter.feed(std::span(header).subspan(arrived), collected);
      }
      ASSERT_FALSE(status);
      EXPECT_EQ(status.error().code, Code::too_large);
      EXPECT_LE(splitter.pending(), kFrameHeaderBytes);
      EXPECT_TRUE(collected.frames.empty());
    }
  }
}

TEST(FrameSplitter, RefusesAnotherVersion) {
  Bytes frame = make_frame(4, 1);
  frame[1] = std::byte{kProtocolVersion + 1};
  FrameSplitter splitter(kBodyMax);
  Collected collected;
  const Status status = splitter.feed(frame, collected);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::malformed);
}

TEST(FrameSplitter, StopsAtTheFirstErrorOfItsCaller) {
  const Stream stream;
  Bytes bytes = stream.bytes;
  FrameSplitter splitter(kBodyMax);
  int calls = 0;
  const Status status = splitter.feed(bytes, [&](std::span<std::byte>) -> Status {
    if (++calls == 3) return fail(Code::forged, "no");
    return {};
  });
  EXPECT_EQ(status.error().code, Code::forged);
  EXPECT_EQ(calls, 3);
}

TEST(FrameSplitter, TakesLongerFramesFromTheMomentTheyAreAllowed) {
  Bytes bytes = make_frame(10, 1);
  append(bytes, make_frame(kBodyMax, 2));
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    Bytes copy = bytes;
    FrameSplitter splitter(10);
    int frames = 0;
    const auto grow = [&](std::span<std::byte>) -> Status {
      ++frames;
      splitter.set_body_bytes_max(kBodyMax);
      return {};
    };
    ASSERT_TRUE(splitter.feed(std::span(copy).first(cut), grow));
    ASSERT_TRUE(splitter.feed(std::span(copy).subspan(cut), grow)) << "cut at " << cut;
    EXPECT_EQ(frames, 2);
  }
}

TEST(FrameSplitter, AdversaryRandomBytesKeepAtMostOneFrame) {
  const uint64_t seed = SystemRng{}.next();
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRng rng(seed);
  for (int round = 0; round < 2000; ++round) {
    FrameSplitter splitter(kBodyMax);
    Collected collected;
    Status status;
    while (status && rng.below(20) != 0) {
      Bytes chunk(1 + rng.below(300));
      rng.fill(chunk);
      if (chunk.size() >= 4 && rng.below(2) == 0) {  // more often a header that passes
        chunk[1] = std::byte{kProtocolVersion};
        chunk[3] = std::byte{0};
      }
      status = splitter.feed(chunk, collected);
      ASSERT_LE(splitter.pending(), kFrameHeaderBytes + kBodyMax);
    }
    for (const Bytes& frame : collected.frames)
      ASSERT_EQ(frame.size(), kFrameHeaderBytes + FrameHeader::read(frame.data()).length);
  }
}

}  // namespace
}  // namespace themis::wire
