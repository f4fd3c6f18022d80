#include "runtime/js/cloned_bytes.hpp"

#include <optional>
#include <string>

namespace themis::js {
namespace {

constexpr uint8_t kVersionTag = 0xFF;
constexpr uint8_t kVersion = 15;
constexpr size_t kDoubleBytes = 8;
/// Of the numbers, which have 32 bits in groups of seven: the fifth has four.
constexpr int kLastShift = 28;
constexpr uint8_t kLastGroupMax = 0x0F;

/// One pass over the bytes, by recursive descent. The first fault ends it.
class Checker {
 public:
  explicit Checker(ByteView bytes) : bytes_(bytes) {}

  Status check() {
    if (byte() != kVersionTag || byte() != kVersion) refuse(Code::malformed);
    value(0);
    if (at_ != bytes_.size()) refuse(Code::malformed);
    if (!refused_) return {};
    if (*refused_ == Code::too_large)
      return fail(Code::too_large, "a value of more than " + std::to_string(kClonedObjectsMax) +
                                       " objects, or more than " + std::to_string(kClonedDepthMax) +
                                       " inside one another");
    return fail(Code::malformed, "bytes that are no value between functions");
  }

 private:
  bool ok() const { return !refused_; }
  void refuse(Code why) {
    if (!refused_) refused_ = why;
    at_ = bytes_.size();
  }
  /// 0 after a fault.
  uint8_t byte() {
    if (at_ < bytes_.size()) return std::to_integer<uint8_t>(bytes_[at_++]);
    refuse(Code::malformed);
    return 0;
  }
  void skip(size_t count) {
    if (count > bytes_.size() - at_) return refuse(Code::malformed);
    at_ += count;
  }
  uint32_t number() {
    uint32_t value = 0;
    for (int shift = 0; ok(); shift += 7) {
      const uint8_t next = byte();
      if (shift == kLastShift && next > kLastGroupMax) break;
      value |= uint32_t{next & 0x7Fu} << shift;
      if ((next & 0x80) == 0) return value;
    }
    refuse(Code::malformed);
    return 0;
  }
  /// Zeros before a tag are padding: characters of 16 bits lie at even places.
  char tag() {
    uint8_t next = byte();
    while (next == 0 && ok()) next = byte();
    return static_cast<char>(next);
  }
  bool next_is(char wanted) {
    const size_t before = at_;
    if (at_ < bytes_.size() && tag() == wanted) return true;
    if (ok()) at_ = before;
    return false;
  }
  void count_object(size_t depth) {
    if (++objects_ > kClonedObjectsMax || depth > kClonedDepthMax) refuse(Code::too_large);
  }

  void value(size_t depth) { value(depth, tag()); }
  void value(size_t depth, char kind) {
    switch (kind) {
      case '_':
      case '0':
      case 'T':
      case 'F':
        return;
      case 'I':
      case 'U':
        return void(number());
      case 'N':
        return skip(kDoubleBytes);
      case 'Z':
        return big_int();
      case '"':
      case 'c':
        return skip(number());
      case '^':
        number();
        return view();
      default:
        count_object(depth);
        if (ok()) object(depth, kind);
    }
  }
  void object(size_t depth, char kind) {
    switch (kind) {
      case 'o':
        if (properties(depth, '{') != number()) refuse(Code::malformed);
        return;
      case 'A':
        return array(depth);
      case 'a':
        number();
        return sparse_end(depth);
      case 'D':
      case 'n':
        return skip(kDoubleBytes);
      case 'y':
      case 'x':
        return;
      case 'z':
        return big_int();
      case 's':
        return text();
      case 'R':
        text();
        return void(number());
      case ';':
        return entries(depth, ':', 2);
      case '\'':
        return entries(depth, ',', 1);
      case 'B':
        skip(number());
        return view();
      case 'r':
        return error(depth);
      default:
        refuse(Code::malformed);
    }
  }

  void big_int() {
    const uint32_t head = number();  // a sign, and the length in bytes
    if (head >> 31 != 0) return refuse(Code::malformed);
    skip(head >> 1);
  }
  void text() {
    const char kind = tag();
    if (kind != '"' && kind != 'c') return refuse(Code::malformed);
    skip(number());
  }
  void key() {
    const char kind = tag();
    if (kind != '"' && kind != 'c' && kind != 'I' && kind != 'U' && kind != 'N')
      return refuse(Code::malformed);
    value(0, kind);
  }
  /// Their count.
  uint32_t properties(size_t depth, char end) {
    uint32_t count = 0;
    while (ok() && !next_is(end)) {
      key();
      value(depth + 1);
      ++count;
    }
    return count;
  }
  void array(size_t depth) {
    const uint32_t length = number();
    if (length > bytes_.size() - at_) return refuse(Code::malformed);
    for (uint32_t i = 0; i < length && ok(); ++i)
      if (!next_is('-')) value(depth + 1);
    if (properties(depth, '$') != number() || number() != length) refuse(Code::malformed);
  }
  void sparse_end(size_t depth) {
    if (properties(depth, '@') != number()) refuse(Code::malformed);
    number();
  }
  void entries(size_t depth, char end, uint32_t values_each) {
    uint32_t count = 0;
    while (ok() && !next_is(end)) {
      for (uint32_t i = 0; i < values_each; ++i) value(depth + 1);
      count += values_each;
    }
    if (count != number()) refuse(Code::malformed);
  }
  /// After a buffer, or a reference that may be to one.
  void view() {
    if (!next_is('V')) return;
    count_object(0);
    if (std::string_view("bBCwWdDhfFqQ?").find(static_cast<char>(byte())) == std::string_view::npos)
      return refuse(Code::malformed);
    number();                                    // where it begins
    number();                                    // how long it is
    if (number() != 0) refuse(Code::malformed);  // that follows its buffer's length
  }
  /// Its class, message, stack and cause, each there or not, in this order.
  void error(size_t depth) {
    auto next = static_cast<char>(byte());
    if (std::string_view("ERFSTU").find(next) != std::string_view::npos)
      next = static_cast<char>(byte());
    for (const char part : {'m', 's'}) {
      if (next != part) continue;
      text();
      next = static_cast<char>(byte());
    }
    if (next == 'c') {
      value(depth + 1);
      next = static_cast<char>(byte());
    }
    if (next != '.') refuse(Code::malformed);
  }

  const ByteView bytes_;
  size_t at_ = 0;
  size_t objects_ = 0;
  std::optional<Code> refused_;
};

}  // namespace

Status check_cloned(ByteView bytes) { return Checker(bytes).check(); }

}  // namespace themis::js
