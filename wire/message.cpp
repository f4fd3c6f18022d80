#include "wire/message.hpp"

namespace themis::wire {
namespace {

constexpr auto kLastKind = static_cast<uint8_t>(MessageKind::cancel);
constexpr uint8_t kHasKey = 1;  // the flags byte; the other bits are zero

}  // namespace

void MessageHeader::write(std::byte* to) const {
  store<uint32_t>(to, length);
  store<uint8_t>(to + 4, static_cast<uint8_t>(kind));
  store<uint8_t>(to + 5, key.is_zero() ? 0 : kHasKey);
  store<uint16_t>(to + 6, 0);
  store<uint32_t>(to + 8, deadline_ms);
  store<uint32_t>(to + 12, credit);
  store<uint64_t>(to + 16, target);
  store<uint64_t>(to + 24, request);
  store<uint64_t>(to + 32, type);
  if (!key.is_zero()) std::memcpy(to + kBytes, key.bytes.data(), IdempotencyKey::kBytes);
}

size_t MessageHeader::bytes_of(const std::byte* from) {
  const bool request = load<uint8_t>(from + 4) == static_cast<uint8_t>(MessageKind::request);
  return request && load<uint8_t>(from + 5) == kHasKey ? kBytesMax : kBytes;
}

Result<MessageHeader> MessageHeader::read(const std::byte* from) {
  MessageHeader header;
  const auto kind = load<uint8_t>(from + 4);
  const auto flags = load<uint8_t>(from + 5);
  if (kind == 0 || kind > kLastKind || (flags & ~kHasKey) != 0 || load<uint16_t>(from + 6) != 0)
    return fail(Code::malformed, "a message of unknown kind " + std::to_string(kind));
  header.length = load<uint32_t>(from);
  if (header.length > kMessageBytesMax)
    return fail(Code::too_large, "a message of " + std::to_string(header.length) + " bytes");
  if (header.length % Frame::kWordBytes != 0)
    return fail(Code::malformed,
                "a message of " + std::to_string(header.length) + " bytes, not whole words");
  header.kind = static_cast<MessageKind>(kind);
  if (has_payload(header.kind) != (header.length > 0))
    return fail(Code::malformed, "a message of kind " + std::to_string(kind) + " with " +
                                     std::to_string(header.length) + " bytes");
  header.deadline_ms = load<uint32_t>(from + 8);
  header.credit = load<uint32_t>(from + 12);
  header.target = load<uint64_t>(from + 16);
  header.request = load<uint64_t>(from + 24);
  header.type = load<uint64_t>(from + 32);
  const bool names_more = header.target != 0 || header.type != 0 || header.deadline_ms != 0;
  if (header.kind == MessageKind::cancel && (header.request == 0 || names_more))
    return fail(Code::malformed, "a cancel names one request and nothing else");
  if (flags == 0) return header;
  if (header.kind != MessageKind::request)
    return fail(Code::malformed, "an idempotency key without a request");
  std::memcpy(header.key.bytes.data(), from + kBytes, IdempotencyKey::kBytes);
  if (header.key.is_zero()) return fail(Code::malformed, "an idempotency key of zeros");
  return header;
}

size_t MessageReader::take(ByteView from) {
  const size_t wanted = std::min(header_bytes_ - header_filled_, from.size());
  std::memcpy(raw_header_ + header_filled_, from.data(), wanted);
  header_filled_ += wanted;
  return wanted;
}

Status MessageReader::begin() {
  THEMIS_TRY(header_, MessageHeader::read(raw_header_));
  frame_ = Frame::make_received(header_.length / Frame::kWordBytes,
                                header_.length == 0 ? OriginPtr{} : origin_);
  frame_.writable()->set_type(header_.type);
  filled_ = 0;
  return {};
}

size_t MessageReader::fill(ByteView from) {
  const size_t wanted = std::min<size_t>(header_.length - filled_, from.size());
  std::memcpy(frame_.writable()->data() + filled_, from.data(), wanted);
  filled_ += wanted;
  return wanted;
}

}  // namespace themis::wire
