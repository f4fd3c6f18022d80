#pragma once
// Many calls of verified state in one buffer. A value without actors.

#include "actors/monitor/state_call.hpp"

namespace themis {

/// Of one batch, and of what answers it: with the rest of a message each fits
/// wire::kMessageBytesMax.
inline constexpr size_t kStateBatchBytesMax = 1'792 * 1024;
/// Of one batch: as many small ones as fit it.
inline constexpr size_t kStateBatchCallsMax = 65'536;
/// Of the answers to one batch, but for failures, four bytes each without their text.
inline constexpr size_t kStateAnswersBytesMax = kStateBatchBytesMax - 4 * kStateBatchCallsMax;

/// One call as it lies in its batch, by which it is borrowed.
struct StateCallView {
  StateOp op = StateOp::get;
  ByteView name;  ///< Namespace, a zero byte, the key or prefix: as the store's keys are.
  uint8_t name_space_bytes = 0;
  bool has_expected = false;
  ByteView value, expected;
  ByteView arguments;  ///< Of get, put, remove and cas, as StateStore has those of its functions.
  ByteView after;
  ByteView changes;  ///< For read_changes().

  std::string_view name_space() const { return as_text(name.first(name_space_bytes)); }
  std::string_view key() const { return as_text(name.subspan(name_space_bytes + size_t{1})); }
  /// Of a transaction. Errors: malformed; those of check_transaction.
  Result<std::vector<StateChange>> read_changes() const;
};

/// Goes through the calls of a buffer in their order, without a copy.
class StateCallReader {
 public:
  explicit StateCallReader(ByteView bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}
  bool done() const { return at_ == end_; }
  /// False at the end, and where no call is, which then is not passed.
  bool next(StateCallView& call);

 private:
  const std::byte* at_;
  const std::byte* end_;
};

/// Calls to be made together, each a valid one; no allocation for each. Its bytes: for every call
/// u8 op, u8 bytes of the namespace, u8 bytes of namespace, zero byte and key, these; then
///   put: value; cas: u8 0, or 1 and the expected value, then the value; list: u8 length, after;
///   transaction: u16 length, for each change u8 length, key, u8 flags (1: checks, 2: for a value,
///   4: writes, 8: a value), these values.
/// A value is a u16 length and as many bytes.
class StateBatch {
 public:
  // Errors: as check_state_call; too_large (no room). Nothing is added then.
  Status get(std::string_view name_space, std::string_view key);
  Status put(std::string_view name_space, std::string_view key, ByteView value);
  Status remove(std::string_view name_space, std::string_view key);
  /// `expected`: nothing: the key must be absent.
  Status cas(std::string_view name_space, std::string_view key, std::optional<ByteView> expected,
             ByteView value);
  /// Errors: also invalid (the call is_proven()).
  Status add(const StateCall& call);

  /// Copies what another process has sent. Errors: malformed (it is not what a batch would have as
  /// its bytes); too_large.
  static Result<StateBatch> parse(ByteView bytes);

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  ByteView bytes() const { return bytes_; }
  StateCallReader calls() const { return StateCallReader(bytes_); }
  /// All calls have the same namespace.
  bool has_one_name_space() const { return has_one_name_space_; }
  /// Of the first call; empty: none.
  std::string_view name_space() const;

 private:
  Status write(StateOp op, std::string_view name_space, std::string_view key, size_t more);
  void put_byte(uint8_t value);
  void put_value(ByteView value);
  void put_changes(const std::vector<StateChange>& changes);
  void note(std::string_view name_space);

  Bytes bytes_;
  size_t size_ = 0;
  bool has_one_name_space_ = true;
};

/// Calls of one namespace, asked together.
struct StateBatchAsk {
  StateBatch calls;
  bool wait = false;  ///< For their epochs to be certified.
};
/// Errors: invalid (no call, or those of several namespaces).
Status check_state_ask(const StateBatchAsk& ask);

}  // namespace themis
