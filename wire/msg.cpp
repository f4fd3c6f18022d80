#include "wire/msg.hpp"

#include <capnp/any.h>

namespace themis::wire {

kj::ArrayPtr<capnp::word> FrameBuilder::allocateSegment(unsigned int minimum) {
  if (!used_) {
    used_ = true;
    if (minimum <= frame_->words())
      return {reinterpret_cast<capnp::word*>(frame_.writable()->data()), frame_->words()};
  }
  const size_t words = std::max<size_t>(minimum, next_);
  next_ += words;
  more_.emplace_back(words, 0);
  return {reinterpret_cast<capnp::word*>(more_.back().data()), words};
}

FramePtr FrameBuilder::finish() {
  const auto segments = getSegmentsForOutput();
  const bool in_place = segments.size() == 1 &&
                        reinterpret_cast<const std::byte*>(segments[0].begin()) == frame_->data();
  if (in_place) {
    frame_.writable()->shrink(segments[0].size());
    return frame_;
  }
  const capnp::AnyPointer::Reader root = getRoot<capnp::AnyPointer>().asReader();
  FrameBuilder flat(root.targetSize().wordCount + 1);
  flat.setRoot(root);
  return flat.finish();
}

}  // namespace themis::wire
