#pragma once
// The answers to a batch of calls, in one buffer. A value without actors.

#include "actors/monitor/state_batch.hpp"
#include "runtime/base/byte_buffer.hpp"

namespace themis {

/// One answer as it lies in its buffer, by which it is borrowed.
struct StateAnswerView {
  std::optional<Code> failed;  ///< Then `detail` says why, and nothing else is set.
  std::string_view detail;
  bool done = false;
  std::optional<ByteView> value;
  ByteView entries;  ///< For take().
  bool more = false;
  uint32_t epoch = 0;
  bool certified = false;

  Result<StateAnswer> take() const;
};

/// Goes through the answers of a buffer in their order, without a copy.
class StateAnswerReader {
 public:
  StateAnswerReader(ByteView bytes, std::optional<uint32_t> certified)
      : at_(bytes.data()), end_(at_ + bytes.size()), certified_(certified) {}
  bool done() const { return at_ == end_; }
  /// False at the end, and where no answer is, which then is not passed.
  bool next(StateAnswerView& answer);

 private:
  const std::byte* at_;
  const std::byte* end_;
  std::optional<uint32_t> certified_;
};

/// Answers in the order of their calls; no allocation for each. Its bytes: for every answer u8
/// flags (1: failed, 2: done, 4: a value, 8: entries, 16: more of them); then of a failure u8 code,
/// u16 length, text; of others u32 epoch, value (u16 length and as many bytes), and u8 how many
/// entries, each u8 length, key, value. The keys of entries rise.
class StateAnswers {
 public:
  void add(bool done, const std::optional<ByteView>& value, uint32_t epoch);
  /// As StateStore encodes its results: u8 done, u8 0, or 1 and the value.
  void add_result(ByteView result, uint32_t epoch);
  void add(const StateAnswer& answer);
  /// The text is cut to kErrorBytesMax, and left out past kStateAnswersBytesMax.
  void add(const Error& error);

  /// Copies what another process has sent. `certified`: that epoch and all before it are.
  /// Errors: malformed, too_large (kStateBatchBytesMax).
  static Result<StateAnswers> parse(ByteView bytes, std::optional<uint32_t> certified);

  size_t size() const { return size_; }
  ByteView bytes() const { return bytes_.view(); }
  StateAnswerReader answers() const { return {bytes(), certified}; }
  std::vector<Result<StateAnswer>> all() const;
  /// The first one. Errors: its own; malformed (there is none).
  Result<StateAnswer> front() const;
  /// The latest of an answer that is no failure.
  std::optional<uint32_t> epoch() const { return epoch_; }
  /// Forgets all but the first `size`, which have `bytes`.
  void cut(size_t size, size_t bytes) {
    size_ = size;
    bytes_.cut(bytes);
  }

  /// That epoch and all before it; for all answers here.
  std::optional<uint32_t> certified;

  static constexpr size_t kErrorBytesMax = 512;

 private:
  std::byte* head(bool done, bool value, size_t more, uint32_t epoch);

  ByteBuffer bytes_;
  size_t size_ = 0;
  std::optional<uint32_t> epoch_;
};

}  // namespace themis
