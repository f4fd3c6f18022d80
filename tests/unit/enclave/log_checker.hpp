#pragma once
// Reads what a word store's monitor was told, and says what a plain map would have answered. Shares
// no code with the monitor.

#include <map>
#include <optional>

#include "runtime/base/bytes.hpp"

namespace themis::tests {

/// One thread's log, whole and accepted; a map of its own records.
class LogChecker {
 public:
  /// Appends the answers of the batch's calls to answers().
  void read(ByteView batch) {
    at_ = batch.data() + 30;  // instance, thread, sequence number, length
    const std::byte* end = batch.data() + batch.size();
    while (at_ < end) command(take<uint8_t>());
  }
  const Bytes& answers() const { return answers_; }

 private:
  template <class T>
  T take() {
    at_ += sizeof(T);
    return load<T>(at_ - sizeof(T));
  }
  void skip_edges() {
    for (int side = 0; side < 2; ++side)
      if (take<uint8_t>() == 1) at_ += 34 + 32 + 1;
  }
  uint64_t record() {
    const auto key = take<uint64_t>();
    if (take<uint8_t>() == 1) at_ += 8;
    return key;
  }
  void command(uint8_t kind) {
    switch (kind) {
      case 1:
        at_ += 2 + 2 + 34, skip_edges();
        break;
      case 2:
        at_ += 2 + 2, record();
        break;
      case 3:
        at_ += 2 + 2;
        break;
      case 4:
        at_ += 2 + 8 + 2 + 34, skip_edges();
        break;
      case 5:
        at_ += 2 + 8 + 2, record();
        break;
      case 6:
        at_ += 2 + 8;
        break;
      case 7:
        at_ += 2 + 2 + 8;
        break;
      case 10: {
        at_ += 2;  // nobody
        const auto function = take<uint8_t>();
        const auto first = take<uint64_t>();
        call(function, first, function == 6 ? take<uint64_t>() : 0);
        at_ += function == 6 ? 4 : 2;
        break;
      }
      case 11: {
        at_ += 2;  // nobody
        const auto function = take<uint8_t>();
        call(function, take<uint64_t>(), 0);
        at_ += 8 + 2 + 8;
        if (take<uint8_t>() == 1) at_ += 8;
        break;
      }
      default:
        break;  // the ends of epochs
    }
  }
  std::optional<uint64_t> optional_value() {
    return take<uint8_t>() == 1 ? std::optional(take<uint64_t>()) : std::nullopt;
  }
  void answer(bool done, std::optional<uint64_t> value = std::nullopt) {
    answers_.push_back(std::byte{done});
    answers_.push_back(std::byte{value.has_value()});
    if (value) append(answers_, std::as_bytes(std::span(&*value, 1)));
  }
  void call(uint8_t function, uint64_t key, uint64_t second) {
    const auto found = map_.find(key);
    const auto now = found == map_.end() ? std::nullopt : std::optional(found->second);
    switch (function) {
      case 1:
        return answer(true, now);
      case 2:
        return answer(!now);
      case 3:
        map_[key] = take<uint64_t>();
        return answer(true);
      case 4:
        map_.erase(key);
        return answer(now.has_value());
      case 5: {
        const auto expected = optional_value();
        const auto value = take<uint64_t>();
        if (expected == now) map_[key] = value;
        return answer(expected == now, now);
      }
      default:
        const bool can = now && !map_.contains(second);
        if (can) {
          map_[second] = *now;
          map_.erase(key);
        }
        return answer(can);
    }
  }

  const std::byte* at_ = nullptr;
  std::map<uint64_t, uint64_t> map_;
  Bytes answers_;
};

}  // namespace themis::tests
