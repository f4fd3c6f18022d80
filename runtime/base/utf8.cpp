#include "runtime/base/utf8.hpp"

namespace themis {
namespace {

/// The allowed continuation of a lead byte: how many bytes follow, and the range of the first of
/// them (Unicode 15, table 3-7).
struct Lead {
  size_t more = 0;
  uint8_t low = 0x80;
  uint8_t high = 0xBF;
  bool valid = true;
};

Lead lead_of(uint8_t byte) {
  if (byte < 0x80) return {};
  if (byte < 0xC2) return {.valid = false};
  if (byte < 0xE0) return {.more = 1};
  if (byte == 0xE0) return {.more = 2, .low = 0xA0};
  if (byte == 0xED) return {.more = 2, .high = 0x9F};
  if (byte < 0xF0) return {.more = 2};
  if (byte == 0xF0) return {.more = 3, .low = 0x90};
  if (byte < 0xF4) return {.more = 3};
  if (byte == 0xF4) return {.more = 3, .high = 0x8F};
  return {.valid = false};
}

/// How many of the bytes from `at` (the lead included) follow the rules of `lead`.
size_t matched(ByteView bytes, size_t at, const Lead& lead) {
  for (size_t i = 1; i <= lead.more; ++i) {
    if (at + i >= bytes.size()) return i;
    const auto byte = std::to_integer<uint8_t>(bytes[at + i]);
    const uint8_t low = i == 1 ? lead.low : 0x80;
    const uint8_t high = i == 1 ? lead.high : 0xBF;
    if (byte < low || byte > high) return i;
  }
  return lead.more + 1;
}

bool ascii_word(ByteView bytes, size_t at) {
  return at + 8 <= bytes.size() && (load<uint64_t>(&bytes[at]) & 0x8080808080808080u) == 0;
}

}  // namespace

bool is_utf8(ByteView bytes) {
  for (size_t at = 0; at < bytes.size();) {
    if (ascii_word(bytes, at)) {
      at += 8;
      continue;
    }
    const Lead lead = lead_of(std::to_integer<uint8_t>(bytes[at]));
    if (!lead.valid || matched(bytes, at, lead) != lead.more + 1) return false;
    at += lead.more + 1;
  }
  return true;
}

size_t incomplete_utf8_tail(ByteView bytes) {
  for (size_t back = 1; back <= 3 && back <= bytes.size(); ++back) {
    const size_t at = bytes.size() - back;
    const auto byte = std::to_integer<uint8_t>(bytes[at]);
    if ((byte & 0xC0) == 0x80) continue;
    const Lead lead = lead_of(byte);
    const bool open = lead.valid && lead.more >= back && matched(bytes, at, lead) == back;
    return open ? back : 0;
  }
  return 0;
}

}  // namespace themis
