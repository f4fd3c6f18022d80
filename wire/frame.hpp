#pragma once
// Frame: an immutable, reference-counted Cap'n Proto segment. What actors pass around and what the
// wire carries.

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "runtime/base/bytes.hpp"
#include "runtime/base/clock.hpp"
#include "wire/ids.hpp"

namespace themis::wire {

/// Where a received frame came from, and the account of its memory: a session grants its peer new
/// credit only when the frames it received were freed, so what a peer can make us hold is bounded.
/// Shared by the session and its frames; any thread.
class Origin {
 public:
  /// `notify` is called from any thread, at most once between two calls of take_released(), when
  /// `notify_bytes` or more were freed.
  /// `former`: identities whose place the peer has taken.
  Origin(const NodeId& peer, uint64_t notify_bytes, std::function<void()> notify,
         std::vector<NodeId> former = {})
      : peer_(peer),
        former_(std::move(former)),
        notify_bytes_(notify_bytes),
        notify_(std::move(notify)) {}

  /// Another node behind the same session, on the same account.
  Origin(const NodeId& peer, const Origin* account)
      : peer_(peer), notify_bytes_(0), account_(account) {
    account_->add_reference();
  }

  const NodeId& peer() const { return peer_; }
  std::span<const NodeId> former() const { return former_; }
  void add_reference() const { references_.fetch_add(1, std::memory_order_relaxed); }
  void remove_reference() const;
  void release(uint64_t bytes) const;
  /// The bytes freed since the last call. Session thread.
  uint64_t take_released() const;
  /// The session is over: no notification follows, and none runs any more on another thread: what
  /// it would reach may go. Session thread.
  void close() const;

 private:
  ~Origin() {
    if (account_ != nullptr) account_->remove_reference();
  }
  const NodeId peer_;
  const std::vector<NodeId> former_;
  const uint64_t notify_bytes_;
  const std::function<void()> notify_;
  const Origin* const account_ = nullptr;  ///< Of a virtual node: its session's.
  mutable std::atomic<uint64_t> references_{1};
  mutable std::atomic<uint64_t> released_{0};
  mutable std::atomic<bool> notified_{false};
  /// Held by whoever notifies. Recursive: the notified may free frames at once.
  mutable std::recursive_mutex notifying_;
  mutable bool closed_ = false;
};

/// An owning pointer to an Origin.
class OriginPtr {
 public:
  OriginPtr() = default;
  explicit OriginPtr(const Origin* adopted) : origin_(adopted) {}
  OriginPtr(OriginPtr&& other) noexcept : origin_(std::exchange(other.origin_, nullptr)) {}
  OriginPtr& operator=(OriginPtr other) noexcept {
    std::swap(origin_, other.origin_);
    return *this;
  }
  OriginPtr(const OriginPtr& other) : origin_(other.origin_) {
    if (origin_ != nullptr) origin_->add_reference();
  }
  ~OriginPtr() {
    if (origin_ != nullptr) origin_->remove_reference();
  }
  const Origin* get() const { return origin_; }
  const Origin* operator->() const { return origin_; }

 private:
  const Origin* origin_ = nullptr;
};

/// Chosen at random by who asks, the same for every repetition of one request: the receiver runs it
/// once. All zero: none.
struct IdempotencyKey {
  static constexpr size_t kBytes = 16;
  std::array<std::byte, kBytes> bytes{};

  /// Asked of every message: two words, where == is a loop over bytes.
  bool is_zero() const {
    return (load<uint64_t>(bytes.data()) | load<uint64_t>(bytes.data() + 8)) == 0;
  }
  friend auto operator<=>(const IdempotencyKey&, const IdempotencyKey&) = default;
};

class FramePtr;

/// One allocation: this header, then the words of one Cap'n Proto segment. Immutable once shared.
class Frame {
 public:
  static constexpr size_t kWordBytes = 8;
  /// What a received frame counts for on its origin's account besides its bytes: allocation and
  /// mailbox element.
  static constexpr uint64_t kCost = 128;
  /// A frame of `words` zeroed words. Writable until it is shared.
  static FramePtr make(size_t words);
  /// A frame of `words` words for received bytes, not zeroed; its memory is on `origin`'s account.
  static FramePtr make_received(size_t words, const OriginPtr& origin);

  std::byte* data() { return reinterpret_cast<std::byte*>(this + 1); }
  const std::byte* data() const { return reinterpret_cast<const std::byte*>(this + 1); }
  size_t words() const { return words_; }
  size_t size() const { return size_t{words_} * kWordBytes; }
  ByteView bytes() const { return {data(), size()}; }
  /// Gives up the tail after building. Only before the frame is shared.
  void shrink(size_t words) { words_ = static_cast<uint32_t>(words) & kWordsMask; }

  /// The Cap'n Proto type id of the root struct.
  uint64_t type() const { return type_; }
  /// Only before the frame is shared.
  void set_type(uint64_t type) { type_ = type; }
  /// When the answer to this request stops being of use. None: TimePoint::max(). Any thread.
  TimePoint deadline() const { return deadline_.load(std::memory_order_relaxed); }
  /// Only before the frame is shared.
  void set_deadline(TimePoint deadline) { deadline_.store(deadline, std::memory_order_relaxed); }
  /// Whoever asked has given up: nobody waits for the answer. Any thread.
  bool cancelled() const { return deadline() == kCancelled; }
  /// Of a request, once: its deadline has passed, whatever it was. Any thread.
  void cancel() const { deadline_.store(kCancelled, std::memory_order_relaxed); }
  /// Of a request that was made here; null without one. A received frame has none: its key counts
  /// between its sender and this process only, so that forwarding it mixes up nobody's requests.
  const IdempotencyKey* idempotency_key() const { return keyed_ ? key_ : nullptr; }
  /// Only before the frame is shared, for a frame made here, once; not all zero.
  void set_idempotency_key(const IdempotencyKey& key) {
    THEMIS_ASSERT(!keyed_ && origin_ == nullptr && !key.is_zero(),
                  "one key, for a frame made here");
    key_ = std::make_unique<IdempotencyKey>(key).release();
    keyed_ = true;
  }
  /// The peer that sent it, or null for a frame made in this process.
  const NodeId* peer() const { return keyed_ || origin_ == nullptr ? nullptr : &origin_->peer(); }

  /// Identities whose place that peer has taken: what is allowed to one of them is allowed to it.
  std::span<const NodeId> former() const {
    return peer() == nullptr ? std::span<const NodeId>() : origin_->former();
  }

  void add_reference() const { references_.fetch_add(1, std::memory_order_relaxed); }
  void remove_reference() const {
    if (references_.load(std::memory_order_acquire) == 1 ||
        references_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      destroy();
  }

 private:
  /// The clock's zero: long past, and far enough from the smallest number to subtract from it.
  static constexpr TimePoint kCancelled{};
  Frame(uint32_t words, const Origin* origin)
      : words_(words & kWordsMask), keyed_(false), origin_(origin) {}
  ~Frame() = default;
  static Frame* allocate(size_t words, const Origin* origin);
  void destroy() const;

  mutable std::atomic<uint32_t> references_{1};
  static constexpr uint32_t kWordsMask = 0x7fff'ffff;
  uint32_t words_ : 31;
  uint32_t keyed_ : 1;
  union {
    const Origin* origin_;       // of a received frame; or null
    const IdempotencyKey* key_;  // when keyed_: few frames have one, so it is not kept inside
  };
  uint64_t type_ = 0;
  mutable std::atomic<TimePoint> deadline_ = TimePoint::max();
};
static_assert(sizeof(Frame) == 32, "the segment behind it must stay word-aligned");

/// An owning pointer to a frame: 8 bytes, cheap to copy, any thread.
class FramePtr {
 public:
  FramePtr() = default;
  explicit FramePtr(Frame* adopted) : frame_(adopted) {}
  FramePtr(const FramePtr& other) : frame_(other.frame_) {
    if (frame_ != nullptr) frame_->add_reference();
  }
  FramePtr(FramePtr&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  FramePtr& operator=(FramePtr other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~FramePtr() {
    if (frame_ != nullptr) frame_->remove_reference();
  }
  explicit operator bool() const { return frame_ != nullptr; }
  const Frame* operator->() const { return frame_; }
  const Frame& operator*() const { return *frame_; }
  /// For the one who builds it, before it is shared.
  Frame* writable() const { return frame_; }

 private:
  Frame* frame_ = nullptr;
};

}  // namespace themis::wire
