#include "runtime/oyster/label.hpp"

namespace themis::oyster {
namespace {

constexpr std::string_view kSymbols = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr unsigned kBits = 5;

tl::unexpected<DecodeError> wrong(size_t position, DecodeError::Kind kind) {
  return tl::unexpected<DecodeError>(DecodeError{position, kind});
}

}  // namespace

std::string DecodeError::text() const {
  const char* names[] = {"Length", "Symbol", "Trailing"};
  return "DecodeError { position: " + std::to_string(position) +
         ", kind: " + names[static_cast<size_t>(kind)] + " }";
}

tl::expected<Bytes, DecodeError> decode_base32(std::string_view text) {
  const size_t spare = kBits * text.size() % 8;
  if (spare >= kBits) return wrong(text.size() - 1, DecodeError::Kind::length);
  Bytes out;
  out.reserve(text.size() * kBits / 8);
  unsigned window = 0;
  unsigned bits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const size_t value = kSymbols.find(c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c);
    if (value == std::string_view::npos) return wrong(i, DecodeError::Kind::symbol);
    window = (window << kBits | static_cast<unsigned>(value)) & 0xFFF;
    bits += kBits;
    if (bits < 8) continue;
    bits -= 8;
    out.push_back(static_cast<std::byte>(window >> bits));
  }
  if ((window & ((1u << bits) - 1)) != 0)
    return wrong(text.size() - 1, DecodeError::Kind::trailing);
  return out;
}

std::string encode_base32(ByteView bytes) {
  std::string out;
  unsigned window = 0;
  unsigned bits = 0;
  for (const std::byte byte : bytes) {
    window = (window << 8 | std::to_integer<unsigned>(byte)) & 0xFFF;
    for (bits += 8; bits >= kBits; bits -= kBits)
      out.push_back(kSymbols[(window >> (bits - kBits)) & 31]);
  }
  if (bits > 0) out.push_back(kSymbols[(window << (kBits - bits)) & 31]);
  return out;
}

std::string_view first_label(std::string_view host) { return host.substr(0, host.find('.')); }

}  // namespace themis::oyster
