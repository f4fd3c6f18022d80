#include "actors/monitor/state_answers.hpp"

#include <algorithm>

#include "runtime/base/codec.hpp"

namespace themis {
namespace {

enum Flag : uint8_t { is_failed = 1, is_done = 2, has_value = 4, has_entries = 8, has_more = 16 };
constexpr uint8_t kFlags = is_failed | is_done | has_value | has_entries | has_more;

struct EntryView {
  std::string_view key;
  ByteView value;
};

/// False where there is none, or one whose key does not follow `before`.
bool next(Reader& from, std::string_view before, EntryView& entry) {
  entry.key = as_text(from.bytes(from.integer<uint8_t>()));
  entry.value = from.bytes(from.integer<uint16_t>());
  return from.ok() && entry.key > before && entry.key.size() <= kStateKeyBytesMax &&
         entry.value.size() <= kStateValueBytesMax;
}

/// Passes a count and as many entries.
bool pass_entries(Reader& from) {
  const auto count = from.integer<uint8_t>();
  EntryView entry;
  bool ok = count > 0 && count <= kListMax;
  for (size_t i = 0; i < count && ok; ++i) ok = next(from, entry.key, entry);
  return ok && from.ok();
}

bool read_failure(Reader& from, StateAnswerView& answer) {
  const auto code = from.integer<uint8_t>();
  answer.detail = as_text(from.bytes(from.integer<uint16_t>()));
  answer.failed = static_cast<Code>(code);
  return from.ok() && is_code(code) && answer.detail.size() <= StateAnswers::kErrorBytesMax;
}

std::byte* put_value(std::byte* to, ByteView value) {
  return put(put(to, static_cast<uint16_t>(value.size())), value);
}

}  // namespace

Result<StateAnswer> StateAnswerView::take() const {
  if (failed) return fail(*failed, std::string(detail));
  StateAnswer answer;
  answer.done = done;
  if (value) answer.value.emplace(value->begin(), value->end());
  answer.more = more;
  answer.epoch = epoch;
  answer.certified = certified;
  if (entries.empty()) return answer;
  Reader from(entries);
  (void)from.integer<uint8_t>();
  for (EntryView entry; from.left() > 0 && next(from, entry.key, entry);)
    answer.entries.push_back({std::string(entry.key), {entry.value.begin(), entry.value.end()}});
  return answer;
}

bool StateAnswerReader::next(StateAnswerView& answer) {
  Reader from({at_, end_});
  const auto flags = from.integer<uint8_t>();
  answer = {};
  if (!from.ok() || (flags & ~kFlags) != 0) return false;
  if ((flags & is_failed) != 0) {
    if (flags != is_failed || !read_failure(from, answer)) return false;
    at_ = from.position();
    return true;
  }
  answer.done = (flags & is_done) != 0;
  answer.more = (flags & has_more) != 0;
  answer.epoch = from.integer<uint32_t>();
  answer.certified = certified_ && answer.epoch <= *certified_;
  if ((flags & has_value) != 0) {
    answer.value = from.bytes(from.integer<uint16_t>());
    if (answer.value->size() > kStateValueBytesMax) return false;
  }
  if ((flags & has_entries) != 0) {
    const std::byte* start = from.position();
    if (!pass_entries(from)) return false;
    answer.entries = {start, from.position()};
  } else if (answer.more) {
    return false;
  }
  if (from.ok()) at_ = from.position();
  return from.ok();
}

void StateAnswers::add(bool done, const std::optional<ByteView>& value, uint32_t epoch) {
  std::byte* to = head(done, value.has_value(), value ? value->size() : 0, epoch);
  bytes_.end_at(value ? put_value(to, *value) : to);
}

void StateAnswers::add_result(ByteView result, uint32_t epoch) {
  const ByteView value = result.subspan(2);  // its length first, as here
  std::byte* to = head(result[0] != std::byte{0}, !value.empty(), value.size(), epoch);
  bytes_.end_at(put(to, value));
}

/// Of an answer with so many bytes to follow.
std::byte* StateAnswers::head(bool done, bool value, size_t more, uint32_t epoch) {
  const auto flags = static_cast<uint8_t>((done ? is_done : 0) | (value ? has_value : 0));
  ++size_;
  epoch_ = std::max(epoch_.value_or(0), epoch);
  return put(put(bytes_.next(1 + sizeof epoch + sizeof(uint16_t) + more), flags), epoch);
}

void StateAnswers::add(const StateAnswer& answer) {
  const size_t at = bytes_.size();
  add(answer.done, answer.value ? std::optional<ByteView>(*answer.value) : std::nullopt,
      answer.epoch);
  if (answer.entries.empty()) return;
  bytes_[at] |= static_cast<std::byte>(has_entries | (answer.more ? has_more : 0));
  bytes_.end_at(put(bytes_.next(1), static_cast<uint8_t>(answer.entries.size())));
  for (const StateEntry& entry : answer.entries) {
    std::byte* to = bytes_.next(1 + entry.key.size() + sizeof(uint16_t) + entry.value.size());
    to = put(put(to, static_cast<uint8_t>(entry.key.size())), as_bytes(entry.key));
    bytes_.end_at(put_value(to, entry.value));
  }
}

void StateAnswers::add(const Error& error) {
  const size_t at = bytes_.size();
  const size_t room = at + kErrorBytesMax > kStateAnswersBytesMax ? 0 : kErrorBytesMax;
  const ByteView text = as_bytes(std::string_view(error.detail).substr(0, room));
  std::byte* to = put(bytes_.next(2 + sizeof(uint16_t) + text.size()), uint8_t{is_failed});
  bytes_.end_at(put_value(put(to, static_cast<uint8_t>(error.code)), text));
  ++size_;
}

Result<StateAnswers> StateAnswers::parse(ByteView bytes, std::optional<uint32_t> certified) {
  if (bytes.size() > kStateBatchBytesMax)
    return fail(Code::too_large, "the answers to a batch have at most " +
                                     std::to_string(kStateBatchBytesMax) + " bytes");
  StateAnswers answers;
  StateAnswerReader reader(bytes, certified);
  for (StateAnswerView answer; !reader.done(); ++answers.size_) {
    if (answers.size_ == kStateBatchCallsMax || !reader.next(answer))
      return fail(Code::malformed,
                  "answer " + std::to_string(answers.size_) + " of a batch cannot be read");
    if (!answer.failed) answers.epoch_ = std::max(answers.epoch_.value_or(0), answer.epoch);
  }
  answers.bytes_ = ByteBuffer(bytes);
  answers.certified = certified;
  return answers;
}

std::vector<Result<StateAnswer>> StateAnswers::all() const {
  std::vector<Result<StateAnswer>> out;
  StateAnswerReader reader = answers();
  for (StateAnswerView answer; reader.next(answer);) out.push_back(answer.take());
  return out;
}

Result<StateAnswer> StateAnswers::front() const {
  StateAnswerView answer;
  if (!answers().next(answer)) return fail(Code::malformed, "a call of the state has no answer");
  return answer.take();
}

}  // namespace themis
