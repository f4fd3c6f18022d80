#pragma once
// Frames close to genuine ones: for targets that decode messages.

#include <cstring>
#include <vector>

#include "tests/fuzz/input.hpp"
#include "wire/frame.hpp"

namespace themis::fuzz {

/// One of `seeds`, its words changed as the input says.
inline wire::FramePtr changed_frame(const std::vector<wire::FramePtr>& seeds, Input& input) {
  const wire::FramePtr& seed = seeds[input.byte() % seeds.size()];
  Bytes words(seed->bytes().begin(), seed->bytes().end());
  while (!input.empty() && words.size() < 65'536) words = input.changed(std::move(words));
  const wire::FramePtr frame = wire::Frame::make((words.size() + 7) / 8);
  std::memcpy(frame.writable()->data(), words.data(), words.size());
  frame.writable()->set_type(seed->type());
  return frame;
}

}  // namespace themis::fuzz
