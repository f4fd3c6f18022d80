#pragma once
// Msg<Schema>: the typed handle of a frame. Builder<Schema> writes one, View<Schema> reads one,
// both without a copy.

#include <capnp/message.h>
#include <capnp/schema.h>
#include <kj/exception.h>

#include <string>
#include <vector>

#include "wire/frame.hpp"

namespace themis::wire {

/// Pointers nest this deep at most, and a reader follows at most kTraversalFactor times a frame's
/// words (so a small frame cannot make a reader loop over shared pointers for long).
inline constexpr int kNestingMax = 32;
inline constexpr uint64_t kTraversalFactor = 4;
inline constexpr uint64_t kTraversalExtraWords = 1024;

/// A one-segment reader over a frame. Stack object of one thread; keeps the frame alive.
class FrameReader final : public capnp::MessageReader {
 public:
  explicit FrameReader(FramePtr frame)
      : capnp::MessageReader(capnp::ReaderOptions{
            frame->words() * kTraversalFactor + kTraversalExtraWords, kNestingMax}),
        frame_(std::move(frame)) {}
  kj::ArrayPtr<const capnp::word> getSegment(uint32_t id) override {
    if (id != 0) return nullptr;
    return {reinterpret_cast<const capnp::word*>(frame_->data()), frame_->words()};
  }

 private:
  FramePtr frame_;
};

template <class S>
class View {
 public:
  explicit View(FramePtr frame) : reader_(std::move(frame)), root_(reader_.getRoot<S>()) {}
  const typename S::Reader* operator->() const { return &root_; }
  const typename S::Reader& operator*() const { return root_; }

 private:
  FrameReader reader_;
  typename S::Reader root_;
};

/// What actors send each other. Copying it copies a pointer.
template <class S>
class Msg {
 public:
  using Schema = S;
  static constexpr uint64_t kType = capnp::typeId<S>();

  Msg() = default;
  explicit Msg(FramePtr frame) : frame_(std::move(frame)) {}
  /// Reading a field of a frame that came from a peer may throw kj::Exception: see decode().
  View<S> view() const { return View<S>(frame_); }
  const FramePtr& frame() const { return frame_; }

 private:
  FramePtr frame_;
};

/// Lets Cap'n Proto write into the frame that is sent; grows into further segments when the hint
/// was too small, and finish() then copies once.
class FrameBuilder final : public capnp::MessageBuilder {
 public:
  static constexpr size_t kDefaultWords = 64;
  explicit FrameBuilder(size_t hint_words)
      : frame_(Frame::make(hint_words < 2 ? 2 : hint_words)), next_(frame_->words()) {}
  kj::ArrayPtr<capnp::word> allocateSegment(unsigned int minimum) override;
  FramePtr finish();

 private:
  FramePtr frame_;
  bool used_ = false;
  size_t next_;
  std::vector<std::vector<uint64_t>> more_;
};

template <class S>
class Builder {
 public:
  explicit Builder(size_t hint_words = FrameBuilder::kDefaultWords)
      : builder_(hint_words), root_(builder_.initRoot<S>()) {}
  typename S::Builder* operator->() { return &root_; }
  typename S::Builder& operator*() { return root_; }
  /// Once; the builder is spent afterwards. With a `key` the same request, sent again, runs once.
  Msg<S> finish(TimePoint deadline = TimePoint::max(), const IdempotencyKey& key = {}) {
    FramePtr frame = builder_.finish();
    frame.writable()->set_type(Msg<S>::kType);
    frame.writable()->set_deadline(deadline);
    if (!key.is_zero()) frame.writable()->set_idempotency_key(key);
    return Msg<S>(std::move(frame));
  }

 private:
  FrameBuilder builder_;
  typename S::Builder root_;
};

/// Runs `read(view)` over a message that a peer wrote and turns every fault of its bytes into
/// Code::malformed. `read` returns a Result and must copy out what it keeps: this is where a
/// message becomes a bounded value.
template <class S, class F>
auto decode(const Msg<S>& message, F&& read)
    -> decltype(read(std::declval<const typename S::Reader&>())) {
  if (!message.frame()) return fail(Code::malformed, "an empty message");
  try {
    const View<S> view = message.view();
    return read(*view);
  } catch (const kj::Exception& fault) {
    return fail(Code::malformed,
                std::string("not a valid message: ") + fault.getDescription().cStr());
  }
}

inline ByteView bytes_of(capnp::Data::Reader data) {
  return {reinterpret_cast<const std::byte*>(data.begin()), data.size()};
}
inline std::string_view text_of(capnp::Text::Reader text) { return {text.begin(), text.size()}; }
inline capnp::Data::Reader to_data(ByteView bytes) {
  return {reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size()};
}
inline capnp::Text::Reader to_text(const std::string& text) { return {text.c_str(), text.size()}; }

}  // namespace themis::wire
